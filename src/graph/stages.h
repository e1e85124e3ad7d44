// The stages of a Dockerfile: what belongs to each, what it is FROM and which others it uses.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/environment.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::graph {

/// What a stage starts from.
struct FromScratch {};
struct FromStage {
  std::size_t index;
};
struct FromImage {
  std::string reference;
};
struct FromContext {
  std::string name;  ///< a local directory
};
using StageBase = std::variant<FromScratch, FromStage, FromImage, FromContext>;

/// An instruction of a stage, or one that its base's ONBUILD brought in.
struct Step {
  dockerfile::Instruction instruction;
  bool on_build = false;
};

struct Stage {
  dockerfile::Instruction from;
  std::string alias;  ///< the AS name, lower case, or ""
  std::string name;   ///< the alias, or "stage-N"
  StageBase base;
  std::optional<oci::Platform> platform;
  std::vector<Step> steps;
  bool replaced = false;  ///< a --build-context of the stage's name stands for it
};

/// Where the name stands that COPY --from takes files from.
[[nodiscard]] dockerfile::SourceRange place_of_source(const Step& step);

class StageList {
 public:
  /// Splits the instructions into stages and expands FROM. kUsage: a blank base name, a bad platform.
  static Result<StageList> read(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request);

  [[nodiscard]] std::vector<Stage>& all() { return stages_; }
  [[nodiscard]] const std::vector<Stage>& all() const { return stages_; }
  [[nodiscard]] const Environment& global_args() const { return global_args_; }
  /// The last stage that is called so (in any case), as COPY --from and --target find it.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  /// --target, or the last stage. kUsage with a suggestion if there is none.
  [[nodiscard]] Result<std::size_t> target(const BuildRequest& request) const;
  [[nodiscard]] std::vector<std::string> aliases() const;

  /// The stages that `step` takes files from. kUsage: variables in --from, an index that is no stage.
  [[nodiscard]] Result<std::vector<std::size_t>> sources(const Step& step) const;
  /// kUsage if stages take files from each other in a circle.
  [[nodiscard]] Result<void> check_cycles(const dockerfile::SourceText& source) const;

 private:
  Result<void> add_stage(const dockerfile::Dockerfile& dockerfile,
                         const dockerfile::Instruction& instruction, const BuildRequest& request);

  Environment global_args_;
  std::vector<Stage> stages_;
  std::map<std::string, std::size_t, std::less<>> by_alias_;
};

}  // namespace pgstrata::graph
