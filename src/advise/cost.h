// What rebuilding costs in Docker: its cache misses from the first step on whose files an edit touches, in
// that stage and in those that stand on it or copy from it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "advise/edits.h"

namespace pgstrata::advise {

/// What a COPY, or a bind mount of a RUN, takes from the main build context: paths and globs as in COPY, ""
/// or "." for everything. --exclude plays no part: such a COPY is taken to change a little more often than
/// it does.
using Selection = std::vector<std::string>;

/// A step of a build; they come in an order in which they can be made.
struct Step {
  double seconds = 0;
  std::vector<std::size_t> on;  ///< steps that it stands on or takes files from
  Selection files;
};

/// True if the file, or a directory that it is in, is one of those selected. Takes no look at the disk: the
/// file may have been deleted since.
[[nodiscard]] bool selects(const Selection& selection, std::string_view path);

/// The edits of a context, and what they cost.
class CostModel {
 public:
  explicit CostModel(std::vector<Edit> edits) : edits_(std::move(edits)) {}

  /// Expected seconds of rebuilding, in the unit of the edits' rates: for each edit its rate times the
  /// seconds of all steps that Docker makes anew. Stages that Docker builds at the same time count one
  /// after the other.
  double rebuild_seconds(const std::vector<Step>& steps);
  /// How often each step is made anew.
  std::vector<double> rebuilds(const std::vector<Step>& steps);

 private:
  /// Of each edit: whether it touches a selected file.
  const std::vector<bool>& touched(const Selection& selection);

  std::vector<Edit> edits_;
  std::map<Selection, std::vector<bool>> touched_;
};

}  // namespace pgstrata::advise
