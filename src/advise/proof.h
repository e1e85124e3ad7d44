// The proof that another Dockerfile gives the same image: a rehearsal of it beside one of the Dockerfile
// that was built.
//
// - Each RUN must be the same command in the same environment, as the same user, and must get the answers
// that it got
//   to all that it asked: content, metadata, absences, listings. Then it writes what it wrote
//   (docs/read-sets.md).
// - The files of the image must be the same in the end, times aside, and so must its configuration.
//
// A directory of which only a stat was taken may hold other files meanwhile: the stat tells of nothing but
// the directory's time, which Docker makes another one in each build.
#pragma once

#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "advise/recorded.h"
#include "advise/rehearsal.h"

namespace pgstrata::advise {

class Proof {
 public:
  /// Rehearses the Dockerfile as it was built. kUsage if what it copies isn't any more what was copied
  /// then, or a RUN would now be reused by nobody: the build has to be made again first. All is borrowed.
  static Result<Proof> begin(Rehearsal& rehearsal, const graph::BuildGraph& graph,
                             const RecordedSteps& steps);

  /// The vertex of the build that a vertex of the new graph was.
  using Original = std::function<std::optional<graph::VertexId>(graph::VertexId)>;
  /// Nothing if it is proven.
  Result<std::optional<Refusal>> check(const graph::BuildGraph& graph, const Original& original);

  /// The layers of each vertex as it was built.
  [[nodiscard]] const std::vector<Chain>& chains() const { return chains_; }
  /// How many questions the RUNs were compared by, in the last check().
  [[nodiscard]] std::size_t questions() const { return questions_; }

 private:
  Proof(Rehearsal& rehearsal, const graph::BuildGraph& graph, const RecordedSteps& steps)
      : rehearsal_(rehearsal), graph_(graph), steps_(steps) {}
  Result<std::variant<LayerPtr, Refusal>> layer_of(const graph::Vertex& vertex, graph::VertexId id,
                                                   std::optional<graph::VertexId> original,
                                                   const std::vector<Chain>& done);
  Result<std::optional<Refusal>> check_run(const graph::Vertex& vertex, graph::VertexId id,
                                           graph::VertexId original, const std::vector<Chain>& done);
  Result<std::optional<Refusal>> check_answers(const RecordedStep& step, const Chain& below,
                                               graph::VertexId id);

  Rehearsal& rehearsal_;
  const graph::BuildGraph& graph_;
  const RecordedSteps& steps_;
  std::vector<Chain> chains_;
  std::size_t questions_ = 0;
};

/// The questions of `differences` that were asked and whose answers matter; null if there are none. Pure:
/// the rule of the proof.
[[nodiscard]] const filetree::Observation* disturbing(const cache::ReadSet& asked,
                                                      const filetree::Observations& differences);

}  // namespace pgstrata::advise
