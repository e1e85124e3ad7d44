#include "explain/json.h"

#include <nlohmann/json.hpp>

#include "explain/wording.h"
#include "history/path_text.h"
#include "oci/image_config.h"

namespace pgstrata::explain {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json build_json(const history::Build& build) {
  Json json = {{"id", build.id},
               {"began", oci::format_time(build.began)},
               {"seconds", build.seconds},
               {"context", history::encode_path(build.context)},
               {"dockerfile", history::encode_path(build.dockerfile)},
               {"target", build.target},
               {"outcome", history::word(build.outcome)}};
  if (!build.error.empty()) json["error"] = build.error;
  if (!build.image.is_none()) json["image"] = build.image.str();
  if (!build.unrecorded.empty()) json["unrecorded"] = build.unrecorded;
  return json;
}

Json falsified_json(const history::Falsified& falsified) {
  Json json = {{"path", path_text(falsified.path)}};
  if (!falsified.mount.empty()) json["mount"] = path_text("", falsified.mount);
  json["questions"] = question_names(falsified.questions);
  json["before"] = falsified.before;
  json["after"] = falsified.after;
  return json;
}

Json layer_json(const Step& step) {
  Json json = Json::object();
  if (step.record.layer) json["diff_id"] = step.record.layer->diff_id.str();
  if (!step.written) {
    json["size"] = step.record.layer->size;
    return json;
  }
  const Written& written = *step.written;
  json["size"] = written.bytes;
  json["entries"] = {{"files", written.files},
                     {"directories", written.directories},
                     {"links", written.links},
                     {"others", written.others},
                     {"removed", written.removed}};
  return json;
}

Json origin_json(const Origin& origin) {
  struct Member {
    Json operator()(const FromContext& from) const { return {{"from", "context"}, {"step", from.step}}; }
    Json operator()(const FromStep& from) const { return {{"from", "step"}, {"step", from.step}}; }
    Json operator()(const FromBase& from) const { return {{"from", "base"}, {"step", from.step}}; }
    Json operator()(const FromMount& from) const {
      return {{"from", "mount"}, {"mount", path_text("", from.target)}};
    }
    Json operator()(const Nowhere&) const { return Json::object({{"from", "nowhere"}}); }
  };
  return std::visit(Member{}, origin);
}

Json group_json(const Group& group, bool all) {
  Json json = origin_json(group.origin);
  const Counts counts = counts_of(group);
  json["read"] = counts.read;
  json["looked_up"] = counts.looked_up;
  const bool named =
      std::holds_alternative<FromContext>(group.origin) || std::holds_alternative<FromMount>(group.origin);
  if (!named && !all) return json;
  Json list = Json::array();
  for (const filetree::Observation& observation : group.asked)
    if (all || is_read(observation.questions))
      list.push_back(
          {{"path", path_text(observation.path)}, {"questions", question_names(observation.questions)}});
  json["observations"] = std::move(list);
  return json;
}

void put_reads(const Step& step, bool all, Json& json) {
  if (const auto* unknown = std::get_if<NotKnown>(&step.reads)) {
    json["reads_unknown"] = unknown->why;
  } else if (const auto* reads = std::get_if<Reads>(&step.reads)) {
    Json groups = Json::array();
    for (const Group& group : *reads) groups.push_back(group_json(group, all));
    json["reads"] = std::move(groups);
  }
}

Json step_json(const Step& step, bool reads) {
  const history::Step& record = step.record;
  Json json = {{"step", step.number},
               {"stage", record.stage},
               {"line", record.line},
               {"instruction", record.instruction},
               {"kind", history::word(record.kind)},
               {"status", history::word(record.status)},
               {"reason", record.reason},
               {"started", record.started},
               {"seconds", record.seconds},
               {"critical", step.critical},
               {"needs", step.needs}};
  if (!record.error.empty()) json["error"] = record.error;
  if (record.falsified) json["falsified"] = falsified_json(*record.falsified);
  if (step.spared) json["spared"] = *step.spared;
  if (!step.despite.empty()) json["despite"] = step.despite;
  if (step.looked_up_names) json["looked_up_names"] = true;
  if (record.layer || step.written) json["layer"] = layer_json(step);
  put_reads(step, reads, json);
  return json;
}

}  // namespace

std::string json(const Explanation& explanation, const std::vector<Number>& steps, bool reads) {
  Json list = Json::array();
  if (steps.empty())
    for (const Step& step : explanation.steps) list.push_back(step_json(step, reads));
  for (const Number number : steps) list.push_back(step_json(explanation.steps[number - 1], reads));
  Json document = {{"build", build_json(explanation.build)},
                   {"critical_seconds", explanation.critical_seconds()},
                   {"spared_seconds", explanation.spared_seconds()},
                   {"steps", std::move(list)}};
  return dump(document);
}

std::string json(const std::vector<history::Build>& builds) {
  Json list = Json::array();
  for (const history::Build& build : builds) list.push_back(build_json(build));
  return dump(list);
}

}  // namespace pgstrata::explain
