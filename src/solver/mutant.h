// Faults to order, for the test that shows that the random builds would find them (tests/read_sets).
#pragma once

#include "filetree/observation.h"

namespace pgstrata::solver {

/// None of it in the program itself: only tests/read_sets/mutant_main.cc sets any.
struct Mutant {
  filetree::Questions unrecorded = 0;  ///< forgets that these were asked
  bool forgets_mounts = false;         ///< forgets what was asked of bind mounts
  bool shows_own_times = false;        ///< of reused layers
};

}  // namespace pgstrata::solver
