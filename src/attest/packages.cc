#include "attest/packages.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace pgstrata::attest {
namespace {

/// No name, version or licence is longer; a description may be.
constexpr std::size_t kLongestValue = 4096;

void each_line(std::string_view text, const std::function<void(std::string_view)>& take) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

/// Control characters have no place in a value.
bool is_value(std::string_view text) {
  return text.size() <= kLongestValue && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20;
         });
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char one, char other) { return lower(one) == lower(other); });
}

/// "name (version)" or "name".
void set_source(Package& package, std::string_view value) {
  const std::size_t open = value.find('(');
  package.source = trimmed(value.substr(0, open));
  if (open == std::string_view::npos || !value.ends_with(')')) return;
  package.source_version = trimmed(value.substr(open + 1, value.size() - open - 2));
}

bool is_complete(const Package& package) { return !package.name.empty() && !package.version.empty(); }

/// The value of a line of os-release: shell quotes, and what a backslash in them protects.
std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    value += text[i];
  }
  return value;
}

}  // namespace

std::vector<Package> parse_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  bool installed = true;
  const auto finish = [&] {
    if (installed && is_complete(package)) packages.push_back(std::move(package));
    package = {};
    installed = true;
  };
  each_line(text, [&](std::string_view line) {
    if (trimmed(line).empty()) return finish();
    if (line.front() == ' ' || line.front() == '\t') return;  // goes on with a field of many lines
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view field = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!is_value(value)) return;
    if (equals_ignoring_case(field, "package")) package.name = value;
    if (equals_ignoring_case(field, "version")) package.version = value;
    if (equals_ignoring_case(field, "architecture")) package.architecture = value;
    if (equals_ignoring_case(field, "maintainer")) package.maintainer = value;
    if (equals_ignoring_case(field, "source")) set_source(package, value);
    if (equals_ignoring_case(field, "status")) installed = value.ends_with(" installed");
  });
  finish();
  return packages;
}

std::vector<Package> parse_apk_installed(std::string_view text) {
  std::vector<Package> packages;
  Package package{.kind = PackageKind::kAlpine};
  const auto finish = [&] {
    if (is_complete(package)) packages.push_back(std::move(package));
    package = {.kind = PackageKind::kAlpine};
  };
  each_line(text, [&](std::string_view line) {
    if (line.empty()) return finish();
    if (line.size() < 2 || line[1] != ':') return;
    const std::string_view value = trimmed(line.substr(2));
    if (!is_value(value)) return;
    if (line[0] == 'P') package.name = value;
    if (line[0] == 'V') package.version = value;
    if (line[0] == 'A') package.architecture = value;
    if (line[0] == 'L') package.license = value;
    if (line[0] == 'o') package.source = value;
    if (line[0] == 'm') package.maintainer = value;
  });
  finish();
  return packages;
}

OsRelease parse_os_release(std::string_view text) {
  OsRelease release;
  each_line(text, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string value = unquoted(trimmed(line.substr(equals + 1)));
    if (!is_value(value)) return;
    const std::string_view name = trimmed(line.substr(0, equals));
    if (name == "ID") release.id = value;
    if (name == "VERSION_ID") release.version_id = value;
    if (name == "PRETTY_NAME") release.pretty_name = value;
  });
  return release;
}

}  // namespace pgstrata::attest
