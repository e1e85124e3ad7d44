// What ADD takes from URLs and Git repositories, for keys and plans.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "context/build_context.h"
#include "core/result.h"
#include "graph/op.h"
#include "remote/fetcher.h"
#include "solver/copy_plan.h"

namespace pgstrata::solver {

/// Calls may come from several threads.
class RemoteSources {
 public:
  /// `fetcher` is borrowed, and only needed if there is something to fetch.
  explicit RemoteSources(remote::Fetcher* fetcher) : fetcher_(fetcher) {}

  /// Over what the action's remote sources are now; none if it has none. A repository isn't checked out for
  /// it.
  Result<oci::Digest> digest(const graph::CopyAction& action, const std::stop_token& stop);
  /// `local` with the files of the remote sources between them, in the order of the instruction. Their
  /// trees live as long as this.
  Result<std::vector<Selected>> select(const graph::CopyAction& action, std::vector<Selected> local,
                                       const std::stop_token& stop);

 private:
  Result<Selected> select_one(const graph::CopyAction& action, const graph::RemoteFiles& remote,
                              const std::stop_token& stop);
  Result<const filetree::FileTree*> tree(const remote::Source& source, const std::stop_token& stop);

  remote::Fetcher* const fetcher_;
  std::mutex mutex_;
  std::map<remote::Source, std::unique_ptr<context::BuildContext>> trees_;
};

}  // namespace pgstrata::solver
