// The cards of the steps: why each ran, what it asked for, what it wrote.
#include <fmt/format.h>

#include <algorithm>

#include "explain/html_parts.h"
#include "explain/wording.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::explain {
namespace {

using history::Status;

/// A package install asks for thousands of names; a page that lists more than this of one origin isn't read
/// any more.
constexpr std::size_t kListed = 250;

std::string falsified_box(const history::Falsified& falsified) {
  std::string out =
      fmt::format("<div class=\"falsified\"><p>{} of <code>{}</code></p>\n",
                  most_telling(falsified.questions), escaped(path_text(falsified.path, falsified.mount)));
  if (falsified.before != falsified.after) {
    if (!falsified.before.empty())
      out += fmt::format("<p class=\"was\">{}</p>\n", escaped(falsified.before));
    if (!falsified.after.empty()) out += fmt::format("<p class=\"is\">{}</p>\n", escaped(falsified.after));
  }
  return out + "</div>\n";
}

std::string observation_item(const filetree::Observation& observation, const std::string& mount) {
  return fmt::format("<li><code>{}</code> <small>{}</small></li>\n",
                     escaped(path_text(observation.path, mount)),
                     fmt::join(question_names(observation.questions), ", "));
}

std::string group_details(const Group& group, const std::vector<Step>& steps) {
  const bool nowhere = std::holds_alternative<Nowhere>(group.origin);
  const auto* mount = std::get_if<FromMount>(&group.origin);
  const Counts counts = counts_of(group);
  const std::string heading =
      nowhere ? fmt::format("{} looked for in vain", counted(group.asked.size(), "name", "names"))
              : fmt::format("{} read, {} only looked up of {}", counts.read, counts.looked_up,
                            escaped(origin_text(group.origin, steps)));
  filetree::Observations listed = group.asked;
  std::stable_partition(listed.begin(), listed.end(),
                        [](const filetree::Observation& one) { return is_read(one.questions); });
  std::string items;
  for (std::size_t i = 0; i < std::min(listed.size(), kListed); ++i)
    items += observation_item(listed[i], mount == nullptr ? "" : mount->target);
  if (listed.size() > kListed)
    items += fmt::format("<li>and {} more: <code>pgstrata explain --reads</code></li>\n",
                         listed.size() - kListed);
  const bool open = std::holds_alternative<FromContext>(group.origin) || mount != nullptr;
  return fmt::format("<details class=\"reads\"{}><summary>{}</summary>\n<ul>\n{}</ul>\n</details>\n",
                     open ? " open" : "", heading, items);
}

std::string reads_of(const Step& step, const std::vector<Step>& steps) {
  if (const auto* unknown = std::get_if<NotKnown>(&step.reads))
    return fmt::format("<p class=\"quiet\">What it asked for isn't known: {}.</p>\n",
                       escaped(unknown->why));
  const auto* reads = std::get_if<Reads>(&step.reads);
  if (reads == nullptr) return "";
  std::string out;
  for (const Group& group : *reads) out += group_details(group, steps);
  return out;
}

std::string facts(const Step& step) {
  const history::Step& record = step.record;
  std::vector<std::string> parts;
  if (record.vertex && record.status != Status::kNotReached && record.seconds > 0)
    parts.push_back(
        fmt::format("{} after {}", progress::duration(record.seconds), progress::duration(record.started)));
  if (step.critical) parts.emplace_back("on the critical path");
  if (step.spared) parts.push_back(progress::duration(*step.spared) + " spared");
  if (step.looked_up_names) parts.emplace_back("looked up names on the network");
  if (step.written)
    parts.push_back(
        fmt::format("{}: {}", progress::size(step.written->bytes), entries_text(*step.written)));
  else if (record.layer)
    parts.push_back(progress::size(record.layer->size));
  std::string out = fmt::format("<p class=\"quiet\">line {}", record.line);
  for (const std::string& part : parts) out += " · " + escaped(part);
  for (std::size_t i = 0; i < step.needs.size(); ++i)
    out += (i == 0 ? " · stands on " : ", ") + link_to(step.needs[i]);
  return out + "</p>\n";
}

/// What is of interest is open: what ran, or should have.
bool is_open(Status status) {
  return status == Status::kRan || status == Status::kCutOff || status == Status::kFailed ||
         status == Status::kCancelled;
}

std::string card(const Step& step, const std::vector<Step>& steps) {
  const history::Step& record = step.record;
  const std::string_view status = history::word(record.status);
  const std::string instruction = short_instruction(record);
  std::string out = fmt::format(
      "<details class=\"card\" id=\"step-{}\"{}>\n<summary><i>{}</i> <span class=\"chip {}\">{}</span> "
      "<code>{}</code></summary>\n",
      step.number, is_open(record.status) ? " open" : "", step.number, status, status,
      escaped(instruction));
  if (const std::string whole = progress::sanitize(record.instruction); whole != instruction)
    out += fmt::format("<p class=\"quiet\"><code>{}</code></p>\n", escaped(whole));
  if (!record.error.empty()) out += fmt::format("<p class=\"error\">{}</p>\n", escaped(record.error));
  const std::string reason = reason_text(step, steps);
  out += fmt::format("<p>{}{}</p>\n", escaped(status_text(record.status)),
                     reason.empty() ? "" : ": <b>" + escaped(reason) + "</b>");
  if (record.falsified) out += falsified_box(*record.falsified);
  return out + facts(step) + reads_of(step, steps) + "</details>\n";
}

}  // namespace

std::string cards(const Explanation& explanation) {
  std::string out;
  const std::string* stage = nullptr;
  for (const Step& step : explanation.steps) {
    if (stage == nullptr || *stage != step.record.stage)
      out += step.record.stage.empty() ? "" : fmt::format("<h3>{}</h3>\n", escaped(step.record.stage));
    stage = &step.record.stage;
    out += card(step, explanation.steps);
  }
  return out;
}

}  // namespace pgstrata::explain
