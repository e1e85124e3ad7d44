// What a RUN sees besides its root file system: bind, cache, tmpfs, secret and ssh mounts, heredoc scripts,
// the machine's apt sources.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cache/read_set.h"
#include "core/result.h"
#include "graph/op.h"
#include "os/fd.h"
#include "sandbox/launcher.h"
#include "snapshot/overlay.h"
#include "solver/agent_socket.h"
#include "solver/build_executor.h"
#include "solver/recorded_overlay.h"

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
  /// A bind mount, the op's mount number `index`, whose source is `tree` (a context: its files are laid out
  /// below `directory` as the image would have them) or a stage.
  Result<void> add_bind(std::size_t index, const graph::BindMount& mount, const filetree::FileTree* tree,
                        const Chain& stage);
  /// A directory of the store that outlives the build; `seed` fills it when it is made first. As in
  /// BuildKit another seed, `content`, means another cache.
  Result<void> add_cache(const graph::CacheMount& mount, const filetree::FileTree* seed,
                         const oci::Digest& content);
  Result<void> add_tmpfs(const graph::TmpfsMount& mount);
  /// Gives the environment variable to set, if the mount wants one ("NAME=value").
  Result<std::optional<std::string>> add_secret(const graph::SecretMount& mount);
  /// A socket behind which the agent of --ssh answers; nothing if there is none and none is required.
  Result<void> add_ssh(const graph::SshMount& mount);

  [[nodiscard]] const std::vector<sandbox::Mount>& mounts() const { return mounts_; }

  /// What was asked of the bind mounts; without the answers. To be called when the step has ended; nothing
  /// of theirs is mounted any more.
  Result<std::vector<cache::AskedMount>> finish();

 private:
  std::string new_path();
  /// The directory that shows `top`, or holds it alone if it is no directory.
  Result<std::string> lay_out(const filetree::FileTree& tree, const std::string& top);
  struct BindMounted {
    std::size_t index = 0;
    std::string file;  ///< the mount's source is this file of what is mounted; empty: it is all of that
    RecordedOverlay overlay;
  };
  Result<void> mount_bind(std::size_t index, const graph::BindMount& mount, std::string file,
                          RecordedOverlaySpec spec);

  const BuildInputs& inputs_;
  std::string directory_;
  int count_ = 0;
  std::vector<sandbox::Mount> mounts_;
  std::vector<std::unique_ptr<snapshot::ChainView>> views_;  ///< of stages that are mounted
  std::vector<snapshot::Mounted> stages_;
  std::vector<BindMounted> binds_;
  std::vector<os::Fd> locks_;
  std::vector<std::unique_ptr<AgentSocket>> agents_;
};

}  // namespace pgstrata::solver
