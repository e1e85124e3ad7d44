#include "template.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>

#include "log.h"

namespace pg_entrypoint {
namespace {

std::string doubled(std::string_view value, char quote) {
  std::string result;
  for (const char c : value) {
    if (c == quote) result += c;
    result += c;
  }
  return result;
}

/// The NAME of an @NAME@ that begins at `at`, or nothing if that is just an @.
std::optional<std::string_view> name_at(std::string_view text, std::size_t at) {
  const auto end = text.find('@', at + 1);
  if (end == std::string_view::npos || end == at + 1) return std::nullopt;
  const std::string_view name = text.substr(at + 1, end - at - 1);
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
  });
  return good ? std::optional(name) : std::nullopt;
}

struct Line {
  std::string text;
  bool has_empty_value = false;
};

Line fill_line(std::string_view line, const Values& values) {
  Line result;
  for (std::size_t at = 0; at < line.size();) {
    const auto name = line[at] == '@' ? name_at(line, at) : std::nullopt;
    if (!name) {
      result.text += line[at++];
      continue;
    }
    const auto value = values.find(std::string(*name));
    if (value == values.end()) {
      throw std::runtime_error("a template wants the value " + std::string(*name) + ", which there is not");
    }
    if (value->second.empty()) result.has_empty_value = true;
    result.text += value->second;
    at += name->size() + 2;
  }
  return result;
}

}  // namespace

std::string fill_template(std::string_view text, const Values& values) {
  std::string result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool optional = line.starts_with('?');
    if (optional) line.remove_prefix(1);
    const Line filled = fill_line(line, values);
    if (!optional || !filled.has_empty_value) result += filled.text + "\n";
  }
  return result;
}

std::string conf_quote(std::string_view value) { return doubled(value, '\''); }

std::string hba_quote(std::string_view value) { return doubled(value, '"'); }

std::string yaml_quote(std::string_view value) { return '"' + json_escape(value) + '"'; }

std::vector<std::string> effective_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#') lines.emplace_back(line);
  }
  return lines;
}

}  // namespace pg_entrypoint
