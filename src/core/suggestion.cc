#include "core/suggestion.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace pgstrata {
namespace {

constexpr std::size_t kTooFar = 3;

// Optimal string alignment, by rows: RNU is nearer to RUN than to ENV, as fingers make it.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), row[j - 1] + 1, above[j] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string closest(std::string_view word, std::span<const std::string> options) {
  std::string nearest;
  std::size_t best = kTooFar;
  for (const std::string& option : options) {
    if (option == word) return {};
    const std::size_t longer = std::max(option.size(), word.size());
    if (longer - std::min(option.size(), word.size()) >= best) continue;
    const std::size_t found = distance(word, option);
    if (found >= best) continue;
    best = found;
    nearest = option;
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> options,
                         std::string otherwise) {
  const std::string nearest = closest(word, options);
  return nearest.empty() ? std::move(otherwise) : "did you mean " + nearest + "?";
}

}  // namespace pgstrata
