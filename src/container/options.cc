#include "container/options.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "os/file.h"

namespace pgstrata::container {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

tl::unexpected<Error> bad(std::string_view option, std::string_view text, std::string why,
                          std::string next = "") {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("bad value for {}", option),
               .where = std::string(text),
               .why = std::move(why),
               .next = std::move(next)});
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<void> apply_volume_options(std::string_view options, std::string_view text, Volume& volume) {
  for (const std::string& option : split(options, ',')) {
    if (option == "ro")
      volume.read_only = true;
    else if (option == "nocopy")
      volume.copy = false;
    // The labels of SELinux (z, Z) and what is the default anyway change nothing here.
    else if (option != "rw" && option != "z" && option != "Z" && option != "rprivate" &&
             option != "private")
      return bad("--volume", text, fmt::format("the option \"{}\" isn't supported", option),
                 "ro, rw, nocopy, z and Z are");
  }
  return {};
}

Result<std::uint16_t> parse_port_number(std::string_view digits, std::string_view text) {
  if (digits.find('-') != std::string_view::npos)
    return bad("--publish", text, "ranges of ports aren't supported",
               "give each port with a -p of its own");
  const auto value = number<std::uint16_t>(digits);
  if (!value || *value == 0) return bad("--publish", text, fmt::format("\"{}\" isn't a port", digits));
  return *value;
}

}  // namespace

bool is_valid_name(std::string_view text) {
  const auto alphanumeric = [](unsigned char c) { return std::isalnum(c) != 0; };
  return text.size() > 1 && alphanumeric(static_cast<unsigned char>(text[0])) &&
         std::ranges::all_of(
             text, [&](unsigned char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Volume> parse_volume(std::string_view text) {
  const std::vector<std::string> parts = split(text, ':');
  Volume volume;
  volume.source = AnonymousVolume{};
  volume.target = parts.size() > 1 ? parts[1] : parts[0];
  if (parts.size() > 3) return bad("--volume", text, "it has more than three parts");
  if (volume.target.empty() || volume.target[0] != '/')
    return bad("--volume", text, "the path in the container isn't absolute", "-v SOURCE:/PATH[:ro]");
  if (volume.target.find_first_not_of('/') == std::string::npos)
    return bad("--volume", text, "the container's root itself can't be a volume");
  if (parts.size() == 3) TRY_VOID(apply_volume_options(parts[2], text, volume));
  if (parts.size() == 1) return volume;
  const std::string& source = parts[0];
  if (source.starts_with('/') || source == "." || source == ".." || source.starts_with("./") ||
      source.starts_with("../"))
    volume.source = HostDirectory{source};
  else if (is_valid_name(source))
    volume.source = NamedVolume{source};
  else
    return bad("--volume", text, fmt::format("\"{}\" is neither a path nor the name of a volume", source),
               "begin a path with / or ./");
  return volume;
}

Result<Tmpfs> parse_tmpfs(std::string_view text) {
  const size_t colon = text.find(':');
  Tmpfs tmpfs{.target = std::string(text.substr(0, colon)), .options = {"nosuid", "nodev", "noexec"}};
  if (!tmpfs.target.starts_with('/')) return bad("--tmpfs", text, "the path isn't absolute");
  if (colon == std::string_view::npos) return tmpfs;
  for (const std::string& option : split(text.substr(colon + 1), ',')) {
    // The runtime takes the last of two contradicting flags.
    tmpfs.options.push_back(option);
  }
  return tmpfs;
}

Result<PublishedPort> parse_port(std::string_view text) {
  std::string_view rest = text;
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (rest.substr(slash) != "/tcp")
      return bad("--publish", text, "only TCP ports can be published", "--network host has every protocol");
    rest = rest.substr(0, slash);
  }
  PublishedPort port;
  const size_t last = rest.rfind(':');
  port.container =
      TRY(parse_port_number(last == std::string_view::npos ? rest : rest.substr(last + 1), text));
  if (last == std::string_view::npos) {
    port.host = port.container;
    return port;
  }
  rest = rest.substr(0, last);
  const size_t colon = rest.rfind(':');
  const std::string_view host = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
  if (host.empty())
    return bad("--publish", text, "ports chosen by chance aren't supported", "-p ADDRESS:HOST:CONTAINER");
  port.host = TRY(parse_port_number(host, text));
  if (colon == std::string_view::npos) return port;
  std::string address(rest.substr(0, colon));
  if (address.size() > 1 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  in6_addr buffer{};
  if (::inet_pton(AF_INET, address.c_str(), &buffer) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), &buffer) != 1)
    return bad("--publish", text, fmt::format("\"{}\" isn't an IP address", address));
  port.address = address == "0.0.0.0" ? "" : address;
  return port;
}

Result<Network> parse_network(std::string_view text) {
  if (text == "host") return Network::kHost;
  if (text == "none") return Network::kNone;
  if (text == "private") return Network::kPrivate;
  return fail({.kind = ErrorKind::kUsage,
               .what = "there is no such network",
               .where = std::string(text),
               .why = "networks between containers need a daemon",
               .next = "--network host, private (published ports only) or none"});
}

const char* name(Network network) {
  switch (network) {
    case Network::kHost:
      return "host";
    case Network::kPrivate:
      return "private";
    case Network::kNone:
      break;
  }
  return "none";
}

Network default_network(const std::vector<PublishedPort>& ports) {
  const bool as_they_are = std::ranges::all_of(
      ports, [](const PublishedPort& port) { return port.address.empty() && port.host == port.container; });
  return as_they_are ? Network::kHost : Network::kPrivate;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view digits = text;
  if (digits.size() > 1 && (digits.back() == 'b' || digits.back() == 'B')) digits.remove_suffix(1);
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    switch (std::tolower(static_cast<unsigned char>(digits.back()))) {
      case 'k':
        unit = 1ULL << 10;
        break;
      case 'm':
        unit = 1ULL << 20;
        break;
      case 'g':
        unit = 1ULL << 30;
        break;
      case 't':
        unit = 1ULL << 40;
        break;
      default:
        break;
    }
  }
  if (unit != 1) digits.remove_suffix(1);
  const auto value = number<std::uint64_t>(digits);
  if (!value || *value > (UINT64_MAX >> 1) / unit)
    return fail(
        {.kind = ErrorKind::kUsage, .what = "not a size", .where = std::string(text), .next = "e.g. 64m"});
  return *value * unit;
}

