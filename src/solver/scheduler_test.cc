#include "solver/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace pgstrata::solver {
namespace {

using graph::VertexId;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A world of vertices that are reused, run or fail as the test says.
class FakeExecutor final : public Executor {
 public:
  std::set<VertexId> stored, failing, sandboxed, meet;
  std::vector<VertexId> ran;
  int entered = 0;

  bool needs_sandbox(VertexId id) const override { return sandboxed.contains(id); }
  Result<std::optional<VertexResult>> reuse(VertexId id, const Results&) override {
    if (stored.contains(id)) return VertexResult{.status = Status::kHit};
    return std::nullopt;
  }
  Result<void> enter_sandbox() override {
    ++entered;
    return {};
  }
  Result<VertexResult> run(VertexId id, const Results&, std::stop_token stop) override {
    if (sandboxed.contains(id)) {
      EXPECT_EQ(entered, 1) << "ran outside of the sandbox";
    }
    {
      const std::scoped_lock lock(mutex_);
      ran.push_back(id);
    }
    if (failing.contains(id)) return fail({.kind = ErrorKind::kBuildFailed, .what = std::to_string(id)});
    if (meet.contains(id)) {
      ++met_;
      while (met_ < meet.size() && !stop.stop_requested()) std::this_thread::yield();
      if (stop.stop_requested()) return fail({.kind = ErrorKind::kCancelled, .what = "stopped"});
    }
    return VertexResult{};
  }

 private:
  std::mutex mutex_;
  std::atomic<size_t> met_ = 0;
};

graph::Vertex vertex(std::optional<VertexId> parent, std::vector<VertexId> from = {}) {
  graph::ExecOp op;
  for (const VertexId id : from) op.mounts.push_back(graph::BindMount{.from = graph::VertexInput{id}});
  return {.op = op, .parent = parent};
}

TEST(Scheduler, WhatIsStoredNeedsNoSandbox) {
  const graph::BuildGraph graph{.vertices = {vertex({}), vertex(0), vertex(1)}};
  FakeExecutor world;
  world.stored = {0, 1, 2};
  world.sandboxed = {0, 1, 2};
  ASSERT_TRUE(schedule(graph, world, 2, {}));
  EXPECT_EQ(world.entered, 0);
  EXPECT_THAT(world.ran, IsEmpty());
}

TEST(Scheduler, WhatNeedsNoSandboxRunsWithoutOne) {
  const graph::BuildGraph graph{.vertices = {vertex({}), vertex(0)}};
  FakeExecutor world;
  ASSERT_TRUE(schedule(graph, world, 2, {}));
  EXPECT_EQ(world.entered, 0);
  EXPECT_THAT(world.ran, ElementsAre(0, 1));
}

TEST(Scheduler, AVertexWaitsForItsParentAndItsInputs) {
  // 3 copies from 1 and lies on 2, all of them on 0.
  const graph::BuildGraph graph{.vertices = {vertex({}), vertex(0), vertex(0), vertex(2, {1})}};
  FakeExecutor world;
  world.sandboxed = {0, 1, 2, 3};
  ASSERT_TRUE(schedule(graph, world, 4, {}));
  ASSERT_EQ(world.ran.size(), 4U);
  EXPECT_EQ(world.ran.front(), 0U);
  EXPECT_EQ(world.ran.back(), 3U);
}

TEST(Scheduler, IndependentStagesRunAtTheSameTime) {
  const graph::BuildGraph graph{.vertices = {vertex({}), vertex({}), vertex(0, {1})}};
  FakeExecutor world;
  world.sandboxed = {0, 1};
  world.meet = {0, 1};  // each waits until the other has started
  ASSERT_TRUE(schedule(graph, world, 2, {}));
}

TEST(Scheduler, AFailureStopsTheOthersAndIsWhatIsReported) {
  const graph::BuildGraph graph{.vertices = {vertex({}), vertex({}), vertex(0, {1})}};
  FakeExecutor world;
  world.sandboxed = {0, 1, 2};
  world.failing = {1};
  world.meet = {0, 99};  // 0 waits for ever, unless it is stopped
  const auto result = schedule(graph, world, 2, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "1");
  EXPECT_THAT(world.ran, UnorderedElementsAre(0, 1));
}

TEST(Scheduler, AStoppedBuildIsCancelled) {
  const graph::BuildGraph graph{.vertices = {vertex({})}};
  FakeExecutor world;
  world.sandboxed = {0};
  world.meet = {0, 99};
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  const auto result = schedule(graph, world, 2, stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace pgstrata::solver
