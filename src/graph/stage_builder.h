// Applies the instructions of one stage in order: the state of the stage and the vertices that they
// make. Internal to from_dockerfile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/environment.h"
#include "graph/from_dockerfile.h"
#include "graph/op.h"
#include "graph/plan_observer.h"
#include "graph/stages.h"

namespace pgstrata::graph {

/// What the instructions so far have made of a stage. A stage that is FROM another one starts with a copy.
struct StageState {
  std::optional<VertexId> root;
  oci::ImageConfig config;
  Environment env;                                        ///< what RUN sees: ENV and ARG
  Environment image_env;                                  ///< what the image gets: ENV
  std::vector<std::pair<std::string, std::string>> args;  ///< declared so far; the value at the declaration
  std::vector<HistoryStep> history;
  std::vector<ConfigStep> config_steps;
  bool cmd_set = false;  ///< CMD stood in this stage
};

/// The vertices made so far, and the stages that are finished.
struct PlannedBuild {
  std::vector<Vertex> vertices;
  std::vector<std::optional<StageState>> stages;  ///< by index
  std::map<std::pair<std::string, oci::Platform>, VertexId> images;

  /// The vertex of an image; made with `name` on its first use.
  VertexId image(const std::string& reference, const oci::Platform& platform, const std::string& name,
                 const dockerfile::Instruction& instruction);
};

/// What stays the same for all stages.
struct BuildInput {
  const dockerfile::Dockerfile& dockerfile;
  const BuildRequest& request;
  const StageList& stages;
  std::vector<std::string> proxy_env;
  PlanObserver* observer = nullptr;
};

class StageBuilder {
 public:
  StageBuilder(const BuildInput& input, PlannedBuild& build, const Stage& stage, StageState state);

  /// "[build  2/12] text": counts this vertex.
  std::string numbered(const std::string& text);
  /// Sets the files that the stage starts with.
  void set_root(std::optional<VertexId> root) { state_.root = root; }
  /// The stage as it is now.
  [[nodiscard]] StageView view() const {
    return {.stages = input_.stages,
            .stage = stage_,
            .env = state_.env,
            .config = state_.config,
            .args = state_.args};
  }
  Result<void> apply(const Step& step);
  StageState finish() &&;

 private:
  Result<void> act(const dockerfile::From&);
  Result<void> act(const dockerfile::Run&);
  Result<void> act(const dockerfile::Copy&);
  Result<void> act(const dockerfile::Add&);
  Result<void> act(const dockerfile::Env&);
  Result<void> act(const dockerfile::Arg&);
  Result<void> act(const dockerfile::Label&);
  Result<void> act(const dockerfile::Expose&);
  Result<void> act(const dockerfile::Volume&);
  Result<void> act(const dockerfile::User&);
  Result<void> act(const dockerfile::Workdir&);
  Result<void> act(const dockerfile::Cmd&);
  Result<void> act(const dockerfile::Entrypoint&);
  Result<void> act(const dockerfile::Healthcheck&);
  Result<void> act(const dockerfile::StopSignal&);
  Result<void> act(const dockerfile::Shell&);
  Result<void> act(const dockerfile::OnBuild&);
  Result<void> act(const dockerfile::Maintainer&);

  [[nodiscard]] std::string shown_platform() const;

  // run.cc
  struct ShellCommand;
  Result<ShellCommand> run_command(const dockerfile::Run& run);
  Result<ExecMount> exec_mount(const dockerfile::MountFlag& flag, std::size_t& ssh_count);
  Result<std::string> mount_target(const dockerfile::MountFlag& flag, const std::string& target) const;
  std::string run_name(const dockerfile::Run& run, const std::string& summary) const;
  std::string run_history(const std::vector<std::string>& argv) const;
  /// What ADD's flags say about its remote sources.
  struct RemoteOptions {
    std::string checksum;
    std::optional<bool> keep_git_dir;
    bool unpack = false;
  };
  // copy.cc
  Result<void> copy(CopyAction action, const dockerfile::CopySources& sources, std::string created_by,
                    const RemoteOptions& remotes);
  Result<void> expand_owner(CopyAction& action, const std::string& chown, const std::string& chmod,
                            std::string& created_by);

  // add.cc
  /// The URL or Git repository that `source` is, as the flags of its ADD want it; nothing for a local path.
  [[nodiscard]] Result<std::optional<remote::Source>> remote_source(const std::string& source,
                                                                    const RemoteOptions& options) const;

  /// Where COPY --from and mounts take files from.
  Result<Input> input_from(const std::string& name, bool index_allowed);
  void add_vertex(Op op, const std::string& text, const std::string& created_by, bool cacheable);
  void add_config(const std::string& created_by);
  void note_config_step();
  [[nodiscard]] std::vector<std::string> with_shell(const dockerfile::CommandLine& command) const;
  [[nodiscard]] std::string configured_dir() const;  ///< absolute, as WORKDIR wrote it
  [[nodiscard]] std::string working_dir() const;     ///< the same, clean
  Result<std::string> expand(const std::string& word) const;
  Result<NameValue> expand_pair(const dockerfile::KeyValue& pair) const;
  /// The instruction as progress shows it: keyword in upper case, variables expanded where that works.
  [[nodiscard]] std::string display_text() const;
  [[nodiscard]] Error error(std::string what, std::string next = {}) const;
  /// The same, at the place of `word` in the instruction.
  /// `path` as it is, but for a Windows image without its drive and backslashes. `word`: where it is
  /// written.
  [[nodiscard]] Result<std::string> on_drive(std::string_view word, std::string path) const;
  [[nodiscard]] Error error_at(std::string_view word, std::string what, std::string next = {}) const;

  const BuildInput& input_;
  PlannedBuild& build_;
  const Stage& stage_;
  StageState state_;
  const Step* step_ = nullptr;
  std::size_t total_ = 0;
  std::size_t count_ = 0;
};

}  // namespace pgstrata::graph
