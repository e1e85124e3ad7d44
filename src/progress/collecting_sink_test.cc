#include "progress/collecting_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::progress {
namespace {

TEST(CollectingSink, KeepsEveryEventInOrder) {
  CollectingSink sink;
  sink.step_declared({.id = 0, .name = "[1/2] FROM a", .line = 1});
  sink.step_started(0);
  sink.step_output(0, Stream::kStderr, "text");
  sink.step_finished(0, {.outcome = Hit{}, .reason = "why"});
  sink.step_finished(1, {.outcome = Failed{"exit code 2"}});
  sink.message(Level::kWarning, "careful");
  sink.suspend();
  sink.build_finished(Error{.what = "failed"}, 1);
  EXPECT_THAT(sink.events(),
              testing::ElementsAre("declared 0 [1/2] FROM a line 1", "started 0", "output 0 stderr text",
                                   "finished 0 hit: why", "finished 1 failed: exit code 2",
                                   "warning careful", "suspended", "error failed"));
}

}  // namespace
}  // namespace pgstrata::progress
