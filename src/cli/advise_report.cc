#include "cli/advise_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace pgstrata::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownInstruction = 60;

/// With as many digits as tell something.
std::string seconds(double value) {
  return value < 10 ? fmt::format("{:.2f} s", value) : fmt::format("{:.1f} s", value);
}

std::string shortened(const std::string& instruction) {
  if (instruction.size() <= kShownInstruction) return instruction;
  std::size_t length = kShownInstruction;
  while (length > 0 && (static_cast<unsigned char>(instruction[length]) & 0xC0U) == 0x80U) --length;
  return fmt::format("{}…", std::string_view(instruction).substr(0, length));
}

std::string basis(const advise::Edits& edits) {
  if (!edits.no_history.empty())
    return fmt::format("Every file is taken to be edited equally often: {}.\n", edits.no_history);
  return fmt::format("{} commits since {} touched files of the context: {:.1f} a week.\n",
                     edits.edits.size(), edits.since,
                     static_cast<double>(edits.edits.size()) / edits.weeks);
}

std::string costs(const advise::Advice& advice) {
  const char* unit = advice.edits.no_history.empty() ? "a week" : "an edit";
  std::string text = fmt::format("Rebuilding in Docker: {} {} as it is", seconds(advice.before), unit);
  if (!advice.diff.empty())
    text += fmt::format(", {} in the order below: {} {} saved", seconds(advice.after),
                        seconds(advice.before - advice.after), unit);
  text += ".\n";
  for (const advise::RunRate& run : advice.runs) {
    const std::string times = advice.diff.empty()
                                  ? fmt::format("{:.2f} times {}", run.before, unit)
                                  : fmt::format("{:.2f} → {:.2f} times {}", run.before, run.after, unit);
    text += fmt::format("  line {}: {}, {}: {}\n", run.line, seconds(run.seconds), times,
                        shortened(run.instruction));
    if (!run.recorded)
      text += fmt::format("    stays below all that it had: what it asks for wasn't recorded{}{}\n",
                          advice.unrecorded.empty() ? "" : ": ", advice.unrecorded);
    for (const advise::Need& need : run.needs)
      text += fmt::format("    needs {} of {} files of line {}, as for {}\n", need.files, need.of,
                          need.line, need.example);
  }
  return text;
}

}  // namespace

std::string advice_text(const ShownAdvice& shown) {
  const advise::Advice& advice = shown.advice;
  std::string text = basis(advice.edits) + costs(advice);
  if (advice.changes.empty()) {
    text += "\nNo order is proven to be better.\n";
  } else {
    text += "\n";
    for (const advise::Change& change : advice.changes)
      text += fmt::format("line {} {}: {}\n", change.line, change.what, shortened(change.instruction));
    text += fmt::format(
        "Proven by {} recorded questions: every RUN gets the answers that it got, and the image has the "
        "same "
        "files.\n",
        advice.questions);
  }
  for (const advise::Kept& kept : advice.kept)
    text += fmt::format("line {} stays where it is, {}: {}\n", kept.line, kept.why,
                        shortened(kept.instruction));
  if (advice.diff.empty()) return text;
  text += "\n" + advice.diff;
  text += shown.applied ? fmt::format("\n{} is changed.\n", shown.dockerfile)
                        : fmt::format("\npgstrata advise --apply {} changes the file.\n", shown.context);
  return text;
}

std::string advice_json(const ShownAdvice& shown) {
  const advise::Advice& advice = shown.advice;
  Json edits = {{"basis", advice.edits.no_history.empty() ? "git" : "equal"}};
  if (advice.edits.no_history.empty()) {
    edits["since"] = advice.edits.since;
    edits["weeks"] = advice.edits.weeks;
    edits["commits"] = advice.edits.edits.size();
  } else {
    edits["reason"] = advice.edits.no_history;
    edits["files"] = advice.edits.edits.size();
  }
  Json changes = Json::array();
  for (const advise::Change& change : advice.changes)
    changes.push_back({{"line", change.line}, {"instruction", change.instruction}, {"what", change.what}});
  Json kept = Json::array();
  for (const advise::Kept& one : advice.kept)
    kept.push_back({{"line", one.line}, {"instruction", one.instruction}, {"why", one.why}});
  Json runs = Json::array();
  for (const advise::RunRate& run : advice.runs) {
    Json needs = Json::array();
    for (const advise::Need& need : run.needs)
      needs.push_back(
          {{"line", need.line}, {"files", need.files}, {"of", need.of}, {"example", need.example}});
    runs.push_back({{"line", run.line},
                    {"instruction", run.instruction},
                    {"seconds", run.seconds},
                    {"rebuilds", run.before},
                    {"rebuildsProposed", run.after},
                    {"recorded", run.recorded},
                    {"needs", std::move(needs)}});
  }
  const Json all = {{"dockerfile", shown.dockerfile},
                    {"build", advice.build},
                    {"edits", std::move(edits)},
                    {"unit", advice.edits.no_history.empty() ? "seconds per week" : "seconds per edit"},
                    {"seconds", advice.before},
                    {"secondsProposed", advice.after},
                    {"saved", advice.before - advice.after},
                    {"questions", advice.questions},
                    {"runs", std::move(runs)},
                    {"changes", std::move(changes)},
                    {"kept", std::move(kept)},
                    {"diff", advice.diff},
                    {"applied", shown.applied}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::cli
