#include "bootstrap/release.h"

#include <fmt/format.h>

#include <ctime>

#include "os/file.h"
#include "os/process.h"

namespace pgstrata::bootstrap {
namespace {

constexpr std::string_view kHelper = "/usr/lib/apt/apt-helper";

std::string_view field(std::string_view text, std::string_view name) {
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    std::string_view rest = text.substr(at + name.size());
    if (!rest.starts_with(':')) continue;
    rest = rest.substr(1, rest.find('\n') == std::string_view::npos ? rest.size() : rest.find('\n') - 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    while (rest.ends_with('\r') || rest.ends_with(' ')) rest.remove_suffix(1);
    return rest;
  }
  return {};
}

/// "Sat, 11 Jul 2026 10:16:37 UTC"
std::optional<std::int64_t> parse_date(std::string_view text) {
  const std::string date(text);
  std::tm time{};
  const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S", &time);
  if (end == nullptr) return {};
  const std::string_view zone = end;
  if (zone != " UTC" && zone != " GMT" && zone != " +0000") return {};
  return static_cast<std::int64_t>(::timegm(&time));
}

bool says_not_found(std::string_view message) {
  // apt's http method reports the status line; its file method the errno.
  return message.find(" 404 ") != std::string_view::npos ||
         message.find("404  Not Found") != std::string_view::npos ||
         message.find("No such file") != std::string_view::npos ||
         message.find("File not found") != std::string_view::npos;
}

os::Command helper_command(const std::string& url, const std::string& target, const AptOptions& options) {
  // As root apt would download as user _apt, who can't write into our directory.
  std::vector<std::string> argv{std::string(kHelper), "-o", "APT::Sandbox::User=root"};
  for (const auto& [name, value] : options) {
    argv.emplace_back("-o");
    argv.push_back(fmt::format("{}={}", name, value));
  }
  argv.insert(argv.end(), {"download-file", url, target});
  return {.argv = std::move(argv), .env = os::environment_with({{"LC_ALL", "C.UTF-8"}})};
}

}  // namespace

Result<Release> parse_release(std::string_view text) {
  const auto date = parse_date(field(text, "Date"));
  Release release{.origin = std::string(field(text, "Origin")),
                  .codename = std::string(field(text, "Codename")),
                  .date = date.value_or(0)};
  if (release.codename.empty() || !date)
    return fail(
        {.kind = ErrorKind::kCorrupt, .what = "this is not a Release file: no Codename or no Date in it"});
  return release;
}

std::string release_url(const AptSource& source) {
  return fmt::format("{}/dists/{}/InRelease", source.mirror.uri, source.suite);
}

Result<std::optional<Release>> fetch_release(const AptSource& source, const AptOptions& options,
                                             const std::string& directory, std::stop_token stop) {
  const std::string url = release_url(source);
  const std::string target = directory + "/InRelease." + source.suite;
  auto run = os::capture(helper_command(url, target, options), std::move(stop));
  if (!run && run.error().kind == ErrorKind::kNotFound)
    return fail({.kind = ErrorKind::kMachine,
                 .what = "apt's download helper is missing",
                 .where = std::string(kHelper),
                 .next = "bootstrapping a base needs a Debian machine: apt-get install apt mmdebstrap"});
  const os::Captured result = TRY(std::move(run));
  if (!os::succeeded(result.status)) {
    if (says_not_found(result.err) || says_not_found(result.out)) return std::optional<Release>{};
    return fail({.kind = ErrorKind::kMachine,
                 .what = "can't reach the Debian mirror",
                 .where = url,
                 .why = os::describe(result.status),
                 .next = "check the network, the proxy in apt's configuration, or set PGSTRATA_APT_MIRROR",
                 .detail = result.err});
  }
  const std::string text = TRY(os::read_file(target));
  auto release = parse_release(text);
  if (!release) {
    release.error().where = url;
    return fail(release.error());
  }
  return std::optional<Release>(std::move(*release));
}

}  // namespace pgstrata::bootstrap
