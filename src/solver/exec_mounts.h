// What a RUN sees besides its root file system: bind, cache, tmpfs and secret mounts, heredoc scripts, the
// machine's apt sources.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "graph/op.h"
#include "os/fd.h"
#include "sandbox/launcher.h"
#include "snapshot/overlay.h"
#include "solver/build_executor.h"

namespace pgstrata::solver {

/// The mounts of one running step. What they were made of goes with the object: overlays are unmounted,
/// locks released; the files lie below `directory`, which the caller removes afterwards.
class ExecMounts {
 public:
  /// `directory` exists and is empty.
  ExecMounts(const BuildInputs& inputs, std::string directory)
      : inputs_(inputs), directory_(std::move(directory)) {}

  /// The machine's apt sources and its apt's proxies, for a bootstrapped base of this suite.
  Result<void> add_apt_sources(const std::string& suite);
  Result<void> add_script(const graph::ScriptFile& script);
  /// A bind mount whose source is `tree` (a context: its files are laid out below `directory` as the
  /// image would have them) or the layers of a stage.
  Result<void> add_bind(const graph::BindMount& mount, const filetree::FileTree* tree,
                        const std::vector<cache::LayerRow>& stage);
  /// A directory of the store that outlives the build; `seed` fills it when it is made first.
  Result<void> add_cache(const graph::CacheMount& mount, const filetree::FileTree* seed);
  Result<void> add_tmpfs(const graph::TmpfsMount& mount);
  /// Gives the environment variable to set, if the mount wants one ("NAME=value").
  Result<std::optional<std::string>> add_secret(const graph::SecretMount& mount);

  [[nodiscard]] const std::vector<sandbox::Mount>& mounts() const { return mounts_; }

 private:
  std::string new_path();
  Result<std::string> lay_out(const filetree::FileTree& tree, const std::string& top);
  Result<std::string> mount_writable(const std::string& lower);
  Result<std::string> mount_stage(const std::vector<cache::LayerRow>& stage, bool writable);

  const BuildInputs& inputs_;
  std::string directory_;
  int count_ = 0;
  std::vector<sandbox::Mount> mounts_;
  std::vector<snapshot::Mounted> overlays_;
  std::vector<os::Fd> locks_;
};

}  // namespace pgstrata::solver
