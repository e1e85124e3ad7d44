#include "cli/build_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgstrata::cli {
namespace {

using Json = nlohmann::json;
using history::Step;

history::Status recorded(solver::Status status) {
  switch (status) {
    case solver::Status::kRan:
      return history::Status::kRan;
    case solver::Status::kHit:
      return history::Status::kHit;
    case solver::Status::kRebased:
      return history::Status::kRebased;
    case solver::Status::kCutOff:
      return history::Status::kCutOff;
  }
  return history::Status::kRan;
}

progress::Outcome outcome(solver::Status status) {
  switch (status) {
    case solver::Status::kRan:
      return progress::Ran{};
    case solver::Status::kHit:
      return progress::Hit{};
    case solver::Status::kRebased:
      return progress::Rebased{};
    case solver::Status::kCutOff:
      return progress::CutOff{};
  }
  return progress::Ran{};
}

/// "[build 2/5] RUN make" is of the stage build. In a Dockerfile of one stage it isn't named there, and the
/// name of an image that was only copied from isn't numbered.
std::string stage_of(const graph::Vertex& vertex, const std::string& target) {
  if (!vertex.name.starts_with('[')) return "";
  std::string inside = vertex.name.substr(1, vertex.name.find(']') - 1);
  const auto is_word = [&inside] {
    return !inside.empty() && inside.front() >= 'a' && inside.front() <= 'z';
  };
  // "[linux/arm64 build 2/5]" of several platforms; no stage's name has a slash.
  if (is_word() && inside.find('/') < inside.find(' ')) inside.erase(0, inside.find(' ') + 1);
  const bool named = is_word();
  return named ? inside.substr(0, inside.find(' ')) : target;
}

struct DescribeOp {
  Step& step;

  void operator()(const graph::SourceOp&) const { step.kind = history::Kind::kSource; }
  void operator()(const graph::FileOp& op) const {
    step.kind = history::Kind::kFile;
    if (const auto* copy = std::get_if<graph::CopyAction>(&op.action))
      if (const auto* local = std::get_if<graph::LocalInput>(&copy->from)) step.context = local->context;
  }
  void operator()(const graph::ExecOp& op) const {
    step.kind = history::Kind::kExec;
    bool any = false;
    for (const graph::ExecMount& mount : op.mounts) {
      const auto* bind = std::get_if<graph::BindMount>(&mount);
      any |= bind != nullptr;
      step.binds.push_back(bind == nullptr ? "" : bind->target);
    }
    if (!any) step.binds.clear();
  }
};

std::vector<Step> planned(const graph::BuildGraph& graph) {
  std::vector<Step> steps;
  steps.reserve(graph.vertices.size() + graph.target.config_steps.size());
  for (graph::VertexId id = 0; id < graph.vertices.size(); ++id) {
    const graph::Vertex& vertex = graph.vertices[id];
    Step step{.vertex = id,
              .stage = stage_of(vertex, graph.target.name),
              .line = vertex.location.line,
              .instruction = vertex.instruction,
              .name = vertex.name,
              .parent = vertex.parent,
              .inputs = graph::inputs(vertex.op)};
    std::visit(DescribeOp{step}, vertex.op);
    steps.push_back(std::move(step));
  }
  for (const graph::ConfigStep& step : graph.target.config_steps)
    steps.push_back({.kind = history::Kind::kConfig,
                     .stage = step.stage,
                     .line = step.location.line,
                     .instruction = step.instruction,
                     .status = history::Status::kConfig});
  return steps;
}

bool was_solved(const Step& step) {
  return step.status != history::Status::kFailed && step.status != history::Status::kCancelled &&
         step.status != history::Status::kNotReached;
}

}  // namespace

BuildReport::BuildReport(const graph::BuildGraph& graph, progress::Sink& sink, std::size_t steps_before,
                         std::chrono::steady_clock::time_point began)
    : graph_(graph),
      sink_(sink),
      steps_before_(steps_before),
      began_(began),
      target_(graph.target.name),
      steps_(planned(graph)) {
  for (graph::VertexId id = 0; id < graph.vertices.size(); ++id)
    sink_.step_declared({.id = steps_before_ + id,
                         .name = graph.vertices[id].name,
                         .line = graph.vertices[id].location.line});
}

