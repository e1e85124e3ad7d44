#include "solver/remote_sources.h"

#include <fmt/format.h>

#include <iterator>

#include "solver/copy_filter.h"

namespace pgstrata::solver {

Result<oci::Digest> RemoteSources::digest(const graph::CopyAction& action, const std::stop_token& stop) {
  if (action.remotes.empty()) return oci::Digest{};
  oci::KeyHasher key("pgstrata.remote-sources.v1");
  for (const graph::RemoteFiles& remote : action.remotes)
    key.add("digest", TRY(fetcher_->digest(remote.source, stop)));
  return key.finish();
}

Result<const filetree::FileTree*> RemoteSources::tree(const remote::Source& source,
                                                      const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  auto& tree = trees_[source];
  if (!tree) {
    const std::string directory = TRY(fetcher_->directory(source, stop));
    tree = TRY(context::BuildContext::open({.directory = directory}));
  }
  return tree.get();
}

Result<Selected> RemoteSources::select_one(const graph::CopyAction& action,
                                           const graph::RemoteFiles& remote, const std::stop_token& stop) {
  Selected selected;
  selected.tree = TRY(tree(remote.source, stop));
  selected.unpack = remote.unpack;
  if (const auto* http = std::get_if<remote::HttpSource>(&remote.source))
    selected.path = selected.top = http->filename;
  selected.entries = TRY(selected.tree->walk(selected.top));
  const CopyFilter filter = TRY(CopyFilter::make({}, action.exclude));
  filter.apply(selected.entries, selected.top);
  return selected;
}

Result<std::vector<Selected>> RemoteSources::select(const graph::CopyAction& action,
                                                    std::vector<Selected> local,
                                                    const std::stop_token& stop) {
  if (action.remotes.empty()) return local;
  std::vector<Selected> all;
  auto next = local.begin();
  for (const graph::RemoteFiles& remote : action.remotes) {
    for (; next != local.end() && next->source < remote.position; ++next) all.push_back(std::move(*next));
    all.push_back(TRY(select_one(action, remote, stop)));
  }
  all.insert(all.end(), std::make_move_iterator(next), std::make_move_iterator(local.end()));
  return all;
}

}  // namespace pgstrata::solver
