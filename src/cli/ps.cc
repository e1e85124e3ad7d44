#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/container_verbs.h"
#include "cli/stored_image.h"

namespace pgstrata::cli {
namespace {

using container::Container;

struct PsOptions {
  bool all = false;
  bool quiet = false;
  bool whole = false;
  std::string format = "table";
};

/// Seconds since an RFC 3339 time in UTC; nothing if it isn't one.
std::optional<long> seconds_since(const std::string& time) {
  std::tm parts{};
  if (::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return std::nullopt;
  return std::max(0L, std::time(nullptr) - ::timegm(&parts));
}

/// "3 minutes"
std::string age(const std::string& time) {
  const auto seconds = seconds_since(time);
  if (!seconds) return "unknown time";
  const auto count = [](long number, const char* unit) {
    return fmt::format("{} {}{}", number, unit, number == 1 ? "" : "s");
  };
  if (*seconds < 60) return count(*seconds, "second");
  if (*seconds < 3600) return count(*seconds / 60, "minute");
  if (*seconds < 48 * 3600) return count(*seconds / 3600, "hour");
  return count(*seconds / 86400, "day");
}

struct StateTexts {
  std::string state;
  std::string status;
};
StateTexts texts(const container::State& state) {
  if (std::holds_alternative<container::Created>(state)) return {"created", "Created"};
  if (const auto* running = std::get_if<container::Running>(&state))
    return {"running", "Up " + age(running->started)};
  const auto& exited = std::get<container::Exited>(state);
  if (exited.finished.empty()) return {"exited", fmt::format("Exited ({}), killed", exited.code)};
  return {"exited", fmt::format("Exited ({}) {} ago", exited.code, age(exited.finished))};
}

std::string join(const std::vector<std::string>& parts, const char* separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string shortened(std::string text, size_t length, bool whole) {
  if (whole || text.size() <= length) return text;
  return text.substr(0, length - 3) + "...";
}

std::string json_line(const Container& one) {
  const StateTexts state = texts(one.state);
  std::vector<std::string> labels;
  for (const auto& [key, value] : one.record.labels) labels.push_back(key + "=" + value);
  const nlohmann::json object = {{"ID", one.record.id.substr(0, 12)},
                                 {"Names", one.record.name},
                                 {"Image", one.record.image},
                                 {"Command", join(one.record.process.argv, " ")},
                                 {"CreatedAt", one.record.created},
                                 {"RunningFor", age(one.record.created) + " ago"},
                                 {"State", state.state},
                                 {"Status", state.status},
                                 {"Ports", join(one.record.ports, ", ")},
                                 {"Networks", one.record.network},
                                 {"Mounts", join(one.record.mounts, ",")},
                                 {"Labels", join(labels, ",")}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string table(const std::vector<Container>& containers, bool whole) {
  std::vector<std::array<std::string, 7>> rows = {
      {"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"}};
  for (const Container& one : containers)
    rows.push_back({one.record.id.substr(0, whole ? 64 : 12), one.record.image,
                    "\"" + shortened(join(one.record.process.argv, " "), 20, whole) + "\"",
                    age(one.record.created) + " ago", texts(one.state).status, join(one.record.ports, ", "),
                    one.record.name});
  std::array<size_t, 7> widths{};
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) text += fmt::format("{:<{}}   ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

Result<int> ps(const GlobalOptions& global, const PsOptions& options) {
  std::vector<Container> containers = TRY(container::list(global.root));
  if (!options.all)
    std::erase_if(containers, [](const Container& one) {
      return !std::holds_alternative<container::Running>(one.state);
    });
  std::string text;
  if (options.quiet)
    for (const Container& one : containers) text += one.record.id.substr(0, options.whole ? 64 : 12) + "\n";
  else if (options.format == "json")
    for (const Container& one : containers) text += json_line(one);
  else
    text = table(containers, options.whole);
  TRY_VOID(print(text));
  return 0;
}

}  // namespace

Command add_ps(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<PsOptions>();
  app.add_flag("-a,--all", options->all, "also those that have ended");
  app.add_flag("-q,--quiet", options->quiet, "IDs only");
  app.add_flag("--no-trunc", options->whole, "whole IDs and commands");
  app.add_option("--format", options->format, "table, or json: one object per line")
      ->check(CLI::IsMember({"table", "json"}));
  return [options, &global] { return ps(global, *options); };
}

}  // namespace pgstrata::cli
