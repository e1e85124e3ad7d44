#include "graph/stages.h"

#include <fmt/format.h>

#include "core/suggestion.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"

namespace pgstrata::graph {
namespace {

using dockerfile::Dockerfile;
using dockerfile::From;
using dockerfile::Instruction;

Result<std::string> expand_from(const Dockerfile& dockerfile, const Instruction& instruction,
                                const std::string& word, const Environment& arguments) {
  auto expanded = dockerfile::expand(word, lookup_in(arguments), {.escape = dockerfile.directives.escape});
  if (!expanded)
    return fail(dockerfile.source.located(std::move(expanded).error(), instruction.place_of(word)));
  return std::move(*expanded);
}

Result<oci::Platform> stage_platform(const Dockerfile& dockerfile, const Instruction& instruction,
                                     const std::string& word, const Environment& arguments) {
  const std::string text = TRY(expand_from(dockerfile, instruction, word, arguments));
  if (text.empty())
    return fail(dockerfile.source.error(instruction.place_of(word),
                                        fmt::format("empty platform value from expression {}", word),
                                        "define the variable with ARG before the first FROM"));
  auto platform = oci::Platform::parse(text);
  if (!platform)
    return fail(dockerfile.source.located(std::move(platform).error(), instruction.place_of(word)));
  return std::move(*platform);
}

// The number that `text` is, if it is one: COPY --from=0.
std::optional<std::size_t> stage_index(const std::string& text) {
  const auto number = dockerfile::parse_number(text, 10, INT32_MAX);
  return number ? std::optional<std::size_t>(*number) : std::nullopt;
}

}  // namespace

Result<StageList> StageList::read(const Dockerfile& dockerfile, const BuildRequest& request) {
  StageList list;
  list.global_args_ = TRY(global_arguments(dockerfile, request));
  for (const Instruction& instruction : dockerfile.instructions) {
    if (std::holds_alternative<From>(instruction.action))
      TRY_VOID(list.add_stage(dockerfile, instruction, request));
    else if (!list.stages_.empty())
      list.stages_.back().steps.push_back({.instruction = instruction});
  }
  return list;
}

Result<void> StageList::add_stage(const Dockerfile& dockerfile, const Instruction& instruction,
                                  const BuildRequest& request) {
  const From& from = std::get<From>(instruction.action);
  const std::string base = TRY(expand_from(dockerfile, instruction, from.base, global_args_));
  if (base.empty())
    return fail(dockerfile.source.error(
        instruction.place_of(from.base), fmt::format("base name ({}) should not be blank", from.base),
        "give the variable a default with ARG before the first FROM, or --build-arg"));
  Stage stage{.from = instruction, .alias = from.name};
  stage.name = from.name.empty() ? fmt::format("stage-{}", stages_.size()) : from.name;
  if (from.platform)
    stage.platform = TRY(stage_platform(dockerfile, instruction, *from.platform, global_args_));

  const auto context_for = [&request](const std::string& name) -> std::optional<StageBase> {
    if (request.named_contexts.contains(name)) return FromContext{name};
    if (request.empty_contexts.contains(name)) return FromScratch{};
    if (request.image_contexts.contains(name)) return FromImage{name};
    return std::nullopt;
  };
  const auto replacement = from.name.empty() ? std::nullopt : context_for(from.name);
  // Only by its lower-case name: FROM compares as it is written, COPY --from doesn't.
  const auto earlier = by_alias_.find(base);
  if (replacement) {
    stage.base = *replacement;
    stage.replaced = true;
  } else if (earlier != by_alias_.end()) {
    stage.base = FromStage{earlier->second};
  } else if (base == "scratch") {
    stage.base = FromScratch{};
  } else if (const auto context = context_for(base)) {
    stage.base = *context;
  } else if (find(base)) {
    return fail(dockerfile.source.error(
        instruction.range, fmt::format("there is no image \"{}\": names of images are lower-case", base),
        fmt::format("write {} for the stage, whose name is taken as lower-case",
                    dockerfile::to_lower(base))));
  } else {
    stage.base = FromImage{base};
  }
  if (!stage.alias.empty()) by_alias_[stage.alias] = stages_.size();
  stages_.push_back(std::move(stage));
  return {};
}

std::optional<std::size_t> StageList::find(std::string_view name) const {
  const auto found = by_alias_.find(dockerfile::to_lower(name));
  return found == by_alias_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> StageList::aliases() const {
  std::vector<std::string> names;
  for (const auto& [alias, index] : by_alias_) names.push_back(alias);
  return names;
}

Result<std::size_t> StageList::target(const BuildRequest& request) const {
  if (request.target.empty()) return stages_.size() - 1;
  if (const auto found = find(request.target)) return *found;
  const std::vector<std::string> names = aliases();
  return fail(
      {.kind = ErrorKind::kUsage,
       .what = fmt::format("target stage \"{}\" could not be found", request.target),
       .next = did_you_mean(dockerfile::to_lower(request.target), names,
                            names.empty() ? "name a stage with FROM … AS NAME"
                                          : fmt::format("the stages are {}", fmt::join(names, ", ")))});
}

dockerfile::SourceRange place_of_source(const Step& step) {
  const auto* copy = std::get_if<dockerfile::Copy>(&step.instruction.action);
  return step.instruction.place_of(copy != nullptr ? copy->from : "");
}

Result<std::vector<std::size_t>> StageList::sources(const Step& step) const {
  std::vector<std::size_t> found;
  if (const auto* copy = std::get_if<dockerfile::Copy>(&step.instruction.action);
      copy != nullptr && !copy->from.empty()) {
    const auto expanded = dockerfile::expand(copy->from, [](std::string_view) { return std::nullopt; });
    if (!expanded || *expanded != copy->from)
      return fail(
          {.kind = ErrorKind::kUsage,
           .what = "variable expansion is not supported for --from",
           .next =
               "define a stage with FROM, whose base may be built from global ARGs, and copy from that"});
    const auto index = stage_index(copy->from);
    if (index && *index >= stages_.size())
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("invalid stage index {}", *index),
                   .next = fmt::format("stages are numbered from 0 to {}", stages_.size() - 1)});
    if (const auto stage = index ? index : find(copy->from)) found.push_back(*stage);
  }
  if (const auto* run = std::get_if<dockerfile::Run>(&step.instruction.action))
    for (const dockerfile::MountFlag& mount : run->mounts)
      if (const auto stage = find(mount.from)) found.push_back(*stage);
  return found;
}

