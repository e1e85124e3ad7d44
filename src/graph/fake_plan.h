// Plans a Dockerfile for tests: linux/amd64, and "base" as the only image.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "dockerfile/parser.h"
#include "graph/fake_base_resolver.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::graph {

struct FakePlan {
  BuildRequest request{
      .platform = {.os = "linux", .architecture = "amd64", .variant = ""},
      .build_platform = oci::Platform{.os = "linux", .architecture = "amd64", .variant = ""}};
  FakeBaseResolver resolver;

  FakePlan() {
    oci::ImageConfig& base = resolver.images["base"];
    base.platform = request.platform;
    base.config.env = {"PATH=/bin", "LANG=C"};
    base.config.cmd = {"/base"};
    base.history = {{.created_by = "base layer"}};
  }

  Result<BuildGraph> plan(const std::string& text) {
    auto parsed = dockerfile::parse(text, "Dockerfile");
    if (!parsed) return fail(std::move(parsed).error());
    return build_graph(*parsed, request, resolver);
  }
  /// Fails the test, and gives an empty graph, if there is none.
  BuildGraph graph(const std::string& text) {
    auto made = plan(text);
    if (made) return std::move(*made);
    ADD_FAILURE() << made.error().message();
    return {};
  }
  Error error(const std::string& text) {
    auto made = plan(text);
    if (!made) return std::move(made).error();
    ADD_FAILURE() << "was planned: " << text;
    return {};
  }
};

inline std::vector<std::string> names(const BuildGraph& graph) {
  std::vector<std::string> names;
  for (const Vertex& vertex : graph.vertices) names.push_back(vertex.name);
  return names;
}
inline std::vector<std::string> history(const BuildGraph& graph) {
  std::vector<std::string> lines;
  for (const HistoryStep& step : graph.target.history) lines.push_back(step.created_by);
  return lines;
}
template <class T>
const T& only(const BuildGraph& graph) {
  static const T kNone{};
  const T* found = nullptr;
  for (const Vertex& vertex : graph.vertices)
    if (const T* op = std::get_if<T>(&vertex.op)) found = op;
  EXPECT_NE(found, nullptr);
  return found == nullptr ? kNone : *found;
}
inline const CopyAction& copy_of(const BuildGraph& graph) {
  static const CopyAction kNone{};
  const auto* action = std::get_if<CopyAction>(&only<FileOp>(graph).action);
  EXPECT_NE(action, nullptr);
  return action == nullptr ? kNone : *action;
}

}  // namespace pgstrata::graph
