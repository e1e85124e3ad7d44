#include "graph/from_dockerfile.h"

#include <fmt/format.h>

#include "core/suggestion.h"
#include "graph/arguments.h"
#include "graph/plan_observer.h"
#include "graph/stage_builder.h"
#include "graph/stages.h"
#include "graph/windows.h"

namespace pgstrata::graph {
namespace {

using dockerfile::Dockerfile;
using dockerfile::Instruction;

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

using BaseConfigs = std::map<std::pair<std::string, oci::Platform>, oci::ImageConfig>;

oci::Platform platform_of(const Stage& stage, const BuildRequest& request) {
  return stage.platform.value_or(request.platform);
}

Error with_suggestion(Error error, const std::string& reference, const StageList& stages) {
  const std::vector<std::string> names = stages.aliases();
  const std::string nearest = closest(reference, names);
  if (nearest.empty()) return error;
  error.next += fmt::format("{}did you mean the stage {}?", error.next.empty() ? "" : "; ", nearest);
  return error;
}

// The configuration of the image that `stage` is FROM.
Result<oci::ImageConfig> base_config(const Dockerfile& dockerfile, const StageList& stages,
                                     const Stage& stage, const FromImage& image,
                                     const BuildRequest& request, BaseResolver& resolver,
                                     BaseConfigs& known) {
  const std::pair key{image.reference, platform_of(stage, request)};
  if (const auto found = known.find(key); found != known.end()) return found->second;
  auto config = resolver.config(key.first, key.second);
  if (!config)
    return fail(
        dockerfile.source.located(with_suggestion(std::move(config).error(), image.reference, stages),
                                  stage.from.place_of(std::get<dockerfile::From>(stage.from.action).base)));
  return known[key] = std::move(*config);
}

// ONBUILD instructions of the base, put before the stage's own. Their place is the FROM that triggers them.
Result<void> add_triggers(const Dockerfile& dockerfile, Stage& stage,
                          const std::vector<std::string>& triggers) {
  std::vector<Step> steps;
  for (const std::string& trigger : triggers) {
    auto instruction = dockerfile::parse_trigger(trigger);
    if (!instruction) {
      Error error = std::move(instruction).error();
      error.what = fmt::format("in the base's ONBUILD {}: {}", trigger, error.what);
      error.where.clear();
      error.detail.clear();
      return fail(dockerfile.source.located(std::move(error), stage.from.range));
    }
    instruction->range = stage.from.range;
    instruction->pieces.clear();
    steps.push_back({.instruction = std::move(*instruction), .on_build = true});
  }
  stage.steps.insert(stage.steps.begin(), std::make_move_iterator(steps.begin()),
                     std::make_move_iterator(steps.end()));
  return {};
}

// Triggers of a base that is a stage of this file: its ONBUILD instructions.
std::vector<std::string> triggers_of(const Stage& base) {
  std::vector<std::string> triggers;
  for (const Step& step : base.steps)
    if (const auto* on_build = std::get_if<dockerfile::OnBuild>(&step.instruction.action))
      triggers.push_back(on_build->expression);
  return triggers;
}

// Marks the stages that the target needs, from the last to the first: a stage only uses earlier ones. Bases
// are resolved on the way, because their triggers may use further stages.
Result<std::vector<char>> needed_stages(const Dockerfile& dockerfile, StageList& stages, std::size_t target,
                                        const BuildRequest& request, BaseResolver& resolver,
                                        BaseConfigs& configs) {
  const bool every_stage = request.every_stage && request.target.empty();
  std::vector<char> needed(stages.all().size(), every_stage ? 1 : 0);
  needed[target] = 1;
  for (std::size_t i = target + 1; i-- > 0;) {
    if (needed[i] == 0) continue;
    Stage& stage = stages.all()[i];
    if (const auto* image = std::get_if<FromImage>(&stage.base)) {
      const oci::ImageConfig config =
          TRY(base_config(dockerfile, stages, stage, *image, request, resolver, configs));
      if (!stage.replaced) TRY_VOID(add_triggers(dockerfile, stage, config.config.on_build));
    }
    if (const auto* base = std::get_if<FromStage>(&stage.base)) {
      needed[base->index] = 1;
      if (!stages.all()[base->index].replaced)
        TRY_VOID(add_triggers(dockerfile, stage, triggers_of(stages.all()[base->index])));
    }
    if (stage.replaced) continue;
    for (const Step& step : stage.steps) {
      auto sources = stages.sources(step);
      if (!sources)
        return fail(dockerfile.source.located(std::move(sources).error(), place_of_source(step)));
      for (const std::size_t source : *sources)
        // A later stage is refused where its files are used.
        if (source < i) needed[source] = 1;
    }
  }
  return needed;
}

// Without PATH no RUN would find its programs; without a working directory it is the root.
StageState initial_state(oci::ImageConfig config) {
  StageState state;
  config.created.clear();
  config.config.on_build.clear();
  for (const std::string& variable : config.config.env) {
    NameValue pair = split_variable(variable);
    state.image_env.set(pair.name, pair.value);
  }
  if (is_windows(config.platform)) {
    // One that is on no such drive stays: only a WORKDIR of the Dockerfile is refused.
    if (auto path = without_drive(config.config.working_dir)) config.config.working_dir = std::move(*path);
  } else if (!state.image_env.has("PATH")) {
    state.image_env.set("PATH", kDefaultPath);
  }
  state.config = std::move(config);
  return state;
}

oci::ImageConfig empty_config(const oci::Platform& platform) {
  oci::ImageConfig config;
  config.platform = platform;
  config.config.working_dir = "/";
  return config;
}

StageState state_from_stage(const StageState& base) {
  StageState state = base;
  state.config.config.on_build.clear();
  state.cmd_set = false;
  return state;
}

StageState starting_state(const Stage& stage, const BuildRequest& request, const PlannedBuild& build,
                          const BaseConfigs& configs) {
  const oci::Platform platform = platform_of(stage, request);
  StageState state;
  if (const auto* base = std::get_if<FromStage>(&stage.base))
    state = state_from_stage(*build.stages[base->index]);
  else if (const auto* image = std::get_if<FromImage>(&stage.base))
    state = initial_state(configs.at({image->reference, platform}));
  else
    state = initial_state(empty_config(std::holds_alternative<FromContext>(stage.base)
                                           ? platform
                                           : request.platform));  // "scratch" has none
  if (state.config.platform.os.empty()) state.config.platform = platform;
  // ENV wins over an ARG that came from the base stage.
  for (const std::string& variable : state.image_env.list()) {
    NameValue pair = split_variable(variable);
    state.env.set_last(pair.name, std::move(pair.value));
  }
  return state;
}

// The files that a stage starts with.
std::optional<VertexId> starting_root(const Stage& stage, const BuildRequest& request, PlannedBuild& build,
                                      StageBuilder& builder) {
  if (const auto* base = std::get_if<FromStage>(&stage.base)) return build.stages[base->index]->root;
  if (const auto* image = std::get_if<FromImage>(&stage.base)) {
    const std::string name = builder.numbered("FROM " + image->reference);
    return build.image(image->reference, platform_of(stage, request), name, stage.from);
  }
  if (const auto* context = std::get_if<FromContext>(&stage.base)) {
    CopyAction everything{.from = LocalInput{context->name}, .sources = {"/"}, .destination = "/"};
    build.vertices.push_back(
        {.op = FileOp{std::move(everything)},
         .parent = std::nullopt,
         // BuildKit counts this step (convert.go) and gives it no number (namedcontext.go).
         .name = fmt::format("[context {}] load from client", context->name),
         .instruction = stage.from.text,
         .location = stage.from.range,
         .platform = platform_of(stage, request)});
    return build.vertices.size() - 1;
  }
  return std::nullopt;
}

Result<StageState> build_stage(const BuildInput& input, PlannedBuild& build, const Stage& stage,
                               const BaseConfigs& configs) {
  StageBuilder builder(input, build, stage, starting_state(stage, input.request, build, configs));
  builder.set_root(starting_root(stage, input.request, build, builder));
  if (input.observer != nullptr) input.observer->stage_begins(builder.view());
  if (!stage.replaced) {
    for (const Step& step : stage.steps) {
      if (input.observer != nullptr) input.observer->step(builder.view(), step);
      TRY_VOID(builder.apply(step));
    }
  }
  return std::move(builder).finish();
}

/// What the command line asks for; a variant that isn't asked for stays that of the same architecture's
/// image.
oci::Platform asked_platform(oci::Platform asked, const oci::Platform& own) {
  if (asked.variant.empty() && asked.os == own.os && asked.architecture == own.architecture)
    asked.variant = own.variant;
  return asked;
}

StageResult result_of(const Stage& stage, StageState state, const BuildRequest& request) {
  StageResult result{.name = stage.name,
                     .root = state.root,
                     .config = std::move(state.config),
                     .history = std::move(state.history),
                     .config_steps = std::move(state.config_steps)};
  result.config.config.env = state.image_env.list();
  result.config.diff_ids.clear();
  if (is_windows(result.config.platform))
    result.config.config.working_dir = with_backslashes(std::move(result.config.config.working_dir));
  if (request.platform_given)
    result.config.platform = asked_platform(request.platform, result.config.platform);
  for (const auto& [name, value] : request.labels) result.config.config.labels[name] = value;
  return result;
}

}  // namespace

Result<BuildGraph> build_graph(const Dockerfile& dockerfile, const BuildRequest& request,
                               BaseResolver& resolver, PlanObserver* observer) {
  StageList stages = TRY(StageList::read(dockerfile, request));
  TRY_VOID(stages.check_cycles(dockerfile.source));
  const std::size_t target = TRY(stages.target(request));
  BaseConfigs configs;
  const std::vector<char> needed =
      TRY(needed_stages(dockerfile, stages, target, request, resolver, configs));

  const BuildInput input{.dockerfile = dockerfile,
                         .request = request,
                         .stages = stages,
                         .proxy_env = proxy_environment(request),
                         .observer = observer};
  PlannedBuild build;
  build.stages.resize(stages.all().size());
  for (std::size_t i = 0; i <= target; ++i)
    if (needed[i] != 0) build.stages[i] = TRY(build_stage(input, build, stages.all()[i], configs));

  BuildGraph graph;
  graph.target = result_of(stages.all()[target], std::move(*build.stages[target]), request);
  graph.vertices = std::move(build.vertices);
  return graph;
}

}  // namespace pgstrata::graph
