// The Dockerfile's share of a rebuild: a build in which nothing changed still parses and plans all of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

std::string generated(int steps) {
  std::string text = "# syntax=docker/dockerfile:1\nARG VERSION=1\nFROM base AS build\nARG VERSION\n";
  for (int i = 4; i < steps; ++i) {
    switch (i % 5) {
      case 0:
        text += fmt::format("ENV NAME_{}=\"value ${{VERSION}}\" OTHER_{}=$NAME_0\n", i, i);
        break;
      case 1:
        text += fmt::format("RUN --mount=type=cache,target=/c{} make \\\n  # a comment\n  step-{}\n", i, i);
        break;
      case 2:
        text += fmt::format("COPY --chown=1:1 src/{} ${{NAME_0:-/dst}}/{}/\n", i, i);
        break;
      case 3:
        text += fmt::format("RUN <<EOF\nset -e\necho {}\nEOF\n", i);
        break;
      default:
        text += fmt::format("LABEL org.example.{}='x'\n", i);
    }
  }
  return text;
}

double best_milliseconds(const std::string& text) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    FakePlan plan;
    const auto begin = std::chrono::steady_clock::now();
    const auto graph = plan.plan(text);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    EXPECT_TRUE(graph.has_value());
    best = std::min(best, took.count());
  }
  return best;
}

TEST(Speed, TwoHundredInstructionsTakeLessThanFiveMilliseconds) {
  const double took = best_milliseconds(generated(200));
  RecordProperty("milliseconds", fmt::format("{:.2f}", took));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers cost more than the limit: " << took << " ms";
#endif
  EXPECT_LT(took, 5.0);
}

}  // namespace
}  // namespace pgstrata::graph
