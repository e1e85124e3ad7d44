#include "cli/image_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::cli {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kSecond = 1'000'000'000;

/// FROM base, COPY, LABEL; the base has `base_layers` layers and the given history.
struct Built {
  graph::BuildGraph graph;
  std::vector<solver::VertexResult> results;

  Built(std::size_t base_layers, std::vector<oci::History> history) {
    graph.vertices.push_back({.op = graph::SourceOp{.reference = "base", .platform = {}},
                              .parent = std::nullopt,
                              .name = "[1/2] FROM base",
                              .instruction = "FROM base",
                              .location = {}});
    graph.vertices.push_back({.op = graph::FileOp{graph::CopyAction{}},
                              .parent = 0,
                              .name = "[2/2] COPY a /",
                              .instruction = "COPY a /",
                              .location = {}});
    graph.target.root = 1;
    graph.target.config.history = std::move(history);
    graph.target.history = {{.created_by = "COPY a /", .comment = "c", .vertex = 1},
                            {.created_by = "LABEL x=y", .comment = "c", .vertex = std::nullopt}};
    results.resize(2);
    results[0].chain.layers.resize(base_layers);
    results[1].chain.layers.resize(base_layers + 1);
    results[1].layer.emplace();
    results[1].created_ns = 100 * kSecond;
  }
};

/// "+" for a layer, "-" for none, and what it says.
std::vector<std::string> lines(const oci::ImageConfig& config) {
  std::vector<std::string> said;
  for (const oci::History& step : config.history)
    said.push_back((step.empty_layer ? "- " : "+ ") + step.created_by);
  return said;
}

TEST(ImageHistory, OneEntryForEachLayer) {
  const Built built(1, {{.created = "2020-01-01T00:00:00Z", .created_by = "base layer"}});
  const oci::ImageConfig config = finished_config(built.graph, built.results, std::nullopt);
  EXPECT_THAT(lines(config), ElementsAre("+ base layer", "+ COPY a /", "- LABEL x=y"));
  EXPECT_EQ(config.created, "1970-01-01T00:01:40Z");
  EXPECT_EQ(config.history[0].created, "2020-01-01T00:00:00Z");
  EXPECT_EQ(config.history[2].created, config.created);
}

TEST(ImageHistory, LayersOfABaseWithoutHistoryGetTheirsAtTheEnd) {
  const Built built(2, {});
  const oci::ImageConfig config = finished_config(built.graph, built.results, std::nullopt);
  EXPECT_THAT(lines(config),
              ElementsAre("+ COPY a /", "- LABEL x=y", "+ pulled from base", "+ [2/2] COPY a /"))
      << "counted from below: BuildKit takes the first entry for the first layer";
  EXPECT_EQ(config.history[2].comment, "buildkit.exporter.image.v0");
  EXPECT_EQ(config.history[3].comment, "buildkit.exporter.image.v0");
  EXPECT_EQ(config.history[2].created, config.created);
  EXPECT_EQ(config.history[3].created, config.created);
}

// What BuildKit describes the layer of an exec with (solver/llbsolver/ops/exec.go).
TEST(ImageHistory, LeftOverRunSaysItsCommand) {
  Built built(2, {});
  built.graph.vertices[1].op = graph::ExecOp{.argv = {"/bin/sh", "-c", "make all"}};
  EXPECT_EQ(lines(finished_config(built.graph, built.results, std::nullopt)).back(),
            "+ mount / from exec /bin/sh -c make all");
}

TEST(ImageHistory, EntriesWithoutLayersBecomeEmpty) {
  const Built built(0, {{.created_by = "one"}, {.created_by = "two"}});
  EXPECT_THAT(lines(finished_config(built.graph, built.results, std::nullopt)),
              ElementsAre("+ one", "- two", "- COPY a /", "- LABEL x=y"));
}

TEST(ImageHistory, TimesOfTheEpochButForTheBases) {
  const Built built(2, {{.created = "2020-01-01T00:00:00Z", .created_by = "base layer"}});
  const oci::ImageConfig config = finished_config(built.graph, built.results, 7);
  std::vector<std::string> times;
  for (const oci::History& step : config.history) times.push_back(step.created);
  const std::string epoch = "1970-01-01T00:00:07Z";
  EXPECT_THAT(times, ElementsAre("2020-01-01T00:00:00Z", epoch, epoch, epoch));
}

}  // namespace
}  // namespace pgstrata::cli
