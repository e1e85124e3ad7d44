// Any Dockerfile against a resolver that knows two images, one with triggers: the graph must be one that
// can be built in its order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dockerfile/parser.h"
#include "graph/definition.h"
#include "graph/from_dockerfile.h"

namespace {

using namespace pgstrata;

class Resolver final : public graph::BaseResolver {
 public:
  Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) override {
    if (reference != "a" && reference != "b")
      return fail({.kind = ErrorKind::kNotFound, .what = "no image " + reference});
    oci::ImageConfig config;
    config.platform = platform;
    config.config.env = {"PATH=/bin", "X=1"};
    if (reference == "b") config.config.on_build = {"RUN t", "COPY --from=s x /y", "ENV Z=$X"};
    return config;
  }
};

void check(const graph::BuildGraph& made) {
  for (graph::VertexId id = 0; id < made.vertices.size(); ++id) {
    const graph::Vertex& vertex = made.vertices[id];
    if (vertex.parent && *vertex.parent >= id) std::abort();
    for (const graph::VertexId input : graph::inputs(vertex.op))
      if (input >= id) std::abort();
    if (vertex.name.empty() || graph::definition_digest(vertex.op).is_none()) std::abort();
    if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op))
      if (exec->argv.empty() || !exec->cwd.starts_with('/')) std::abort();
    if (const auto* file = std::get_if<graph::FileOp>(&vertex.op))
      if (const auto* copy = std::get_if<graph::CopyAction>(&file->action))
        if (!copy->destination.starts_with('/')) std::abort();
  }
  if (made.target.root && *made.target.root >= made.vertices.size()) std::abort();
  for (const graph::HistoryStep& step : made.target.history)
    if (step.vertex && *step.vertex >= made.vertices.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto dockerfile = dockerfile::parse({reinterpret_cast<const char*>(data), size}, "Dockerfile");
  if (!dockerfile) return 0;
  graph::BuildRequest request{
      .build_args = {{"ARGUMENT", "value"}, {"http_proxy", "p"}},
      .platform = {.os = "linux", .architecture = "amd64", .variant = ""},
      .build_platform = oci::Platform{.os = "linux", .architecture = "amd64", .variant = ""},
      .named_contexts = {"local"}};
  Resolver resolver;
  const auto made = graph::build_graph(*dockerfile, request, resolver);
  if (made)
    check(*made);
  else if (made.error().where.empty() || made.error().what.empty())
    std::abort();
  return 0;
}
