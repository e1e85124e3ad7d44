// A plan: what the search varies; and the layout that follows from it. The policy of where a COPY goes is
// here, and nothing about costs or proofs.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "advise/search.h"

namespace pgstrata::advise {

struct Plan {
  /// The instructions of each stage: as they were, but for RUNs that go further up.
  std::vector<std::vector<InstructionId>> stages;
  std::set<InstructionId> moved_runs;
  /// What must be there of a COPY before a RUN that came after it.
  std::map<std::pair<InstructionId, InstructionId>, Paths> needs;  ///< (RUN, COPY)
  /// How many RUNs that came after it a COPY may come after; not in it: all of them.
  std::map<InstructionId, std::size_t> reach;
  /// COPYs of which only what isn't there yet is copied at the end, because a RUN changed what is.
  std::set<InstructionId> named_rest;
  bool rounded = false;  ///< parts are rounded up to directories
};

/// As it was, with the needs that follow from what RUNs asked.
[[nodiscard]] Plan first_plan(const Model& model);

/// What became of a COPY.
struct Course {
  std::map<InstructionId, Paths> before;  ///< RUN that came after it → what is there of it before that RUN
  std::size_t passed = 0;                 ///< RUNs that don't have all of it
  bool changed = false;                   ///< it isn't where it was, or isn't the only one any more
};

struct Arranged {
  Layout layout;
  std::map<InstructionId, Course> courses;  ///< by COPY
};
[[nodiscard]] Arranged arrange(const Model& model, const Layout& original, const Plan& plan);

}  // namespace pgstrata::advise
