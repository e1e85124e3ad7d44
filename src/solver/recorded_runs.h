// When the result of a RUN may be reused although a layer below it, or what is mounted into it, is another
// than before: the policy, in one place (docs/read-sets.md). Exact keys come first and are not its
// business.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cache/index.h"
#include "core/result.h"
#include "filetree/observation.h"
#include "snapshot/chain_difference.h"
#include "solver/mounted_tree.h"
#include "solver/vertex_result.h"
#include "store/layer_store.h"

namespace pgstrata::solver {

/// Why a run can't be reused, as a clause: "/opt/setup.sh, which it read, changed".
[[nodiscard]] std::string in_words(const Falsified& falsified);

/// No answer that the run got is another one here: its layer can be put on this chain as it is.
struct Reusable {
  cache::RecordedRun run;
};
/// No run of the op is stored that can be compared.
struct NoRun {};
using Verdict = std::variant<Reusable, Falsified, NoRun>;

struct RunQuestion {
  oci::Digest op;      ///< what would be run: the same op on other layers is what is looked for
  oci::Digest inputs;  ///< content of its bind mounts
  const std::vector<cache::LayerRow>& chain;
  /// What one of its bind mounts would show, and where.
  std::function<Result<const MountedTree*>(std::size_t mount)> mounted;
  std::function<std::string(std::size_t mount)> mount_target;
};

/// A run as it was recorded, here or elsewhere.
struct Recording {
  cache::Asked asked;
  oci::Digest inputs;           ///< content of its bind mounts
  snapshot::NamedChain layers;  ///< that it was made on
};
/// Nothing if every answer is the one that the run got.
Result<std::optional<Falsified>> falsified_by(store::LayerStore& layers, const RunQuestion& question,
                                              const Recording& recording);

/// Looks through the stored runs, those first that have most of their lowest layers in common with the
/// chain. If none is reusable, the answer that falsified the first of them.
Result<Verdict> find_reusable(store::LayerStore& layers, const RunQuestion& question);

}  // namespace pgstrata::solver
