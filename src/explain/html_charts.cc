// Timeline and layers: rows of a label, a bar, and a number.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "explain/html_parts.h"
#include "explain/wording.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::explain {
namespace {

/// 1, 2 or 5 times a power of ten, so that at most six fit into `whole`.
double tick_distance(double whole) {
  const double power = std::pow(10, std::floor(std::log10(whole / 6)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (whole / (power * factor) <= 6) return power * factor;
  return power * 10;
}

double percent(double part, double whole) {
  return whole > 0 ? std::clamp(part / whole, 0.0, 1.0) * 100 : 0;
}

std::string label(const Step& step) {
  return fmt::format("<span class=\"label\"><i>{}</i> <code>{}</code></span>", step.number,
                     escaped(short_instruction(step.record)));
}

std::string tooltip(const Step& step) {
  return escaped(fmt::format("{}: {} after {}", history::word(step.record.status),
                             progress::duration(step.record.seconds),
                             progress::duration(step.record.started)));
}

std::string axis(double whole) {
  std::string out = "<div class=\"row axis\"><span class=\"label\"></span><span class=\"track\">";
  const double distance = tick_distance(whole);
  for (int i = 0; i * distance <= whole; ++i)
    out += fmt::format("<span class=\"tick\" style=\"left:{:.3f}%\">{}</span>",
                       percent(i * distance, whole), i == 0 ? "0" : progress::duration(i * distance));
  return out + "</span><span class=\"number\"></span></div>\n";
}

bool ran(const Step& step) { return step.record.seconds > 0; }

constexpr std::size_t kShownLayers = 10;

std::string layer_row(const Step& step, std::uint64_t size, double largest) {
  const bool made_now = step.record.status == history::Status::kRan;
  return fmt::format(
      "<a class=\"row\" href=\"#step-{}\" title=\"{}\">{}<span class=\"track\"><span class=\"bar {}{}\" "
      "style=\"left:0;width:{:.3f}%\"></span></span><span class=\"number\">{}</span></a>\n",
      step.number, step.written ? escaped(entries_text(*step.written)) : "", label(step),
      history::word(step.record.status), made_now ? " critical" : "",
      percent(static_cast<double>(size), largest), progress::size(size));
}

std::string stage_heading(const Step& step) {
  return step.record.stage.empty() ? "" : fmt::format("<h3>{}</h3>\n", escaped(step.record.stage));
}

}  // namespace

std::string timeline(const Explanation& explanation) {
  double whole = explanation.build.seconds;
  for (const Step& step : explanation.steps)
    whole = std::max(whole, step.record.started + step.record.seconds);
  std::string rows;
  const std::string* stage = nullptr;
  for (const Step& step : explanation.steps) {
    const history::Step& record = step.record;
    if (!record.vertex || record.status == history::Status::kNotReached) continue;
    if (stage == nullptr || *stage != record.stage) rows += stage_heading(step);
    stage = &record.stage;
    const std::string_view status = history::word(record.status);
    rows += fmt::format("<a class=\"row\" href=\"#step-{}\" title=\"{}\">{}<span class=\"track\">",
                        step.number, tooltip(step), label(step));
    if (ran(step))
      rows += fmt::format("<span class=\"bar {}{}\" style=\"left:{:.3f}%;width:{:.3f}%\"></span>", status,
                          step.critical ? " critical" : "", percent(record.started, whole),
                          percent(record.seconds, whole));
    else
      rows += fmt::format("<span class=\"dot {}\" style=\"left:{:.3f}%\"></span>", status,
                          percent(record.started, whole));
    rows += fmt::format("</span><span class=\"number\">{}</span></a>\n",
                        ran(step) ? progress::duration(record.seconds) : std::string(status));
  }
  if (rows.empty() || whole <= 0) return "";
  return "<div class=\"chart timeline\">\n" + axis(whole) + rows + "</div>\n";
}

std::string layers(const Explanation& explanation) {
  struct Layer {
    const Step* step;
    std::uint64_t size;
  };
  std::vector<Layer> all;
  for (const Step& step : explanation.steps) {
    if (step.written)
      all.push_back({&step, step.written->bytes});
    else if (step.record.layer)
      all.push_back({&step, step.record.layer->size});
  }
  if (all.empty()) return "";
  std::stable_sort(all.begin(), all.end(), [](const Layer& a, const Layer& b) { return a.size > b.size; });
  const auto largest = static_cast<double>(all.front().size);
  std::string shown;
  std::string folded;
  for (std::size_t i = 0; i < all.size(); ++i)
    (i < kShownLayers ? shown : folded) += layer_row(*all[i].step, all[i].size, largest);
  if (!folded.empty())
    folded = fmt::format("<details><summary class=\"quiet\">{}</summary>\n{}</details>\n",
                         counted(all.size() - kShownLayers, "smaller one", "smaller ones"), folded);
  return "<div class=\"chart layers\">\n" + shown + folded + "</div>\n";
}

}  // namespace pgstrata::explain
