#include "bootstrap/apt_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "os/process.h"

namespace pgstrata::bootstrap {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return equal_ignoring_case(text.substr(0, start.size()), start);
}

/// Option names are case-insensitive in apt.
bool is_about_reaching_mirrors(std::string_view name) {
  for (const std::string_view exact :
       {"Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::Retries", "Acquire::ForceIPv4",
        "Acquire::ForceIPv6", "Acquire::http::Timeout", "Acquire::https::Timeout"})
    if (equal_ignoring_case(name, exact)) return true;
  for (const std::string_view start : {"Acquire::http::Proxy", "Acquire::https::Proxy"})
    if (equal_ignoring_case(name, start) || starts_with_ignoring_case(name, std::string(start) + "::"))
      return true;
  return false;
}

std::string value_of(const AptOptions& options, std::string_view name) {
  for (const auto& [key, value] : options)
    if (equal_ignoring_case(key, name)) return equal_ignoring_case(value, "DIRECT") ? "" : value;
  return {};
}

/// `Name "value";`: the value is the text between the first and the last quote.
std::optional<std::pair<std::string, std::string>> parse_line(std::string_view line) {
  const auto space = line.find(' ');
  const auto open = line.find('"');
  const auto close = line.rfind('"');
  if (space == std::string_view::npos || open == std::string_view::npos || close == open) return {};
  return std::pair(std::string(line.substr(0, space)),
                   std::string(line.substr(open + 1, close - open - 1)));
}

}  // namespace

AptOptions parse_apt_config(std::string_view dump) {
  AptOptions options;
  os::LineSplitter lines([&options](std::string_view line) {
    auto option = parse_line(line);
    if (option && !option->second.empty() && is_about_reaching_mirrors(option->first))
      options.push_back(std::move(*option));
  });
  lines.add(dump);
  lines.finish();
  return options;
}

Result<AptOptions> apt_options() {
  auto dump =
      os::capture({.argv = {"apt-config", "dump"}, .env = os::environment_with({{"LC_ALL", "C.UTF-8"}})});
  if (!dump && dump.error().kind == ErrorKind::kNotFound) return AptOptions{};
  const os::Captured result = TRY(std::move(dump));
  if (!os::succeeded(result.status))
    return fail({.kind = ErrorKind::kMachine,
                 .what = "can't read apt's configuration",
                 .where = "apt-config dump",
                 .why = os::describe(result.status),
                 .next = "look at /etc/apt/apt.conf.d",
                 .detail = result.err});
  return parse_apt_config(result.out);
}

std::string apt_conf(const AptOptions& options) {
  std::string text;
  for (const auto& [name, value] : options) text += fmt::format("{} \"{}\";\n", name, value);
  return text;
}

AptProxy apt_proxy(const AptOptions& options) {
  return {.http = value_of(options, "Acquire::http::Proxy"),
          .https = value_of(options, "Acquire::https::Proxy")};
}

}  // namespace pgstrata::bootstrap
