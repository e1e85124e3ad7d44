#include "cli/build_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgstrata::cli {
namespace {

using Json = nlohmann::json;

const char* word(solver::Status status) {
  switch (status) {
    case solver::Status::kRan:
      return "ran";
    case solver::Status::kHit:
      return "hit";
    case solver::Status::kRebased:
      return "rebased";
    case solver::Status::kCutOff:
      return "cut-off";
  }
  return "ran";
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

}  // namespace

BuildReport::BuildReport(const graph::BuildGraph& graph, progress::Sink& sink, std::size_t steps_before)
    : graph_(graph), sink_(sink), steps_before_(steps_before) {
  for (graph::VertexId id = 0; id < graph.vertices.size(); ++id)
    sink_.step_declared({.id = steps_before_ + id,
                         .name = graph.vertices[id].name,
                         .line = graph.vertices[id].location.line});
}

void BuildReport::started(graph::VertexId id, std::string_view) { sink_.step_started(steps_before_ + id); }

void BuildReport::output(graph::VertexId id, std::string_view text) {
  sink_.step_output(steps_before_ + id, progress::Stream::kStdout, text);
}

void BuildReport::finished(graph::VertexId id, const solver::VertexResult& result) {
  sink_.step_finished(
      steps_before_ + id,
      {.outcome = outcome(result.status), .reason = result.reason, .seconds = result.seconds});
  const std::scoped_lock lock(mutex_);
  results_[id] = result;
}

void BuildReport::warned(graph::VertexId id, std::string_view text) {
  sink_.message(progress::Level::kWarning, graph_.vertices[id].name + ": " + std::string(text));
}

void BuildReport::failed(graph::VertexId id, const Error& error) {
  if (error.kind == ErrorKind::kCancelled)
    sink_.step_finished(steps_before_ + id, {.outcome = progress::Cancelled{}});
  else
    sink_.step_finished(steps_before_ + id,
                        {.outcome = progress::Failed{error.why.empty() ? error.what : error.why}});
}

std::string BuildReport::metadata(const oci::Descriptor& manifest, const oci::Digest& config,
                                  const std::vector<std::string>& names) const {
  std::vector<std::pair<int, Json>> steps;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, result] : results_) {
      const graph::Vertex& vertex = graph_.vertices[id];
      Json step = {{"line", vertex.location.line},  {"instruction", vertex.instruction},
                   {"status", word(result.status)}, {"reason", result.reason},
                   {"seconds", result.seconds},     {"name", vertex.name}};
      step["layer"] = result.layer ? Json(result.layer->diff_id.str()) : Json();
      steps.emplace_back(vertex.location.line, std::move(step));
    }
  }
  for (const graph::ConfigStep& step : graph_.target.config_steps)
    steps.emplace_back(step.location.line, Json{{"line", step.location.line},
                                                {"instruction", step.instruction},
                                                {"status", "config"},
                                                {"reason", ""},
                                                {"seconds", 0.0},
                                                {"layer", nullptr}});
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Json list = Json::array();
  for (auto& [line, step] : steps) list.push_back(std::move(step));
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  Json json = {
      {"containerimage.config.digest", config.str()},
      {"containerimage.digest", manifest.digest.str()},
      {"containerimage.descriptor",
       {{"mediaType", manifest.media_type}, {"digest", manifest.digest.str()}, {"size", manifest.size}}},
      {"pgstrata.steps", std::move(list)}};
  if (!joined.empty()) json["image.name"] = joined;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::cli
