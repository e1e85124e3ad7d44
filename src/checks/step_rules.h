// The rules that need to know the stage in which an instruction stands: its variables, its SHELL, what came
// before. They watch the build being planned.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "checks/findings.h"
#include "context/ignore.h"
#include "graph/plan_observer.h"

namespace pgstrata::checks {

class StepRules final : public graph::PlanObserver {
 public:
  struct Input {
    const graph::BuildRequest& request;
    char escape = '\\';
    const context::IgnorePatterns& ignore;       ///< of the main context
    const std::set<std::string>& unknown_bases;  ///< references whose configuration isn't known; may grow
  };
  /// All that is given must outlive it.
  StepRules(const Input& input, Findings& findings) : input_(input), findings_(findings) {}

  void stage_begins(const graph::StageView& view) override;
  void step(const graph::StageView& view, const graph::Step& step) override;

 private:
  /// Of one stage, so far.
  struct StageState {
    bool workdir_set = false;
    bool base_unknown = false;
    std::map<std::string, dockerfile::SourceRange> single;  ///< where CMD, ENTRYPOINT, HEALTHCHECK stood
  };

  void check(const dockerfile::Cmd& cmd);
  void check(const dockerfile::Entrypoint& entrypoint);
  void check(const dockerfile::Healthcheck& healthcheck);
  void check(const dockerfile::Env& env);
  void check(const dockerfile::Label& label);
  void check(const dockerfile::Arg& arg);
  void check(const dockerfile::Workdir& workdir);
  void check(const dockerfile::Expose& expose);
  void check(const dockerfile::Copy& copy);
  void check(const dockerfile::Add& add);
  void check(const dockerfile::Run& run);
  void check(const dockerfile::User& user) { word(user.name); }
  void check(const dockerfile::StopSignal& stop) { word(stop.signal); }
  void check(const dockerfile::Volume& volume);
  template <class Other>
  void check(const Other&) {}

  void command(const dockerfile::CommandLine& line);
  void used_once(const std::string& name);
  void pairs(const std::vector<dockerfile::KeyValue>& pairs);
  void secret_name(const char* instruction, const std::string& name);
  void sources(const dockerfile::CopySources& sources, const char* verb, bool from_context);
  void source(const std::string& path, const char* verb);
  void port(const std::string& written);
  /// The word expanded as the instruction will do it; reports variables that aren't set.
  std::string word(const std::string& text, bool quotes = true);
  void add(RuleId id, std::string message);

  Input input_;
  Findings& findings_;
  std::map<const graph::Stage*, StageState> stages_;
  const graph::StageView* view_ = nullptr;
  const dockerfile::Instruction* instruction_ = nullptr;
  std::set<std::string> declared_here_;  ///< by the ARG that is being looked at
};

}  // namespace pgstrata::checks
