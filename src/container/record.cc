#include "container/record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "oci/json_fields.h"

namespace pgstrata::container {
namespace {

using oci::Json;

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json process_id_json(const ProcessId& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", process.boot_id}};
}

Result<ProcessId> read_process_id(const Json* object) {
  ProcessId process;
  if (object == nullptr) return process;
  std::int64_t pid = 0;
  std::int64_t start_time = 0;
  oci::Fields fields("container state", *object);
  TRY_VOID(
      fields.number("pid", pid).number("start_time", start_time).text("boot_id", process.boot_id).done());
  process.pid = static_cast<pid_t>(pid);
  process.start_time = static_cast<std::uint64_t>(start_time);
  return process;
}

Json state_json(const Created& state) {
  return {{"status", "created"}, {"monitor", process_id_json(state.monitor)}};
}
Json state_json(const Running& state) {
  return {{"status", "running"}, {"monitor", process_id_json(state.monitor)}, {"started", state.started}};
}
Json state_json(const Exited& state) {
  return {{"status", "exited"},
          {"exit_code", state.code},
          {"started", state.started},
          {"finished", state.finished},
          {"error", state.error}};
}

Result<std::vector<oci::Digest>> read_digests(const std::vector<std::string>& written) {
  std::vector<oci::Digest> digests;
  for (const std::string& digest : written) digests.push_back(TRY(oci::Digest::parse(digest)));
  return digests;
}

}  // namespace

std::string to_json(const Record& record) {
  Json layers = Json::array();
  for (const oci::Digest& layer : record.layers) layers.push_back(layer.str());
  return text({{"version", 1},
               {"id", record.id},
               {"name", record.name},
               {"image", record.image},
               {"manifest", record.manifest.str()},
               {"layers", std::move(layers)},
               {"created", record.created},
               {"process", Json::parse(to_json(record.process))},
               {"labels", record.labels},
               {"volumes", record.volumes},
               {"mounts", record.mounts},
               {"network", record.network},
               {"ports", record.ports},
               {"auto_remove", record.auto_remove},
               {"stop_signal", record.stop_signal},
               {"stop_timeout", record.stop_timeout}});
}

Result<Record> record_from_json(std::string_view json) {
  const Json object = TRY(oci::parse_object("container", json));
  Record record;
  std::vector<std::string> layers;
  std::int64_t stop_signal = record.stop_signal;
  std::int64_t stop_timeout = record.stop_timeout;
  oci::Fields fields("container", object);
  fields.text("id", record.id)
      .text("name", record.name)
      .text("image", record.image)
      .digest("manifest", record.manifest)
      .texts("layers", layers)
      .text("created", record.created)
      .texts("volumes", record.volumes)
      .texts("mounts", record.mounts)
      .text("network", record.network)
      .texts("ports", record.ports)
      .flag("auto_remove", record.auto_remove)
      .number("stop_signal", stop_signal)
      .number("stop_timeout", stop_timeout);
  if (const Json* process = fields.find("process", Json::value_t::object))
    record.process = TRY(process_from_json(process->dump()));
  if (const Json* labels = fields.find("labels", Json::value_t::object)) {
    for (const auto& [key, value] : labels->items()) {
      if (!value.is_string()) return fail(oci::bad_json("container", "a label isn't a string"));
      record.labels[key] = value.get<std::string>();
    }
  }
  TRY_VOID(fields.done());
  record.layers = TRY(read_digests(layers));
  record.stop_signal = static_cast<int>(stop_signal);
  record.stop_timeout = static_cast<int>(stop_timeout);
  return record;
}

std::string to_json(const State& state) {
  Json json = std::visit([](const auto& one) { return state_json(one); }, state);
  json["version"] = 1;
  return text(json);
}

Result<State> state_from_json(std::string_view json) {
  const Json object = TRY(oci::parse_object("container state", json));
  std::string status;
  Exited exited;
  std::int64_t code = 0;
  oci::Fields fields("container state", object);
  fields.text("status", status)
      .number("exit_code", code)
      .text("started", exited.started)
      .text("finished", exited.finished)
      .text("error", exited.error);
  ProcessId monitor = TRY(read_process_id(fields.find("monitor", Json::value_t::object)));
  TRY_VOID(fields.done());
  exited.code = static_cast<int>(code);
  if (status == "created") return State(Created{std::move(monitor)});
  if (status == "running") return State(Running{std::move(monitor), std::move(exited.started)});
  if (status == "exited") return State(std::move(exited));
  return fail(oci::bad_json("container state", fmt::format("status \"{}\"", status)));
}

}  // namespace pgstrata::container
