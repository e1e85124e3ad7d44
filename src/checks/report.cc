#include "checks/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "checks/excerpt.h"

namespace pgstrata::checks {
namespace {

using Json = nlohmann::ordered_json;

Json location(const dockerfile::SourceRange& range) {
  Json ranges = Json::array();
  if (range.line > 0)
    ranges.push_back(
        {{"start", {{"line", range.line}}}, {"end", {{"line", std::max(range.line, range.last_line)}}}});
  return {{"ranges", std::move(ranges)}};
}

// The line of an error's place, "FILE:LINE:COLUMN"; 0 if it has none in this file.
int line_of(const Error& error, const std::string& file) {
  if (!error.where.starts_with(file + ":")) return 0;
  int line = 0;
  for (std::size_t i = file.size() + 1; i < error.where.size(); ++i) {
    const char c = error.where[i];
    if (c < '0' || c > '9' || line > 1'000'000) break;
    line = line * 10 + (c - '0');
  }
  return line;
}

}  // namespace

std::string report_text(const std::vector<Warning>& warnings, const dockerfile::SourceText& source,
                        bool complete) {
  if (warnings.empty()) return complete ? "Check complete, no warnings found.\n" : "";
  std::string text = warnings.size() == 1
                         ? "Check complete, 1 warning has been found!\n"
                         : fmt::format("Check complete, {} warnings have been found!\n", warnings.size());
  for (const Warning& warning : warnings) {
    const std::string url = warning.rule->url();
    text += fmt::format("\nWARNING: {}{}{}\n{}\n{}", warning.rule->name, url.empty() ? "" : " - ", url,
                        warning.message, excerpt(source, warning.range));
  }
  return text;
}

std::string report_json(const std::vector<Warning>& warnings, const dockerfile::SourceText& source,
                        const std::optional<Error>& error) {
  Json list = Json::array();
  for (const Warning& warning : warnings) {
    Json one = {{"ruleName", warning.rule->name}, {"description", warning.rule->description}};
    if (const std::string url = warning.rule->url(); !url.empty()) one["url"] = url;
    one["detail"] = warning.message;
    one["location"] = location(warning.range);
    list.push_back(std::move(one));
  }
  Json report = {
      {"warnings", std::move(list)},
      {"sources", Json::array({{{"filename", source.file_name()}, {"language", "Dockerfile"}}})}};
  if (error) {
    const int line = line_of(*error, source.file_name());
    report["buildError"] = {{"message", error->message()},
                            {"location", location({.line = line, .last_line = line})}};
  }
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::checks
