// The Executor of a real build: keys, the store, COPY without mounts, RUN in the sandbox.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache/read_set.h"
#include "cdi/registry.h"
#include "context/build_context.h"
#include "remotecache/cache_reader.h"
#include "sandbox/launcher.h"
#include "solver/bases.h"
#include "solver/copy_plan.h"
#include "solver/mounted_tree.h"
#include "solver/mutant.h"
#include "solver/observer.h"
#include "solver/remote_sources.h"
#include "solver/scheduler.h"
#include "store/layer_store.h"
#include "users/users.h"

namespace pgstrata::solver {

class ExecMounts;
struct RunQuestion;

/// Where a secret's value comes from (--secret id=…,src=… or env=…).
struct Secret {
  std::string value;
};

/// Everything a build needs, borrowed for its length.
struct BuildInputs {
  const graph::BuildGraph& graph;
  store::LayerStore& layers;
  Bases& bases;
  sandbox::Launcher& launcher;
  Observer& observer;
  std::map<std::string, context::BuildContext*> contexts;     ///< "" is the main one
  std::map<std::string, const filetree::FileTree*> archives;  ///< contexts that are no directory
  std::map<std::string, Secret> secrets;
  std::map<std::string, std::string> ssh_agents;  ///< --ssh: id → socket of an agent
  const cdi::Registry* devices = nullptr;         ///< for RUN --device; set if a RUN has one
  remote::Fetcher* fetcher = nullptr;             ///< for ADD of URLs and Git repositories
  remotecache::CacheReader* shared = nullptr;     ///< --cache-from, if there is one
  std::string dockerfile;                         ///< as shown in messages
  std::string slot_prefix;  ///< tells this build's steps from those of other contexts and Dockerfiles
  std::optional<std::int64_t> source_date_epoch;  ///< seconds
  /// Record what RUNs ask, and reuse them by it. Without: exact keys only.
  bool read_sets = true;
  bool verify = false;  ///< run what could be reused, and fail if that gives other files
  std::function<Result<void>()> enter_sandbox;
  Mutant mutant = {};
};

class BuildExecutor final : public Executor {
 public:
  explicit BuildExecutor(const BuildInputs& inputs);

  [[nodiscard]] bool needs_sandbox(graph::VertexId id) const override;
  Result<std::optional<VertexResult>> reuse(graph::VertexId id, const Results& done) override;
  Result<void> enter_sandbox() override { return inputs_.enter_sandbox(); }
  Result<VertexResult> run(graph::VertexId id, const Results& done, std::stop_token stop) override;

  /// The exact key of a solved vertex; none of a source.
  [[nodiscard]] oci::Digest key(graph::VertexId id) const;

 private:
  /// What reuse() found out and run() goes on with.
  struct Prepared {
    cache::KeyParts parts;
    std::string reason;
    std::vector<Selected> selected;  ///< of a COPY
    std::int64_t started_ns = 0;     ///< wall clock, when it had to run
    std::optional<Falsified> falsified;
    std::optional<VertexResult> expected;          ///< --verify: what would have been reused
    std::optional<cache::RecordedRun> reused_run;  ///< and which run that rests on, if on a recording
    std::optional<filetree::Observations> asked;   ///< what a RUN asked of the layers, if it was recorded
    std::vector<cache::AskedMount> asked_mounts;   ///< and of its bind mounts
    bool looked_up_names = false;                  ///< and whether it asked the network for names
    std::map<std::size_t, MountedTree> mounted;  ///< of a RUN's bind mounts, as far as they were asked for
  };

