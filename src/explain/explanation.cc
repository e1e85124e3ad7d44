#include "explain/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace pgstrata::explain {
namespace {

using Numbers = std::map<history::VertexId, Number>;

std::vector<Number> needs_of(const history::Step& record, const Numbers& numbers) {
  std::set<Number> needs;
  if (record.parent) needs.insert(numbers.at(*record.parent));
  for (const history::VertexId input : record.inputs) needs.insert(numbers.at(input));
  return {needs.begin(), needs.end()};
}

double end_of(const Step& step) { return step.record.started + step.record.seconds; }

/// What is shown as "0 ms" was no wait for anybody.
bool took_time(const Step& step) { return step.record.vertex && step.record.seconds >= 0.0005; }

/// From the step that ended last to the one that it waited for last, and so on. Reused steps are passed
/// through: they take no time, but what is above them waited for what is below.
void mark_critical_path(std::vector<Step>& steps) {
  Step* at = nullptr;
  for (Step& step : steps)
    if (took_time(step) && (at == nullptr || end_of(step) > end_of(*at))) at = &step;
  while (at != nullptr) {
    if (took_time(*at)) at->critical = true;
    Step* last = nullptr;
    for (const Number number : at->needs) {
      Step& needed = steps[number - 1];
      if (last == nullptr || end_of(needed) > end_of(*last)) last = &needed;
    }
    at = last;
  }
}

/// The steps that `step` stands on whose files are other ones than before.
std::vector<Number> changed_below(const history::Build& build, const history::Step& step,
                                  const Numbers& numbers) {
  std::vector<Number> changed;
  for (auto at = step.parent; at;) {
    const history::Step* below = build.vertex(*at);
    if (below == nullptr) break;
    if (below->status == history::Status::kRan) changed.push_back(numbers.at(*at));
    at = below->parent;
  }
  std::reverse(changed.begin(), changed.end());
  return changed;
}

std::optional<std::size_t> parse_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::vector<Number> of_line(const std::vector<Step>& steps, std::size_t line, const std::string* stage) {
  std::vector<Number> found;
  for (const Step& step : steps)
    if (static_cast<std::size_t>(step.record.line) == line &&
        (stage == nullptr || step.record.stage == *stage))
      found.push_back(step.number);
  return found;
}

}  // namespace

bool is_read(filetree::Questions questions) {
  return (questions & (filetree::kAskedContent | filetree::kAskedTarget | filetree::kAskedListing)) != 0;
}

double Explanation::critical_seconds() const {
  double seconds = 0;
  for (const Step& step : steps)
    if (step.critical) seconds += step.record.seconds;
  return seconds;
}

double Explanation::spared_seconds() const {
  double seconds = 0;
  for (const Step& step : steps) seconds += step.spared.value_or(0);
  return seconds;
}

std::vector<Step> ordered_steps(const history::Build& build) {
  std::vector<Step> steps;
  for (const history::Step& record : build.steps) steps.push_back({.record = record});
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& one, const Step& other) { return one.record.line < other.record.line; });
  Numbers numbers;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i].number = i + 1;
    if (steps[i].record.vertex) numbers[*steps[i].record.vertex] = i + 1;
  }
  for (Step& step : steps) {
    step.needs = needs_of(step.record, numbers);
    if (step.record.status == history::Status::kRebased)
      step.despite = changed_below(build, step.record, numbers);
  }
  mark_critical_path(steps);
  return steps;
}

Result<std::vector<Number>> named_steps(const std::vector<Step>& steps, const std::string& name) {
  std::vector<Number> found;
  const std::size_t colon = name.rfind(':');
  if (name.starts_with('#')) {
    const auto number = parse_number(std::string_view(name).substr(1));
    if (number && *number >= 1 && *number <= steps.size()) found = {*number};
  } else if (colon != std::string::npos) {
    const std::string stage = name.substr(0, colon);
    if (const auto line = parse_number(std::string_view(name).substr(colon + 1)))
      found = of_line(steps, *line, &stage);
  } else if (const auto number = parse_number(name)) {
    found = of_line(steps, *number, nullptr);
    if (found.empty() && *number >= 1 && *number <= steps.size()) found = {*number};
  }
  if (!found.empty()) return found;
  return fail(
      {.kind = ErrorKind::kUsage,
       .what = fmt::format("no step of the build is called \"{}\"", name),
       .next = "give the line in which an instruction begins, #NUMBER, or STAGE:LINE; without a step all "
               "are shown with both"});
}

}  // namespace pgstrata::explain
