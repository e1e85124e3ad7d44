#include "explain/html.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "explain/html_parts.h"
#include "explain/html_style.h"
#include "explain/wording.h"
#include "history/path_text.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::explain {
namespace {

using history::Status;

/// A number that is large on the page, and what it counts.
std::string tile(std::string_view value, std::string_view words, std::string_view kind) {
  return fmt::format("<li class=\"tile {}\"><b>{}</b> {}</li>\n", kind, escaped(value), escaped(words));
}

std::string tiles(const Explanation& explanation) {
  std::string out = "<ul class=\"tiles\">\n";
  constexpr std::array kGroups = {std::pair(Status::kRan, "ran"),
                                  std::pair(Status::kCutOff, "ran without a change"),
                                  std::pair(Status::kRebased, "reused on other layers"),
                                  std::pair(Status::kHit, "reused"),
                                  std::pair(Status::kFailed, "failed"),
                                  std::pair(Status::kCancelled, "cancelled"),
                                  std::pair(Status::kNotReached, "not reached")};
  for (const auto& [status, words] : kGroups) {
    std::size_t count = 0;
    for (const Step& step : explanation.steps) count += step.record.status == status ? 1 : 0;
    if (count > 0) out += tile(std::to_string(count), words, history::word(status));
  }
  if (const double critical = explanation.critical_seconds(); critical > 0)
    out += tile(progress::duration(critical), "on the critical path", "seconds");
  if (const double spared = explanation.spared_seconds(); spared > 0)
    out += tile(progress::duration(spared), "of RUNs not done again", "seconds");
  return out + "</ul>\n";
}

std::string facts(const history::Build& build) {
  std::string out = "<dl class=\"facts\">\n";
  const auto fact = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, escaped(value));
  };
  fact("began", time_text(build.began));
  fact("context", history::encode_path(build.context));
  fact("Dockerfile", history::encode_path(build.dockerfile));
  fact("target", build.target);
  fact("image", build.image.is_none() ? "" : build.image.str().substr(0, 19));
  fact("build", build.id);
  fact("what RUNs asked wasn't recorded", build.unrecorded);
  return out + "</dl>\n";
}

std::string section(std::string_view title, std::string_view note, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<section>\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n{}</section>\n", title, note, body);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const progress::Character character = progress::first_character(text);
    const bool is_control = (character.code < 0x20 && character.code != '\n' && character.code != '\t') ||
                            (character.code >= 0x7F && character.code < 0xA0);
    if (!character.valid || is_control)
      out += "\xEF\xBF\xBD";
    else if (character.code == '&')
      out += "&amp;";
    else if (character.code == '<')
      out += "&lt;";
    else if (character.code == '>')
      out += "&gt;";
    else if (character.code == '"')
      out += "&quot;";
    else
      out += text.substr(0, character.length);
    text.remove_prefix(character.length);
  }
  return out;
}

std::string link_to(Number step) { return fmt::format("<a href=\"#step-{0}\">step {0}</a>", step); }

std::string html(const Explanation& explanation) {
  const history::Build& build = explanation.build;
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} of {} {}</title>\n<style>{}</style>\n</head>\n<body>\n",
      escaped(build.id), escaped(history::encode_path(build.context)), outcome_text(build), kStyle);
  out += fmt::format("<header class=\"{}\">\n<h1>{}</h1>\n", history::word(build.outcome),
                     outcome_text(build));
  if (!build.error.empty()) out += fmt::format("<p class=\"error\">{}</p>\n", escaped(build.error));
  out += tiles(explanation) + facts(build) + "</header>\n<main>\n";
  out += section(
      "Timeline",
      "When each step ran. Full colour: the critical path, each step waiting for the one before. A dot: "
      "reused, nothing ran.",
      timeline(explanation));
  out +=
      section("Layers", "By size of their tars; in full colour what this build made.", layers(explanation));
  out += section("Steps", "Why each one ran or didn't, and what it asked for.", cards(explanation));
  return out + "</main>\n" + fmt::format("<script>{}</script>\n</body>\n</html>\n", kScript);
}

}  // namespace pgstrata::explain
