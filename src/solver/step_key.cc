// The exact key of a vertex, and the reason when nothing is stored under it.
#include <fmt/format.h>

#include "filetree/resolve.h"
#include "graph/definition.h"
#include "solver/build_executor.h"

namespace pgstrata::solver {

using graph::VertexId;

Result<cache::KeyParts> BuildExecutor::key_parts(VertexId id, const Results& done, Prepared& prepared) {
  const graph::Vertex& vertex = inputs_.graph.vertices[id];
  cache::KeyParts parts{.definition = graph::definition_digest(vertex.op),
                        .chain = chain_below(id, done).id};
  // Layers made with and without SOURCE_DATE_EPOCH have the same files with other times.
  if (inputs_.source_date_epoch)
    parts.definition = oci::KeyHasher("pgstrata.epoch.v1")
                           .add("definition", parts.definition)
                           .add("epoch", static_cast<std::uint64_t>(*inputs_.source_date_epoch))
                           .finish();
  if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
    parts.inputs = TRY(mount_inputs(*exec, done));
  } else if (const auto* file = std::get_if<graph::FileOp>(&vertex.op)) {
    if (const auto* copy = std::get_if<graph::CopyAction>(&file->action)) {
      if (is_linked(*copy)) parts.chain = {};
      auto inputs = copy_inputs(*copy, done, prepared);
      if (!inputs) {
        Error error = std::move(inputs).error();
        if (error.where.empty()) error.where = where(id);
        return fail(std::move(error));
      }
      parts.inputs = *inputs;
    }
  }
  return parts;
}

Result<oci::Digest> BuildExecutor::copy_inputs(const graph::CopyAction& action, const Results& done,
                                               Prepared& prepared) {
  std::unique_ptr<snapshot::ChainView> stage;
  const filetree::FileTree* source = TRY(tree_of(action.from, done, stage));
  const oci::Digest remote = TRY(remotes_.digest(action, {}));
  const std::scoped_lock lock(context_mutex_);
  prepared.selected = TRY(select_sources(action, *source));
  const oci::Digest local = TRY(source_digest(action, prepared.selected));
  if (remote.is_none()) return local;
  return oci::KeyHasher("pgstrata.add-source.v1").add("local", local).add("remote", remote).finish();
}

Result<oci::Digest> BuildExecutor::mounted_content(const graph::Input& from, const std::string& source,
                                                   const Results& done) {
  if (const auto* stage = std::get_if<graph::VertexInput>(&from))
    return stage->vertex ? done[*stage->vertex]->chain.id : oci::Digest{};
  std::unique_ptr<snapshot::ChainView> unused;
  const filetree::FileTree* tree = TRY(tree_of(from, done, unused));
  const std::scoped_lock lock(context_mutex_);
  const std::string top = TRY(filetree::resolve(*tree, source, filetree::FinalLink::kFollow));
  const filetree::ChangeSet entries = TRY(tree->walk(top));
  return filetree::change_set_digest(entries);
}

Result<oci::Digest> BuildExecutor::mount_inputs(const graph::ExecOp& op, const Results& done) {
  oci::KeyHasher key("pgstrata.mounts.v1");
  bool any = false;
  for (const graph::ExecMount& mount : op.mounts) {
    const graph::Input* from = nullptr;
    std::string source;
    if (const auto* bind = std::get_if<graph::BindMount>(&mount)) {
      from = &bind->from;
      source = bind->source;
    } else if (const auto* cache = std::get_if<graph::CacheMount>(&mount);
               cache != nullptr && cache->from) {
      from = &*cache->from;
      source = cache->source;
    }
    if (from == nullptr) continue;
    any = true;
    key.add("mount", TRY(mounted_content(*from, source, done)));
  }
  return any ? key.finish() : oci::Digest{};
}

/// "entrypoint.sh changed": the first of the context's changed paths that this step takes.
std::string BuildExecutor::changed_source(const Prepared& prepared) const {
  std::vector<std::string> changed;
  for (const auto& [name, context] : inputs_.contexts)
    for (const context::ChangedPath& change : context->changed_paths())
      for (const Selected& selected : prepared.selected)
        if (filetree::is_within(change.path, selected.top)) changed.push_back(change.path);
  if (changed.empty()) return "what it takes from elsewhere changed";
  if (changed.size() == 1) return fmt::format("{} changed", changed.front());
  return fmt::format("{} and {} more changed", changed.front(), changed.size() - 1);
}

Result<std::string> BuildExecutor::miss_reason(VertexId id, const Prepared& prepared, bool stored) {
  if (stored) return "its layer is no longer in the store";
  const auto before = TRY(inputs_.layers.index().previous(slot(id)));
  if (!before) return "first build of this step";
  if (before->definition != prepared.parts.definition) return "the instruction or its environment changed";
  if (before->inputs != prepared.parts.inputs) return changed_source(prepared);
  if (before->chain != prepared.parts.chain) return "a step below it changed";
  return "its layer is no longer in the store";
}

}  // namespace pgstrata::solver