Result<void> StageList::check_cycles(const dockerfile::SourceText& source) const {
  // Stages without open sources are taken away until none is left; those that stay are in a circle or use
  // one.
  std::vector<std::vector<std::size_t>> uses(stages_.size());
  std::vector<std::vector<std::size_t>> used_by(stages_.size());
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    for (const Step& step : stages_[i].steps) {
      auto found = sources(step);
      if (!found) return fail(source.located(std::move(found).error(), place_of_source(step)));
      for (const std::size_t other : *found) {
        uses[i].push_back(other);
        used_by[other].push_back(i);
      }
    }
  }
  std::vector<std::size_t> open(stages_.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    open[i] = uses[i].size();
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const std::size_t done = ready.back();
    ready.pop_back();
    for (const std::size_t user : used_by[done])
      if (--open[user] == 0) ready.push_back(user);
  }
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (open[i] == 0) continue;
    // Every stage left uses another one left: following them must come back to a stage of the circle.
    std::vector<char> seen(stages_.size(), 0);
    std::size_t at = i;
    while (seen[at] == 0) {
      seen[at] = 1;
      for (const std::size_t other : uses[at])
        if (open[other] != 0) {
          at = other;
          break;
        }
    }
    return fail(source.error(stages_[at].from.range,
                             fmt::format("circular dependency detected on stage: {}", stages_[at].name),
                             "a stage can take files from earlier stages only"));
  }
  return {};
}

}  // namespace pgstrata::graph