double BuildReport::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

void BuildReport::started(graph::VertexId id, std::string_view reason) {
  sink_.step_started(steps_before_ + id);
  const std::scoped_lock lock(mutex_);
  steps_[id].started = now();
  steps_[id].reason = reason;
}

void BuildReport::output(graph::VertexId id, std::string_view text) {
  sink_.step_output(steps_before_ + id, progress::Stream::kStdout, text);
}

void BuildReport::finished(graph::VertexId id, const solver::VertexResult& result) {
  sink_.step_finished(
      steps_before_ + id,
      {.outcome = outcome(result.status), .reason = result.reason, .seconds = result.seconds});
  const std::scoped_lock lock(mutex_);
  Step& step = steps_[id];
  if (step.started == 0) step.started = now();
  step.status = recorded(result.status);
  step.reason = result.reason;
  step.seconds = result.seconds;
  if (result.layer)
    step.layer = history::Layer{.diff_id = result.layer->diff_id,
                                .change_set = result.layer->change_set,
                                .size = result.layer->size};
  if (step.kind == history::Kind::kSource)
    for (const cache::LayerRow& layer : result.chain.layers) step.base.push_back(layer.diff_id);
  if (const auto& falsified = result.falsified)
    step.falsified = history::Falsified{.path = falsified->path,
                                        .mount = falsified->mount,
                                        .questions = falsified->questions,
                                        .before = falsified->before,
                                        .after = falsified->after};
  if (result.run) step.run = history::RunKey{.op = result.run->op, .inputs = result.run->inputs};
}

void BuildReport::warned(graph::VertexId id, std::string_view text) {
  sink_.message(progress::Level::kWarning, graph_.vertices[id].name + ": " + std::string(text));
}

void BuildReport::failed(graph::VertexId id, const Error& error) {
  const bool cancelled = error.kind == ErrorKind::kCancelled;
  const std::string& message = error.why.empty() ? error.what : error.why;
  if (cancelled)
    sink_.step_finished(steps_before_ + id, {.outcome = progress::Cancelled{}});
  else
    sink_.step_finished(steps_before_ + id, {.outcome = progress::Failed{message}});
  const std::scoped_lock lock(mutex_);
  Step& step = steps_[id];
  step.status = cancelled ? history::Status::kCancelled : history::Status::kFailed;
  if (!cancelled) step.error = message;
  step.seconds = now() - step.started;
}

std::vector<Step> BuildReport::steps() const {
  const std::scoped_lock lock(mutex_);
  return steps_;
}

std::string metadata(const std::vector<Step>& steps, const oci::Descriptor& manifest,
                     const std::optional<oci::Digest>& config, const std::vector<std::string>& names) {
  std::vector<const Step*> by_line;
  for (const Step& step : steps)
    if (was_solved(step)) by_line.push_back(&step);
  std::stable_sort(by_line.begin(), by_line.end(),
                   [](const Step* one, const Step* other) { return one->line < other->line; });
  Json list = Json::array();
  for (const Step* step : by_line) {
    Json json = {{"line", step->line},
                 {"instruction", step->instruction},
                 {"status", history::word(step->status)},
                 {"reason", step->reason},
                 {"seconds", step->seconds},
                 {"layer", step->layer ? Json(step->layer->diff_id.str()) : Json()}};
    if (step->vertex) json["name"] = step->name;
    list.push_back(std::move(json));
  }
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  Json json = {
      {"containerimage.digest", manifest.digest.str()},
      {"containerimage.descriptor",
       {{"mediaType", manifest.media_type}, {"digest", manifest.digest.str()}, {"size", manifest.size}}},
      {"pgstrata.steps", std::move(list)}};
  if (config) json["containerimage.config.digest"] = config->str();
  if (!joined.empty()) json["image.name"] = joined;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::cli
