#include "oci/image_config.h"

#include <ctime>

#include "oci/json_fields.h"

namespace pgstrata::oci {
namespace {

constexpr std::string_view kDocument = "image configuration";

/// {"5432/tcp": {}, …}: Go's way to write a set.
Json set_json(const std::set<std::string>& names) {
  Json json = Json::object();
  for (const std::string& name : names) json[name] = Json::object();
  return json;
}

std::set<std::string> names_of(const Json* object) {
  std::set<std::string> names;
  if (object != nullptr)
    for (const auto& [name, unused] : object->items()) names.insert(name);
  return names;
}

Result<Healthcheck> healthcheck_from(const Json& json) {
  Healthcheck check;
  TRY_VOID(Fields(kDocument, json)
               .texts("Test", check.test)
               .number("Interval", check.interval)
               .number("Timeout", check.timeout)
               .number("StartPeriod", check.start_period)
               .number("StartInterval", check.start_interval)
               .number("Retries", check.retries)
               .done());
  return check;
}

Json healthcheck_json(const Healthcheck& check) {
  Json json = Json::object();
  if (!check.test.empty()) json["Test"] = check.test;
  if (check.interval != 0) json["Interval"] = check.interval;
  if (check.timeout != 0) json["Timeout"] = check.timeout;
  if (check.start_period != 0) json["StartPeriod"] = check.start_period;
  if (check.start_interval != 0) json["StartInterval"] = check.start_interval;
  if (check.retries != 0) json["Retries"] = check.retries;
  return json;
}

Result<ContainerConfig> container_from(const Json& json) {
  ContainerConfig config;
  Fields fields(kDocument, json);
  fields.text("User", config.user)
      .texts("Env", config.env)
      .text("WorkingDir", config.working_dir)
      .text("StopSignal", config.stop_signal)
      .texts("Shell", config.shell)
      .texts("OnBuild", config.on_build);
  config.exposed_ports = names_of(fields.find("ExposedPorts", Json::value_t::object));
  config.volumes = names_of(fields.find("Volumes", Json::value_t::object));
  if (fields.find("Entrypoint", Json::value_t::array) != nullptr)
    fields.texts("Entrypoint", config.entrypoint.emplace());
  if (fields.find("Cmd", Json::value_t::array) != nullptr) fields.texts("Cmd", config.cmd.emplace());
  if (const Json* labels = fields.find("Labels", Json::value_t::object))
    for (const auto& [name, value] : labels->items()) {
      if (!value.is_string()) return fail(bad_json(kDocument, "the label " + name + " isn't a string"));
      config.labels[name] = value.get<std::string>();
    }
  if (const Json* check = fields.find("Healthcheck", Json::value_t::object))
    config.healthcheck = TRY(healthcheck_from(*check));
  TRY_VOID(fields.done());
  return config;
}

Json container_json(const ContainerConfig& config) {
  Json json = Json::object();
  if (!config.user.empty()) json["User"] = config.user;
  if (!config.exposed_ports.empty()) json["ExposedPorts"] = set_json(config.exposed_ports);
  if (!config.env.empty()) json["Env"] = config.env;
  if (config.entrypoint) json["Entrypoint"] = *config.entrypoint;
  if (config.cmd) json["Cmd"] = *config.cmd;
  if (!config.volumes.empty()) json["Volumes"] = set_json(config.volumes);
  if (!config.working_dir.empty()) json["WorkingDir"] = config.working_dir;
  if (!config.labels.empty()) json["Labels"] = config.labels;
  if (!config.stop_signal.empty()) json["StopSignal"] = config.stop_signal;
  if (config.healthcheck) json["Healthcheck"] = healthcheck_json(*config.healthcheck);
  if (!config.shell.empty()) json["Shell"] = config.shell;
  if (!config.on_build.empty()) json["OnBuild"] = config.on_build;
  return json;
}

Result<std::vector<History>> history_from(const Json& list) {
  std::vector<History> history;
  for (const Json& item : list) {
    History& step = history.emplace_back();
    TRY_VOID(Fields(kDocument, item)
                 .text("created", step.created)
                 .text("created_by", step.created_by)
                 .text("comment", step.comment)
                 .text("author", step.author)
                 .flag("empty_layer", step.empty_layer)
                 .done());
  }
  return history;
}

Json history_json(const std::vector<History>& history) {
  Json list = Json::array();
  for (const History& step : history) {
    Json json = Json::object();
    if (!step.created.empty()) json["created"] = step.created;
    if (!step.created_by.empty()) json["created_by"] = step.created_by;
    if (!step.comment.empty()) json["comment"] = step.comment;
    if (!step.author.empty()) json["author"] = step.author;
    if (step.empty_layer) json["empty_layer"] = true;
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

Result<ImageConfig> ImageConfig::from_json(std::string_view text) {
  const Json json = TRY(parse_object(kDocument, text));
  ImageConfig image;
  Fields fields(kDocument, json);
  fields.text("created", image.created)
      .text("author", image.author)
      .text("os", image.platform.os)
      .text("architecture", image.platform.architecture)
      .text("variant", image.platform.variant);
  if (const Json* config = fields.find("config", Json::value_t::object))
    image.config = TRY(container_from(*config));
  if (const Json* history = fields.find("history", Json::value_t::array))
    image.history = TRY(history_from(*history));
  if (const Json* rootfs = fields.find("rootfs", Json::value_t::object)) {
    std::vector<std::string> written;
    TRY_VOID(Fields(kDocument, *rootfs).texts("diff_ids", written).done());
    for (const std::string& id : written) image.diff_ids.push_back(TRY(Digest::parse(id)));
  }
  TRY_VOID(fields.done());
  return image;
}

std::string ImageConfig::to_json() const {
  std::vector<std::string> ids;
  for (const Digest& id : diff_ids) ids.push_back(id.str());
  Json json = {{"architecture", platform.architecture},
               {"os", platform.os},
               {"config", container_json(config)},
               {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}};
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  if (!created.empty()) json["created"] = created;
  if (!author.empty()) json["author"] = author;
  if (!history.empty()) json["history"] = history_json(history);
  // A Dockerfile may hold any bytes; JSON can't: what isn't UTF-8 becomes U+FFFD, as Go writes it.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string format_time(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t fraction = nanoseconds % kSecond;
  if (fraction < 0) fraction += kSecond;
  const std::time_t seconds = (nanoseconds - fraction) / kSecond;
  struct tm utc {};
  ::gmtime_r(&seconds, &utc);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                                 utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (fraction != 0) {
    std::string digits = fmt::format("{:09}", fraction);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "Z";
}

}  // namespace pgstrata::oci
