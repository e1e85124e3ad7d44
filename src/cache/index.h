// The cache index: which layer a step gave, by exact key. SQLite in WAL mode, one file for all
// processes. Format: docs/cache-index.md. It sees digests, never instructions.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache/sqlite.h"
#include "core/result.h"
#include "filetree/step_times.h"
#include "oci/digest.h"

namespace pgstrata::cache {

/// A layer that the store holds.
struct LayerRow {
  oci::Digest diff_id;
  oci::Digest change_set;
  std::uint64_t size = 0;         ///< bytes of its tar
  oci::Digest times;              ///< filetree::times_digest() of a RUN's layer; none of others
  filetree::StepTimes step = {};  ///< when it was made, if it is a RUN's
  bool operator==(const LayerRow&) const = default;
};

/// From when to when a step made the files of a layer, in nanoseconds since the epoch: the times that it
/// gave them lie in between.
struct Made {
  std::int64_t began = 0;
  std::int64_t ended = 0;
  bool operator==(const Made&) const = default;
};

/// What an exact key leads to.
struct Hit {
  LayerRow layer;
  std::int64_t written = 0;  ///< when the step ran, or when the layer was found to be reusable here
  double seconds = 0;        ///< how long it took to make
  Made made;                 ///< ends before `written` if an older layer was reused
  oci::Digest op;            ///< of a RUN that was recorded: what runs() knows it by; else none
};

/// A RUN as it was run once: on which layers, and what came of it.
struct RecordedRun {
  std::int64_t id = 0;
  std::vector<oci::Digest> chain;  ///< DiffIDs of the layers below, bottom first
  oci::Digest inputs;              ///< as in KeyParts
  LayerRow layer;
  double seconds = 0;
  Made made;
};

/// What a run asked, in the forms of read_set.h.
struct Asked {
  std::string root;
  std::string mounts;
  bool names = false;  ///< it looked up names on the network: nobody notices when their answers change
};

/// The parts an exact key is made of. They are kept per step, so that a miss can name the part that
/// changed.
struct KeyParts {
  oci::Digest definition;  ///< the instruction, and everything in the environment that decides its result
  oci::Digest inputs;      ///< content of what COPY selects, layers of mounted stages
  oci::Digest chain;       ///< the layers below
  [[nodiscard]] oci::Digest key() const;
  bool operator==(const KeyParts&) const = default;
};

/// All calls may come from several threads.
class Index {
 public:
  /// Opens or creates the index. One that SQLite finds damaged (looked for only after a reboot) is put
  /// aside and begun anew: it holds nothing that can't be built again.
  static Result<std::unique_ptr<Index>> open(const std::string& path, const std::string& boot_id);

  /// What is wrong with the file at `path`, in SQLite's words; empty if nothing is. Only reads.
  static Result<std::vector<std::string>> faults(const std::string& path);
  /// As open() does with a damaged one: renames it, so that it is begun anew.
  static void put_aside(const std::string& path);

  Result<std::optional<Hit>> find(const oci::Digest& key);
  /// Gives the time under which find() will know it (Hit::written). `made` of a layer that was made just
  /// now needs no end. `op`: as in Hit.
  Result<std::int64_t> record(const oci::Digest& key, const oci::Digest& diff_id, double seconds, Made made,
                              const oci::Digest& op = {});
  /// When the files of a layer were made, if a record tells.
  Result<std::optional<Made>> made(const oci::Digest& diff_id);

  /// The stored runs of an op, newest first. Only a handful is kept of each op.
  Result<std::vector<RecordedRun>> runs(const oci::Digest& op);
  Result<Asked> asked(std::int64_t run);
  /// Those whose read sets can't be read.
  Result<std::vector<std::int64_t>> damaged_runs();
  Result<void> forget_run(std::int64_t run);
  /// Replaces the run of the same op on the same layers and mounts. `run.id` plays no part.
  Result<void> add_run(const oci::Digest& op, const RecordedRun& run, const Asked& asked);

  Result<std::optional<LayerRow>> layer(const oci::Digest& diff_id);
  /// True if it has no layer at all.
  Result<bool> is_empty();
  /// All of them.
  Result<std::vector<LayerRow>> layers();
  /// A layer with this change set and these times that was there before `before` (now()), the oldest if
  /// there are several.
  Result<std::optional<LayerRow>> layer_with(const oci::Digest& change_set, const oci::Digest& times,
                                             std::int64_t before);
  Result<void> add_layer(const LayerRow& layer);
  /// Removes the layer and every record that leads to it.
  Result<void> forget_layer(const oci::Digest& diff_id);

  /// What the step called `slot` (context, Dockerfile, stage and place) was made of in its last build.
  Result<std::optional<KeyParts>> previous(const oci::Digest& slot);
  Result<void> remember(const oci::Digest& slot, const KeyParts& parts);

  /// As it was opened with.
  [[nodiscard]] const std::string& boot_id() const { return boot_id_; }

  /// Layers written under another boot id and never known to be on the disk: a power cut may have
  /// emptied them.
  Result<std::vector<LayerRow>> unsynced_layers();
  /// Layers of this boot that are not known to be on the disk yet.
  Result<bool> has_fresh_layers();
  /// To be called with the value of now() from before a syncfs(2) that has succeeded since.
  Result<void> mark_synced(std::int64_t before);
  /// After verify: the layer of an earlier boot is whole, and counts as written in this one.
  Result<void> adopt(const oci::Digest& diff_id);
  static std::int64_t now();  ///< nanoseconds since the epoch

 private:
  Index(Database database, std::string boot_id);
  Result<void> prepare_statements();

  std::mutex mutex_;
  Database database_;
  std::string boot_id_;
  std::optional<Statement> find_, record_, made_, layer_, layer_with_, add_layer_, previous_, remember_;
};

}  // namespace pgstrata::cache