  Result<cache::KeyParts> key_parts(graph::VertexId id, const Results& done, Prepared& prepared);
  Result<oci::Digest> copy_inputs(const graph::CopyAction& action, const Results& done, Prepared& prepared);
  Result<oci::Digest> mount_inputs(const graph::ExecOp& op, const Results& done);
  Result<oci::Digest> mounted_content(const graph::Input& from, const std::string& source,
                                      const Results& done);
  /// Digest of all that a RUN is, its layers and the content of its mounts aside: what its runs are stored
  /// by.
  Result<oci::Digest> run_digest(graph::VertexId id, const Results& done, const Prepared& prepared);
  /// The stored result: that of the exact key, or of a run on other layers, put on these.
  Result<std::optional<VertexResult>> stored(graph::VertexId id, const Results& done, Prepared& prepared);
  Result<std::optional<VertexResult>> rebase(graph::VertexId id, const Results& done, Prepared& prepared);
  /// The result that another machine shared, brought into this store.
  Result<std::optional<VertexResult>> shared(graph::VertexId id, const Results& done, Prepared& prepared);
  Result<std::optional<VertexResult>> shared_run(graph::VertexId id, const Results& done,
                                                 Prepared& prepared);
  Result<std::optional<VertexResult>> shared_key(graph::VertexId id, const Results& done,
                                                 Prepared& prepared);
  /// A run of a shared cache that counts as one on these layers from now on, if its answers are the ones
  /// here.
  Result<std::optional<cache::RecordedRun>> taken_run(
      const remotecache::CacheReader::Found<remotecache::SharedRun>& found, const RunQuestion& question,
      Prepared& prepared);
  [[nodiscard]] RunQuestion run_question(graph::VertexId id, const Results& done, Prepared& prepared,
                                         const oci::Digest& op, const std::vector<cache::LayerRow>& below);
  /// --verify, after the step has run: the expected result, or in what the files differ.
  Result<VertexResult> verified(graph::VertexId id, const Results& done, Prepared& prepared,
                                const cache::LayerRow& fresh, double seconds);
  Result<std::string> why_it_differs(graph::VertexId id, const Results& done, const Prepared& prepared);
  /// Stores what a RUN asked beside the layer that it gave; `op` is its run_digest().
  Result<void> store_run(graph::VertexId id, const Results& done, Prepared& prepared, const oci::Digest& op,
                         const cache::LayerRow& layer, double seconds, cache::Made made);
  Result<const MountedTree*> mounted_tree(graph::VertexId id, const Results& done, Prepared& prepared,
                                          std::size_t mount);
  /// The chain of a vertex whose layer was made earlier.
  [[nodiscard]] Chain reused(graph::VertexId id, const Results& done, const cache::LayerRow& layer,
                             cache::Made made, std::int64_t now) const;
  Result<std::string> miss_reason(graph::VertexId id, const Prepared& prepared, bool stored);
  [[nodiscard]] std::string changed_source(const Prepared& prepared) const;

  Result<VertexResult> solve_source(graph::VertexId id);
  /// kMachine if a RUN is for another platform, and this machine can't start its program.
  Result<void> check_startable(graph::VertexId id, const Results& done);
  [[nodiscard]] bool is_foreign(graph::VertexId id) const;
  Result<cache::LayerRow> run_file(graph::VertexId id, const Results& done, Prepared& prepared,
                                   const std::stop_token& stop);
  /// What the same step of the last build gave, as a source of unchanged bytes.
  Result<std::unique_ptr<store::PreviousLayer>> previous_layer(graph::VertexId id);
  Result<cache::LayerRow> run_exec(graph::VertexId id, const Results& done, Prepared& prepared,
                                   const std::stop_token& stop);
  Result<sandbox::ProcessSpec> process_spec(graph::VertexId id, const Results& done,
                                            const users::Identity& identity, ExecMounts& mounts);
  Result<void> add_mounts(const graph::ExecOp& op, const Results& done, ExecMounts& mounts,
                          std::vector<std::string>& env);
  /// Whether it looked up names on the network. An error if it failed.
  Result<bool> run_program(graph::VertexId id, const sandbox::ProcessSpec& spec,
                           const std::stop_token& stop);
  [[nodiscard]] std::string bootstrapped_suite(graph::VertexId id) const;
  /// Early cut-off: the layer that is known already and has the same change set, with times that mean the
  /// same, so that the step becomes it, with its DiffID, and nothing above it is new.
  Result<std::optional<cache::LayerRow>> equal_layer(graph::VertexId id, const oci::Digest& change_set,
                                                     const oci::Digest& times, const Prepared& prepared);
  Result<VertexResult> finish(graph::VertexId id, const Results& done, Prepared& prepared,
                              const cache::LayerRow& row, double seconds);

  /// The tree of a COPY's or mount's source; a stage's view is kept in `view`.
  Result<const filetree::FileTree*> tree_of(const graph::Input& from, const Results& done,
                                            std::unique_ptr<snapshot::ChainView>& view);
  [[nodiscard]] Chain chain_below(graph::VertexId id, const Results& done) const;
  [[nodiscard]] oci::Digest slot(graph::VertexId id) const;
  [[nodiscard]] std::string where(graph::VertexId id) const;

  const BuildInputs& inputs_;
  std::vector<Prepared> prepared_;
  std::int64_t started_ns_;
  RemoteSources remotes_;
  std::mutex context_mutex_;  ///< contexts are read by one vertex at a time
};

}  // namespace pgstrata::solver
