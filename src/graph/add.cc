// ADD: COPY that also takes URLs and Git repositories, and unpacks archives.
#include <fmt/format.h>

#include "graph/stage_builder.h"
#include "oci/digest.h"

namespace pgstrata::graph {

Result<std::optional<remote::Source>> StageBuilder::remote_source(const std::string& source,
                                                                  const RemoteOptions& options) const {
  auto parsed = remote::parse_source(source);
  if (!parsed)
    return fail(input_.dockerfile.source.located(std::move(parsed).error(), step_->instruction.range));
  if (!*parsed) return std::optional<remote::Source>();
  if (auto* http = std::get_if<remote::HttpSource>(&**parsed)) {
    http->checksum = options.checksum;
    if (!http->checksum.empty() && !oci::Digest::parse(http->checksum))
      return fail(error(fmt::format("invalid checksum {}", http->checksum),
                        "write --checksum=sha256: and the file's SHA-256 in 64 hex digits"));
    return std::move(*parsed);
  }
  auto& git = std::get<remote::GitSource>(**parsed);
  if (git.keep_git_dir && options.keep_git_dir && *git.keep_git_dir != *options.keep_git_dir)
    return fail(error("inconsistent keep-git-dir configuration", "say it in the flag or in the URL"));
  if (!git.keep_git_dir) git.keep_git_dir = options.keep_git_dir;
  if (!git.checksum.empty() && !options.checksum.empty() && git.checksum != options.checksum)
    return fail(error(fmt::format("checksum mismatch \"{}\" != \"{}\"", options.checksum, git.checksum),
                      "say it in the flag or in the URL"));
  if (git.checksum.empty()) git.checksum = options.checksum;
  return std::move(*parsed);
}

Result<void> StageBuilder::act(const dockerfile::Add& add) {
  const RemoteOptions remotes{.checksum = TRY(expand(add.checksum)),
                              .keep_git_dir = add.keep_git_dir,
                              .unpack = add.unpack.value_or(false)};
  if (!remotes.checksum.empty()) {
    if (add.sources.paths.size() != 1)
      return fail(
          error("checksum can't be specified for multiple sources", "write one ADD for each of them"));
    const std::string source = TRY(expand(add.sources.paths.front()));
    if (!TRY(remote_source(source, remotes)))
      return fail(error_at(add.checksum, "checksum requires HTTP(S) or Git sources",
                           "remove --checksum: a local file is hashed anyway"));
  }
  CopyAction action{.from = LocalInput{}, .destination = {}};
  action.exclude = add.exclude;
  action.link = add.link;
  action.unpack = add.unpack.value_or(true);
  std::string created_by = "ADD";
  TRY_VOID(expand_owner(action, add.chown, add.chmod, created_by));
  return copy(std::move(action), add.sources, std::move(created_by), remotes);
}

}  // namespace pgstrata::graph
