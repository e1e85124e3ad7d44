#include "graph/op.h"

#include <algorithm>

namespace pgstrata::graph {
namespace {

void add(std::vector<VertexId>& ids, const Input& input) {
  const auto* vertex = std::get_if<VertexInput>(&input);
  if (vertex != nullptr && vertex->vertex) ids.push_back(*vertex->vertex);
}

void add(std::vector<VertexId>& ids, const ExecMount& mount) {
  if (const auto* bind = std::get_if<BindMount>(&mount)) add(ids, bind->from);
  const auto* cache = std::get_if<CacheMount>(&mount);
  if (cache != nullptr && cache->from) add(ids, *cache->from);
}

}  // namespace

std::vector<VertexId> inputs(const Op& op) {
  std::vector<VertexId> ids;
  if (const auto* exec = std::get_if<ExecOp>(&op))
    for (const ExecMount& mount : exec->mounts) add(ids, mount);
  if (const auto* file = std::get_if<FileOp>(&op))
    if (const auto* copy = std::get_if<CopyAction>(&file->action)) add(ids, copy->from);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace pgstrata::graph
