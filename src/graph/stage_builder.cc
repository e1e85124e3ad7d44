#include "graph/stage_builder.h"

#include <fmt/format.h>

#include "core/clean_path.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "graph/windows.h"

namespace pgstrata::graph {
namespace {

constexpr const char* kHistoryComment = "buildkit.dockerfile.v0";

bool makes_vertex(const Step& step) {
  const dockerfile::Action& action = step.instruction.action;
  return std::holds_alternative<dockerfile::Run>(action) ||
         std::holds_alternative<dockerfile::Copy>(action) ||
         std::holds_alternative<dockerfile::Add>(action) ||
         std::holds_alternative<dockerfile::Workdir>(action);
}

bool skips_cache(const BuildRequest& request, const Stage& stage) {
  if (request.no_cache) return true;
  for (const std::string& name : request.no_cache_filter)
    if (dockerfile::to_lower(name) == stage.name) return true;
  return false;
}

}  // namespace

VertexId PlannedBuild::image(const std::string& reference, const oci::Platform& platform,
                             const std::string& name, const dockerfile::Instruction& instruction) {
  const auto [place, added] = images.try_emplace({reference, platform}, vertices.size());
  if (added)
    vertices.push_back({.op = SourceOp{.reference = reference, .platform = platform},
                        .parent = std::nullopt,
                        .name = name,
                        .instruction = instruction.text,
                        .location = instruction.range,
                        .platform = platform});
  return place->second;
}

StageBuilder::StageBuilder(const BuildInput& input, PlannedBuild& build, const Stage& stage,
                           StageState state)
    : input_(input), build_(build), stage_(stage), state_(std::move(state)) {
  if (std::holds_alternative<FromImage>(stage.base) || std::holds_alternative<FromContext>(stage.base))
    total_ = 1;
  for (const Step& step : stage.steps)
    if (makes_vertex(step)) ++total_;
}

// As BuildKit: "linux/amd64 ", and in a stage of another platform than the image's "linux/amd64->arm64 "
// where it knows what that is.
std::string StageBuilder::shown_platform() const {
  if (!input_.request.name_platforms) return "";
  const oci::Platform& own = state_.config.platform;
  const oci::Platform& target = input_.request.platform;
  const bool knows_target = own.architecture != target.architecture &&
                            (state_.env.has("TARGETPLATFORM") || state_.env.has("TARGETARCH"));
  return own.str() + (knows_target ? "->" + target.architecture : "") + " ";
}

std::string StageBuilder::numbered(const std::string& text) {
  if (total_ == 0) return text;
  const std::string total = std::to_string(total_);
  const std::string stage = input_.stages.all().size() > 1 ? stage_.name + " " : "";
  return fmt::format("[{}{}{:>{}}/{}] {}{}", shown_platform(), stage, ++count_, total.size(), total,
                     step_ != nullptr && step_->on_build ? "ONBUILD " : "", text);
}

Result<void> StageBuilder::apply(const Step& step) {
  step_ = &step;
  return std::visit([this](const auto& action) { return act(action); }, step.instruction.action);
}

StageState StageBuilder::finish() && { return std::move(state_); }

Error StageBuilder::error(std::string what, std::string next) const {
  return input_.dockerfile.source.error(step_->instruction.range, std::move(what), std::move(next));
}

Error StageBuilder::error_at(std::string_view word, std::string what, std::string next) const {
  return input_.dockerfile.source.error(step_->instruction.place_of(word), std::move(what),
                                        std::move(next));
}

Result<std::string> StageBuilder::expand(const std::string& word) const {
  auto expanded =
      dockerfile::expand(word, lookup_in(state_.env), {.escape = input_.dockerfile.directives.escape});
  if (!expanded)
    return fail(
        input_.dockerfile.source.located(std::move(expanded).error(), step_->instruction.place_of(word)));
  return std::move(*expanded);
}

std::string StageBuilder::display_text() const {
  auto expanded = dockerfile::expand(step_->instruction.text, lookup_in(state_.env),
                                     {.escape = input_.dockerfile.directives.escape});
  std::string text = expanded ? *expanded : step_->instruction.text;
  const std::string& keyword = step_->instruction.keyword;
  if (text.starts_with(keyword)) text = dockerfile::to_upper(keyword) + text.substr(keyword.size());
  return text;
}

Result<std::string> StageBuilder::on_drive(std::string_view word, std::string path) const {
  if (!is_windows(state_.config.platform)) return path;
  auto there = without_drive(std::move(path));
  if (there) return there;
  return fail(
      input_.dockerfile.source.located(std::move(there).error(), step_->instruction.place_of(word)));
}

std::string StageBuilder::configured_dir() const {
  const std::string& set = state_.config.config.working_dir;
  return set.starts_with('/') ? set : clean_path("/" + set);
}

std::string StageBuilder::working_dir() const { return clean_path(configured_dir()); }

std::vector<std::string> StageBuilder::with_shell(const dockerfile::CommandLine& command) const {
  if (command.exec_form) return command.words;
  std::vector<std::string> argv = state_.config.config.shell;
  if (argv.empty() && is_windows(state_.config.platform)) argv = {"cmd", "/S", "/C"};
  if (argv.empty()) argv = {"/bin/sh", "-c"};
  argv.push_back(command.words.empty() ? "" : command.words.front());
  return argv;
}

Result<Input> StageBuilder::input_from(const std::string& name, bool index_allowed) {
  if (name.empty()) return LocalInput{};
  const auto number = index_allowed ? dockerfile::parse_number(name, 10, INT32_MAX) : std::nullopt;
  const auto index = number ? std::optional<std::size_t>(*number) : input_.stages.find(name);
  if (index) {
    // Only earlier stages are finished when this one is built.
    if (*index >= build_.stages.size() || !build_.stages[*index])
      return fail(error_at(
          name,
          fmt::format(
              "cannot take files from stage \"{}\": it needs to be defined before the current stage \"{}\"",
              name, stage_.name),
          "move that stage up"));
    return VertexInput{build_.stages[*index]->root};
  }
  if (name == "scratch" || input_.request.empty_contexts.contains(name)) return VertexInput{};
  if (input_.request.named_contexts.contains(name)) return LocalInput{name};
  return VertexInput{build_.image(name, input_.request.platform, "FROM " + name, step_->instruction)};
}

void StageBuilder::add_vertex(Op op, const std::string& text, const std::string& created_by,
                              bool cacheable) {
  build_.vertices.push_back({.op = std::move(op),
                             .parent = state_.root,
                             .name = numbered(text),
                             .instruction = step_->instruction.text,
                             .location = step_->instruction.range,
                             .no_cache = !cacheable && skips_cache(input_.request, stage_),
                             .platform = state_.config.platform});
  state_.root = build_.vertices.size() - 1;
  state_.history.push_back({.created_by = created_by, .comment = kHistoryComment, .vertex = state_.root});
}

void StageBuilder::add_config(const std::string& created_by) {
  state_.history.push_back({.created_by = created_by, .comment = kHistoryComment, .vertex = std::nullopt});
  note_config_step();
}

void StageBuilder::note_config_step() {
  state_.config_steps.push_back(
      {.stage = stage_.name, .instruction = step_->instruction.text, .location = step_->instruction.range});
}

// A FROM begins a stage; it is never one of its steps.
Result<void> StageBuilder::act(const dockerfile::From&) { return {}; }

}  // namespace pgstrata::graph
