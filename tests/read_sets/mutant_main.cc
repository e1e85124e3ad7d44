// pgstrata with a fault: PGSTRATA_MUTANT names what it forgets. tests/read_sets/mutants shows that the
// random builds find each of them.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "cli/build.h"
#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace pgstrata;
  const std::map<std::string, solver::Mutant> mutants = {
      {"absence", {.unrecorded = filetree::kAskedAbsent}},
      {"kind", {.unrecorded = filetree::kAskedKind}},
      {"metadata", {.unrecorded = filetree::kAskedMeta}},
      {"content", {.unrecorded = filetree::kAskedContent}},
      {"link-target", {.unrecorded = filetree::kAskedTarget}},
      {"listing", {.unrecorded = filetree::kAskedListing}},
      {"xattrs", {.unrecorded = filetree::kAskedXattrs}},
      {"bind-mounts", {.forgets_mounts = true}},
      {"times", {.shows_own_times = true}},
  };
  const char* name = std::getenv("PGSTRATA_MUTANT");
  const auto found = mutants.find(name == nullptr ? "" : name);
  if (found == mutants.end()) {
    for (const auto& [known, mutant] : mutants) std::puts(known.c_str());
    return 2;
  }
  cli::mutant = found->second;
  return cli::run(argc, argv);
}