Result<int> parse_signal(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (const auto value = number<int>(name); value && *value > 0 && *value < NSIG) return *value;
  if (name.starts_with("SIG")) name = name.substr(3);
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  if (name.starts_with("RTMIN+"))
    if (const auto offset = number<int>(std::string_view(name).substr(6));
        offset && *offset >= 0 && SIGRTMIN + *offset <= SIGRTMAX)
      return SIGRTMIN + *offset;
  return fail({.kind = ErrorKind::kUsage, .what = "there is no such signal", .where = std::string(text)});
}

std::string signal_name(int number) {
  const char* known = ::sigabbrev_np(number);
  return known != nullptr ? known : std::to_string(number);
}

std::optional<std::string> parse_environment(std::string_view text) {
  if (text.find('=') != std::string_view::npos) return std::string(text);
  const std::string name(text);
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return name + "=" + value;
}

Result<std::vector<std::string>> read_environment_file(const std::string& path) {
  const std::string content = TRY(os::read_file(path));
  std::vector<std::string> variables;
  int number = 0;
  for (std::string line : split(content, '\n')) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') continue;
    const std::string variable = line.substr(0, line.find('='));
    if (variable.empty() || variable.find_first_of(" \t") != std::string::npos)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("\"{}\" isn't the name of a variable", variable),
                   .where = fmt::format("{}:{}", path, number)});
    if (auto parsed = parse_environment(line)) variables.push_back(std::move(*parsed));
  }
  return variables;
}

}  // namespace pgstrata::container
