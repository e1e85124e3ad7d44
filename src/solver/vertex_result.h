// What became of one vertex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/index.h"
#include "filetree/observation.h"
#include "oci/digest.h"

namespace pgstrata::solver {

/// The times that a step gave to the files of its layer, and those that are shown in their place when the
/// layer is reused: as if the step had run in this build. Nanoseconds since the epoch.
struct TimeMap {
  std::int64_t from = 0;
  std::int64_t whole_from = 0;  ///< the same for times without fraction
  std::int64_t to = 0;
  std::int64_t shown_from = 0;
  std::int64_t shown_to = 0;

  /// A layer that was unpacked from its tar has whole seconds, so that in which the step began counts as
  /// well; unless another time is in it (filetree::tell_apart()).
  [[nodiscard]] bool holds(std::int64_t time) const;
  /// In the same order as before, in less time.
  [[nodiscard]] std::int64_t shown(std::int64_t time) const;
};

/// The layers under and of a vertex, bottom first, named by their change sets: two checkouts and two
/// machines that make the same files have the same chain id. (And by whose the times of a RUN's files are:
/// filetree/step_times.h.)
///
/// A program may decide by times alone: an object file is newer than its source, as it was made after the
/// source came here. In a build from nothing that holds for all that RUNs make and all that is copied from
/// a context, and each step's files are newer than those of the steps before. Here a layer may be years old
/// and stand on one that was made just now; so each reused layer shows its times as if it had been made in
/// this build, after what is below it. (docs/read-sets.md, "Times")
struct Chain {
  std::vector<cache::LayerRow> layers;
  std::vector<std::optional<TimeMap>> times;  ///< of each layer, or shorter: the rest shows its own
  std::int64_t shown_until = 0;               ///< no file that was made by a step is shown as newer
  oci::Digest id;                             ///< none for an empty chain

  /// With a layer that was made at `made` by a step of this build.
  [[nodiscard]] Chain with_new(const cache::LayerRow& layer, std::int64_t made) const;
  /// With one that was made earlier, and is shown as if at `now` or as soon after as what is below allows.
  [[nodiscard]] Chain with_reused(const cache::LayerRow& layer, cache::Made made, std::int64_t now) const;
  /// With one that shows its own times: a base image's.
  [[nodiscard]] Chain with(const cache::LayerRow& layer) const;
};

/// The words are those of --metadata-file.
enum class Status { kRan, kHit, kRebased, kCutOff };

/// An answer that is no longer the one that a recorded run got: why it couldn't be reused.
struct Falsified {
  std::string path;
  std::string mount;  ///< target of the bind mount that was asked; empty: the root file system
  filetree::Questions questions = 0;
  std::string before;  ///< what there was, in words
  std::string after;
};

/// By what the read set of a RUN is found: the index's runs of `op` that gave its layer.
struct RunKey {
  oci::Digest op;
  oci::Digest inputs;
};

struct VertexResult {
  Chain chain;
  Status status = Status::kRan;
  std::string reason;                    ///< why it was reused or had to run, for a person
  double seconds = 0;                    ///< wall-clock time of this build
  std::int64_t created_ns = 0;           ///< when the layer was made, also if that was an earlier build
  std::optional<cache::LayerRow> layer;  ///< none for a SourceOp
  std::optional<Falsified> falsified;    ///< of a RUN whose recorded runs asked something else
  std::optional<RunKey> run;             ///< of a RUN that was recorded, now or when its layer was made
};

}  // namespace pgstrata::solver
