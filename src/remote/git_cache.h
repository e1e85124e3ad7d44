// Git repositories, kept for the next build: one bare repository per remote, below <root>/<key>/, <key>
// being a digest of the remote's URL, with <key>.lock beside it. git makes what it stores durable by
// itself.
#pragma once

#include <stop_token>
#include <string>

#include "core/result.h"
#include "os/fd.h"
#include "remote/git.h"
#include "remote/source.h"

namespace pgstrata::remote {

/// What a GitSource's ref stands for right now.
struct GitCommit {
  std::string object;  ///< hash of the commit, or of the annotated tag that names it
  std::string commit;  ///< of the commit itself where that is known, else the same as `object`
  std::string ref;     ///< "refs/heads/main", or the hash
};

/// Asks the remote, but for nothing that the source says already. kBuildFailed: no such repository or
/// ref; kCorrupt: `checksum` says otherwise.
Result<GitCommit> resolve_commit(const Git& git, const GitSource& source, const std::stop_token& stop);

class GitRepository {
 public:
  /// The kept repository of the source's remote, locked until this goes.
  static Result<GitRepository> open(const std::string& root, const Git& git, const GitSource& source,
                                    bool sha256);

  /// Brings in what isn't there yet.
  Result<void> fetch(const GitSource& source, const GitCommit& commit, const std::stop_token& stop);
  /// The files of the commit, with submodules, in the new directory `target`. kBuildFailed: no such subdir.
  Result<void> check_out(const GitSource& source, const GitCommit& commit, const std::string& target,
                         const std::stop_token& stop) const;
  /// Seconds since 1970: when it was committed.
  Result<std::int64_t> commit_time(const GitCommit& commit) const;

 private:
  GitRepository(os::Fd lock, std::string path, Git git);
  /// The checkout with a .git of its own (--keep-git-dir).
  Result<void> check_out_repository(const Git& git, const GitSource& source, const GitCommit& commit,
                                    const std::stop_token& stop) const;

  os::Fd lock_;
  std::string path_;
  Git git_;
};

}  // namespace pgstrata::remote
