#include "history/build_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "history/path_text.h"
#include "oci/json_fields.h"

namespace pgstrata::history {
namespace {

using oci::Json;

constexpr std::int64_t kVersion = 1;
constexpr const char* kDocument = "record of a build";

constexpr std::array kKinds = {
    std::pair(Kind::kSource, std::string_view("source")), std::pair(Kind::kFile, std::string_view("file")),
    std::pair(Kind::kExec, std::string_view("exec")), std::pair(Kind::kConfig, std::string_view("config"))};
constexpr std::array kStatuses = {std::pair(Status::kRan, std::string_view("ran")),
                                  std::pair(Status::kHit, std::string_view("hit")),
                                  std::pair(Status::kRebased, std::string_view("rebased")),
                                  std::pair(Status::kCutOff, std::string_view("cut-off")),
                                  std::pair(Status::kConfig, std::string_view("config")),
                                  std::pair(Status::kFailed, std::string_view("failed")),
                                  std::pair(Status::kCancelled, std::string_view("cancelled")),
                                  std::pair(Status::kNotReached, std::string_view("not-reached"))};
constexpr std::array kOutcomes = {std::pair(Outcome::kBuilt, std::string_view("built")),
                                  std::pair(Outcome::kFailed, std::string_view("failed")),
                                  std::pair(Outcome::kCancelled, std::string_view("cancelled"))};

template <class Table, class Value>
std::string_view word_of(const Table& table, Value value) {
  for (const auto& [one, word] : table)
    if (one == value) return word;
  return "";
}

/// Reads a word of the table; `fields` complains about any other.
template <class Table, class Value>
void read_word(oci::Fields& fields, const char* name, const Table& table, Value& to) {
  std::string written;
  fields.text(name, written);
  for (const auto& [value, word] : table) {
    if (word != written) continue;
    to = value;
    return;
  }
  fields.complain(fmt::format("{} \"{}\"", name, written));
}

/// Reads a path; `fields` complains about what encode_path() didn't write.
void read_path(oci::Fields& fields, const char* name, std::string& to) {
  std::string written;
  fields.text(name, written);
  auto path = decode_path(written);
  if (path)
    to = std::move(*path);
  else
    fields.complain(fmt::format("{} \"{}\"", name, written));
}

// ---- writing

void put(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}
void put(Json& json, const char* name, const oci::Digest& value) {
  if (!value.is_none()) json[name] = value.str();
}

Json to_json(const Falsified& falsified) {
  Json json = {{"path", encode_path(falsified.path)}, {"questions", falsified.questions}};
  put(json, "mount", encode_path(falsified.mount));
  put(json, "before", falsified.before);
  put(json, "after", falsified.after);
  return json;
}

Json to_json(const Layer& layer) {
  Json json = {{"size", layer.size}};
  put(json, "diff_id", layer.diff_id);
  put(json, "change_set", layer.change_set);
  return json;
}

Json to_json(const RunKey& run) {
  Json json = Json::object();
  put(json, "op", run.op);
  put(json, "inputs", run.inputs);
  return json;
}

Json to_json(const Step& step) {
  Json json = {{"kind", word(step.kind)},
               {"line", step.line},
               {"status", word(step.status)},
               {"started", step.started},
               {"seconds", step.seconds}};
  if (step.vertex) json["vertex"] = *step.vertex;
  put(json, "stage", step.stage);
  put(json, "instruction", step.instruction);
  put(json, "name", step.name);
  put(json, "reason", step.reason);
  put(json, "error", step.error);
  if (step.falsified) json["falsified"] = to_json(*step.falsified);
  if (step.layer) json["layer"] = to_json(*step.layer);
  for (const oci::Digest& layer : step.base) json["base"].push_back(layer.str());
  if (step.parent) json["parent"] = *step.parent;
  if (!step.inputs.empty()) json["inputs"] = step.inputs;
  if (step.context) json["context"] = *step.context;
  if (step.run) json["run"] = to_json(*step.run);
  for (const std::string& target : step.binds) json["binds"].push_back(encode_path(target));
  return json;
}

// ---- reading

std::optional<VertexId> as_vertex(const Json& json) {
  if (!json.is_number_unsigned()) return std::nullopt;
  return json.get<VertexId>();
}

void read_vertex(oci::Fields& fields, const Json& object, const char* name, std::optional<VertexId>& to) {
  const auto found = object.find(name);
  if (found == object.end()) return;
  to = as_vertex(*found);
  if (!to) fields.complain(fmt::format("{} isn't a vertex", name));
}

void read_seconds(oci::Fields& fields, const Json& object, const char* name, double& to) {
  const auto found = object.find(name);
  if (found == object.end()) return;
  if (!found->is_number())
    fields.complain(fmt::format("{} isn't a number", name));
  else
    to = found->get<double>();
}

Result<Falsified> read_falsified(const Json& json) {
  Falsified falsified;
  std::int64_t questions = 0;
  oci::Fields fields(kDocument, json);
  read_path(fields, "path", falsified.path);
  read_path(fields, "mount", falsified.mount);
  fields.number("questions", questions).text("before", falsified.before).text("after", falsified.after);
  if (questions < 0 || questions > 0xFF) fields.complain("questions is out of range");
  TRY_VOID(fields.done());
  falsified.questions = static_cast<filetree::Questions>(questions);
  return falsified;
}

Result<Layer> read_layer(const Json& json) {
  Layer layer;
  std::int64_t size = 0;
  oci::Fields fields(kDocument, json);
  fields.digest("diff_id", layer.diff_id).digest("change_set", layer.change_set).number("size", size);
  if (size < 0) fields.complain("size is negative");
  TRY_VOID(fields.done());
  layer.size = static_cast<std::uint64_t>(size);
  return layer;
}

Result<RunKey> read_run(const Json& json) {
  RunKey run;
  TRY_VOID(oci::Fields(kDocument, json).digest("op", run.op).digest("inputs", run.inputs).done());
  return run;
}

/// What of a step refers to others and to layers.
Result<void> read_references(const Json& json, Step& step) {
  std::vector<std::string> base;
  std::vector<std::string> binds;
  oci::Fields fields(kDocument, json);
  fields.texts("base", base).texts("binds", binds);
  for (const std::string& target : binds) {
    auto path = decode_path(target);
    if (!path) fields.complain(fmt::format("binds holds \"{}\"", target));
    step.binds.push_back(std::move(path).value_or(""));
  }
  read_vertex(fields, json, "vertex", step.vertex);
  read_vertex(fields, json, "parent", step.parent);
  if (const Json* inputs = fields.find("inputs", Json::value_t::array)) {
    for (const Json& input : *inputs) {
      const auto vertex = as_vertex(input);
      if (vertex)
        step.inputs.push_back(*vertex);
      else
        fields.complain("inputs holds something that isn't a vertex");
    }
  }
  if (const Json* falsified = fields.find("falsified", Json::value_t::object))
    step.falsified = TRY(read_falsified(*falsified));
  if (const Json* layer = fields.find("layer", Json::value_t::object)) step.layer = TRY(read_layer(*layer));
  if (const Json* run = fields.find("run", Json::value_t::object)) step.run = TRY(read_run(*run));
  if (const Json* context = fields.find("context", Json::value_t::string))
    step.context = context->get_ref<const std::string&>();
  for (const std::string& layer : base) step.base.push_back(TRY(oci::Digest::parse(layer)));
  return fields.done();
}

Result<Step> read_step(const Json& json) {
  Step step;
  std::int64_t line = 0;
  oci::Fields fields(kDocument, json);
  fields.text("stage", step.stage)
      .number("line", line)
      .text("instruction", step.instruction)
      .text("name", step.name)
      .text("reason", step.reason)
      .text("error", step.error);
  read_word(fields, "kind", kKinds, step.kind);
  read_word(fields, "status", kStatuses, step.status);
  if (json.is_object()) {
    read_seconds(fields, json, "started", step.started);
    read_seconds(fields, json, "seconds", step.seconds);
  }
  TRY_VOID(fields.done());
  step.line = static_cast<int>(line);
  TRY_VOID(read_references(json, step));
  return step;
}

/// A vertex refers to vertices before it: whoever follows the references comes to an end.
Result<void> check_references(const Build& build) {
  for (const Step& step : build.steps) {
    std::vector<VertexId> named = step.inputs;
    if (step.parent) named.push_back(*step.parent);
    for (const VertexId id : named)
      if (!step.vertex || id >= *step.vertex || build.vertex(id) == nullptr)
        return fail(
            oci::bad_json(kDocument, fmt::format("a step of line {} names vertex {}", step.line, id)));
  }
  return {};
}

Result<Build> read_build(std::string_view text) {
  const Json json = TRY(oci::parse_object(kDocument, text));
  std::int64_t version = 0;
  TRY_VOID(oci::Fields(kDocument, json).number("version", version).done());
  if (version != kVersion)
    return fail(
        {.kind = ErrorKind::kCorrupt,
         .what = fmt::format("the record of a build has version {}, and this pgstrata reads version {}",
                             version, kVersion),
         .next = "use the pgstrata that wrote it, or build again"});
  Build build;
  oci::Fields fields(kDocument, json);
  fields.text("id", build.id)
      .number("began", build.began)
      .text("target", build.target)
      .text("error", build.error)
      .digest("image", build.image)
      .text("unrecorded", build.unrecorded);
  read_path(fields, "context", build.context);
  read_path(fields, "dockerfile", build.dockerfile);
  read_seconds(fields, json, "seconds", build.seconds);
  read_word(fields, "outcome", kOutcomes, build.outcome);
  const Json* steps = fields.find("steps", Json::value_t::array);
  TRY_VOID(fields.done());
  if (steps != nullptr)
    for (const Json& step : *steps) build.steps.push_back(TRY(read_step(step)));
  TRY_VOID(check_references(build));
  return build;
}

}  // namespace

std::string_view word(Kind kind) { return word_of(kKinds, kind); }
std::string_view word(Status status) { return word_of(kStatuses, status); }
std::string_view word(Outcome outcome) { return word_of(kOutcomes, outcome); }

const Step* Build::vertex(VertexId number) const {
  const auto is_it = [number](const Step& step) { return step.vertex == number; };
  if (number < steps.size() && is_it(steps[number])) return &steps[number];
  const auto found = std::find_if(steps.begin(), steps.end(), is_it);
  return found == steps.end() ? nullptr : &*found;
}

std::optional<std::vector<oci::Digest>> Build::chain_below(const Step& step) const {
  std::vector<oci::Digest> top_first;
  for (std::optional<VertexId> at = step.parent; at;) {
    const Step* below = vertex(*at);
    if (below == nullptr) return std::nullopt;
    if (below->layer) {
      top_first.push_back(below->layer->diff_id);
    } else if (below->kind == Kind::kSource && below->status != Status::kNotReached) {
      top_first.insert(top_first.end(), below->base.rbegin(), below->base.rend());
    } else {
      return std::nullopt;
    }
    at = below->parent;
  }
  return std::vector<oci::Digest>(top_first.rbegin(), top_first.rend());
}

std::string to_json(const Build& build) {
  Json json = {{"version", kVersion},
               {"id", build.id},
               {"began", build.began},
               {"seconds", build.seconds},
               {"outcome", word(build.outcome)}};
  put(json, "context", encode_path(build.context));
  put(json, "dockerfile", encode_path(build.dockerfile));
  put(json, "target", build.target);
  put(json, "error", build.error);
  put(json, "image", build.image);
  put(json, "unrecorded", build.unrecorded);
  Json steps = Json::array();
  for (const Step& step : build.steps) steps.push_back(to_json(step));
  json["steps"] = std::move(steps);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Build> from_json(std::string_view json, const std::string& name) {
  auto build = read_build(json);
  if (build) return build;
  Error error = std::move(build).error();
  error.where = name;
  if (error.next.empty()) error.next = "remove the file: it explains one build, and nothing else needs it";
  return fail(std::move(error));
}

}  // namespace pgstrata::history
