#include "cli/step_options.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "sandbox/limits.h"

namespace pgstrata::cli {
namespace {

tl::unexpected<Error> bad(const char* option, const std::string& word, std::string why,
                          std::string next = "") {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("{} {}: {}", option, word, why),
               .next = std::move(next)});
}

bool is_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < -1) return std::nullopt;
  return value;
}

}  // namespace

Result<std::vector<graph::ExtraHost>> parse_hosts(const std::vector<std::string>& words) {
  std::vector<graph::ExtraHost> hosts;
  for (const std::string& word : words) {
    const std::size_t end = word.find('=') != std::string::npos ? word.find('=') : word.find(':');
    if (end == std::string::npos || end == 0)
      return bad("--add-host", word, "not of the form NAME:ADDRESS");
    std::string address = word.substr(end + 1);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    if (address == "host-gateway") address = "127.0.0.1";
    if (!is_address(address))
      return bad("--add-host", word, fmt::format("\"{}\" is no IP address", address));
    hosts.push_back({.name = word.substr(0, end), .address = std::move(address)});
  }
  return hosts;
}

Result<std::vector<graph::Ulimit>> parse_ulimits(const std::vector<std::string>& words) {
  std::vector<graph::Ulimit> limits;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return bad("--ulimit", word, "not of the form NAME=SOFT[:HARD]");
    graph::Ulimit limit{.name = word.substr(0, equals)};
    if (!sandbox::limit_number(limit.name))
      return bad("--ulimit", word, fmt::format("there is no limit \"{}\"", limit.name),
                 "use one of " + sandbox::limit_names());
    const std::string_view values = std::string_view(word).substr(equals + 1);
    const std::size_t colon = std::min(values.find(':'), values.size());
    const auto soft = number(values.substr(0, colon));
    const auto hard = colon == values.size() ? soft : number(values.substr(colon + 1));
    if (!soft || !hard) return bad("--ulimit", word, "not of the form NAME=SOFT[:HARD]");
    if (*hard != -1 && (*soft == -1 || *soft > *hard))
      return bad("--ulimit", word, "the soft limit is above the hard one");
    limit.soft = *soft;
    limit.hard = *hard;
    limits.push_back(std::move(limit));
  }
  return limits;
}

Result<std::uint64_t> parse_size(const char* option, const std::string& text) {
  if (text.empty()) return 0;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  std::string suffix(unit, end);
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (suffix.size() > 1 && suffix.ends_with('b')) suffix.pop_back();
  constexpr std::string_view kUnits = "bkmgt";
  const std::size_t power = suffix.empty() ? 0 : kUnits.find(suffix);
  if (error != std::errc{} || value <= 0 || suffix.size() > 1 || power == std::string_view::npos)
    return bad(option, text, "no size", "write it like 64m or 2g");
  const double bytes = value * std::pow(1024.0, static_cast<double>(power));
  if (bytes >= 9e18) return bad(option, text, "too big");
  return static_cast<std::uint64_t>(bytes);
}

Result<std::map<std::string, std::string>> parse_annotations(const std::vector<std::string>& words) {
  std::map<std::string, std::string> annotations;
  for (const std::string& word : words) {
    std::string_view rest = word;
    const std::size_t equals = rest.find('=');
    const std::size_t colon = rest.substr(0, equals).find(':');
    if (colon != std::string_view::npos) {
      const std::string_view kind = rest.substr(0, std::min(colon, rest.find('[')));
      if (kind == "index" || kind == "index-descriptor" || kind == "manifest-descriptor")
        return bad("--annotation", word, fmt::format("annotations of an {} aren't written", kind),
                   "annotate the manifest: --annotation KEY=VALUE");
      if (kind != "manifest") return bad("--annotation", word, fmt::format("unknown type \"{}\"", kind));
      rest.remove_prefix(colon + 1);
    }
    const std::size_t end = rest.find('=');
    if (end == std::string_view::npos || end == 0)
      return bad("--annotation", word, "not of the form [manifest:]KEY=VALUE");
    annotations[std::string(rest.substr(0, end))] = rest.substr(end + 1);
  }
  return annotations;
}

Result<std::set<std::string>> parse_allow(const std::vector<std::string>& words) {
  std::set<std::string> allowed;
  for (std::string_view rest : words) {
    while (!rest.empty()) {
      // A device's own comma isn't one between words.
      const bool device = rest.starts_with("device=");
      const std::string word(rest.substr(0, device ? rest.size() : rest.find(',')));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      const std::size_t comma = word.find(',');
      if (device && comma != std::string::npos &&
          (word.compare(comma, 7, ",alias=") != 0 || word.find(',', comma + 1) != std::string::npos))
        return bad("--allow", word, "only an alias can follow the device",
                   "write device=NAME or device=NAME,alias=OTHER");
      if (!device && word != "network.host" && word != "security.insecure" && word != "device")
        return bad("--allow", word, "there is no such entitlement",
                   "use network.host, security.insecure or device");
      allowed.insert(word);
    }
  }
  return allowed;
}

}  // namespace pgstrata::cli
