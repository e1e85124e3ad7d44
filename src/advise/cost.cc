#include "advise/cost.h"

#include <algorithm>

#include "filetree/resolve.h"

namespace pgstrata::advise {
namespace {

/// The first component, which is taken from the front of `path`.
std::string_view take_component(std::string_view& path) {
  const std::size_t end = path.find('/');
  const std::string_view component = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  return component;
}

bool is_below(const std::string& pattern, std::string_view path) {
  const std::string cleaned = filetree::clean(pattern);
  std::string_view rest = cleaned;
  while (!rest.empty()) {
    if (path.empty()) return false;
    const std::string_view wanted = take_component(rest);
    const std::string_view name = take_component(path);
    if (wanted == name) continue;
    const auto matches = filetree::match(wanted, name);
    if (!matches || !*matches) return false;
  }
  return true;
}

}  // namespace

bool selects(const Selection& selection, std::string_view path) {
  return std::any_of(selection.begin(), selection.end(),
                     [path](const std::string& pattern) { return is_below(pattern, path); });
}

const std::vector<bool>& CostModel::touched(const Selection& selection) {
  if (const auto known = touched_.find(selection); known != touched_.end()) return known->second;
  std::vector<bool> touched;
  touched.reserve(edits_.size());
  for (const Edit& edit : edits_)
    touched.push_back(std::any_of(edit.paths.begin(), edit.paths.end(),
                                  [&](const std::string& path) { return selects(selection, path); }));
  return touched_.emplace(selection, std::move(touched)).first->second;
}

std::vector<double> CostModel::rebuilds(const std::vector<Step>& steps) {
  std::vector<double> rates;
  // Of each step: the edits after which it is made anew.
  std::vector<std::vector<bool>> missed;
  missed.reserve(steps.size());
  for (const Step& step : steps) {
    std::vector<bool> misses(edits_.size(), false);
    if (!step.files.empty()) misses = touched(step.files);
    for (const std::size_t below : step.on)
      for (std::size_t i = 0; i < edits_.size(); ++i) misses[i] = misses[i] || missed[below][i];
    double rate = 0;
    for (std::size_t i = 0; i < edits_.size(); ++i) rate += misses[i] ? edits_[i].rate : 0;
    rates.push_back(rate);
    missed.push_back(std::move(misses));
  }
  return rates;
}

double CostModel::rebuild_seconds(const std::vector<Step>& steps) {
  const std::vector<double> rates = rebuilds(steps);
  double sum = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) sum += rates[i] * steps[i].seconds;
  return sum;
}

}  // namespace pgstrata::advise
