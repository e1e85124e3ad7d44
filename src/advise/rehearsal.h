// A build in thought: which files each step of a Dockerfile would leave, without running or writing
// anything. COPY, ADD and WORKDIR are planned as the builder plans them. Of a RUN the layer is taken that
// it once gave, if the builder would put it on the layers below: no question that it asked has another
// answer there (docs/read-sets.md).
//
// So a proposal is proven by comparing two rehearsals: that of the Dockerfile as it was built, and that of
// the new one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cache/index.h"
#include "core/result.h"
#include "graph/op.h"
#include "snapshot/chain_difference.h"
#include "snapshot/chain_view.h"
#include "solver/copy_plan.h"

namespace pgstrata::advise {

/// A layer, of the store or only thought of.
struct Layer {
  oci::Digest change_set;
  snapshot::LayerView view;
  std::unique_ptr<snapshot::ChangeSetFile> own;  ///< of one that isn't in the store
  solver::CopyPlan plan;
  std::unique_ptr<snapshot::ChainView> stage;  ///< what the plan may read from
  std::unique_ptr<snapshot::ChainView> from;
};
using LayerPtr = std::shared_ptr<const Layer>;
using Chain = std::vector<LayerPtr>;  ///< bottom first

[[nodiscard]] snapshot::NamedChain named(const Chain& chain);
[[nodiscard]] std::unique_ptr<snapshot::ChainView> view(const Chain& chain);

/// Why a vertex would leave something else.
struct Refusal {
  std::optional<graph::VertexId> vertex;  ///< none: the image as a whole
  std::string path;                       ///< about which it asked, or that differs; may be empty
  std::string reason;                     ///< a clause
};

/// What comes from outside of the Dockerfile.
struct Materials {
  std::map<std::string, const filetree::FileTree*> contexts;  ///< "" is the main one; borrowed
  /// A layer of the store, as store::LayerStore::layer_view() gives it.
  std::function<Result<snapshot::LayerView>(const cache::LayerRow&)> layer;
  /// The layers of an image, bottom first.
  std::function<Result<std::vector<cache::LayerRow>>(const graph::SourceOp&)> base;
  std::string spool_directory;  ///< for the archives that an ADD unpacks
};

/// Keeps what it has planned, so that another Dockerfile with the same COPY on the same layers costs
/// little.
class Rehearsal {
 public:
  explicit Rehearsal(Materials materials) : materials_(std::move(materials)) {}

  /// The layer that a RUN, or an ADD of something remote, gives on the chains of the vertices so far.
  using LayerOf = std::function<Result<std::variant<LayerPtr, Refusal>>(graph::VertexId,
                                                                        const std::vector<Chain>& done)>;
  /// The chain of each vertex, its own layer on top; or the first vertex that can't be thought through. A
  /// COPY that can't be made is one of these.
  Result<std::variant<std::vector<Chain>, Refusal>> run(const graph::BuildGraph& graph,
                                                        const LayerOf& layer_of);

  /// A layer of the store.
  Result<LayerPtr> stored(const cache::LayerRow& row);

 private:
  Result<Chain> base(const graph::SourceOp& op);
  Result<LayerPtr> file_layer(const graph::Vertex& vertex, const Chain& below,
                              const std::vector<Chain>& done);
  Result<LayerPtr> planned(const graph::FileOp& op, const Chain& below, const std::vector<Chain>& done);

  Materials materials_;
  std::map<oci::Digest, LayerPtr> known_;
  std::map<oci::Digest, LayerPtr> stored_;
};

/// The layers that a vertex stands on.
[[nodiscard]] const Chain& below(const graph::Vertex& vertex, const std::vector<Chain>& done);
/// True for what needs the network to be planned.
[[nodiscard]] bool is_remote(const graph::Vertex& vertex);

}  // namespace pgstrata::advise
