#include "progress/plain.h"

#include <gtest/gtest.h>

#include "progress/fake_output.h"
#include "progress/quiet.h"

namespace pgstrata::progress {
namespace {

class Plain : public testing::Test {
 protected:
  FakeOutput output_;
  FakeClock clock_;
  std::unique_ptr<Sink> sink_ = make_plain_sink(output_, clock_);
};

TEST_F(Plain, ShowsAStepAsBuildKitDoes) {
  sink_->step_declared({.id = 4, .name = "[build 2/5] RUN make"});
  EXPECT_EQ(output_.take(), "");
  sink_->step_started(4);
  EXPECT_EQ(output_.take(), "#5 [build 2/5] RUN make\n");
  clock_.advance(0.3124);
  sink_->step_output(4, Stream::kStdout, "output li");
  EXPECT_EQ(output_.take(), "");
  sink_->step_output(4, Stream::kStderr, "ne\r\nmore\nrest");
  EXPECT_EQ(output_.take(), "#5 0.312 output line\n#5 0.312 more\n");
  clock_.advance(0.9);
  sink_->step_finished(4, {.outcome = Ran{}, .seconds = 1.2});
  EXPECT_EQ(output_.take(), "#5 1.212 rest\n#5 DONE 1.2s\n");
}

TEST_F(Plain, SaysWhyAStepWasReused) {
  sink_->step_declared({.id = 0, .name = "[1/2] FROM base"});
  sink_->step_declared({.id = 1, .name = "[2/2] RUN make"});
  sink_->step_finished(0, {.outcome = Hit{}, .reason = "same instruction and inputs"});
  sink_->step_finished(1, {.outcome = Rebased{}});
  sink_->build_finished(Built{}, 0.008);
  EXPECT_EQ(output_.take(),
            "#1 [1/2] FROM base\n#1 CACHED (same instruction and inputs)\n"
            "\n#2 [2/2] RUN make\n#2 CACHED\n"
            "\nbuilt in 8 ms: 2 reused\n");
}

TEST_F(Plain, SeparatesStepsThatRunAtTheSameTime) {
  sink_->step_declared({.id = 0, .name = "a"});
  sink_->step_declared({.id = 1, .name = "b"});
  sink_->step_started(0);
  sink_->step_started(1);
  sink_->step_output(0, Stream::kStdout, "x\n");
  sink_->step_output(0, Stream::kStdout, "y\n");
  sink_->step_finished(1, {.outcome = CutOff{}, .reason = "main.c changed", .seconds = 0.1});
  EXPECT_EQ(output_.take(),
            "#1 a\n\n#2 b\n\n#1 0.000 x\n#1 0.000 y\n\n#2 DONE 0.1s, nothing changed (main.c changed)\n");
}

TEST_F(Plain, RepeatsTheEndOfAFailedStep) {
  sink_->step_declared({.id = 0, .name = "RUN make"});
  sink_->step_declared({.id = 1, .name = "RUN other"});
  sink_->step_started(0);
  sink_->step_started(1);
  for (int i = 1; i <= 25; ++i) sink_->step_output(0, Stream::kStdout, std::to_string(i) + "\n");
  sink_->step_finished(0, {.outcome = Failed{"exit code 2"}});
  sink_->step_finished(1, {.outcome = Cancelled{}});
  output_.take();
  sink_->build_finished(Error{.kind = ErrorKind::kBuildFailed,
                              .what = "RUN make failed",
                              .where = "Dockerfile:3",
                              .why = "exit code 2"},
                        2);
  std::string expected = "\n------\n > RUN make:\n";
  for (int i = 6; i <= 25; ++i) expected += std::to_string(i) + "\n";
  expected +=
      "------\nerror: Dockerfile:3: RUN make failed: exit code 2\nfailed after 2.0 s: 1 failed, 1 "
      "cancelled\n";
  EXPECT_EQ(output_.take(), expected);
}

TEST_F(Plain, ShowsALineThatNeverEndsInPieces) {
  sink_->step_declared({.id = 0, .name = "a"});
  sink_->step_started(0);
  output_.take();
  sink_->step_output(0, Stream::kStdout, std::string(65536, 'x'));
  EXPECT_EQ(output_.take(), "");
  sink_->step_output(0, Stream::kStdout, "y");
  EXPECT_EQ(output_.take(), "#1 0.000 " + std::string(65536, 'x') + "y\n");
}

TEST_F(Plain, PassesMessagesOn) {
  sink_->message(Level::kWarning, "old syntax");
  sink_->message(Level::kInfo, "using a bootstrapped base");
  EXPECT_EQ(output_.take(), "warning: old syntax\nusing a bootstrapped base\n");
}

TEST(Quiet, IsSilentAboutSuccess) {
  FakeOutput output;
  const auto sink = make_quiet_sink(output);
  sink->step_declared({.id = 0, .name = "a"});
  sink->step_started(0);
  sink->step_output(0, Stream::kStdout, "x\n");
  sink->step_finished(0, {.outcome = Ran{}});
  sink->message(Level::kInfo, "note");
  sink->build_finished(Built{}, 1);
  EXPECT_EQ(output.take(), "");
}

TEST(Quiet, ShowsTheFailure) {
  FakeOutput output;
  const auto sink = make_quiet_sink(output);
  sink->step_declared({.id = 0, .name = "RUN a"});
  sink->step_started(0);
  sink->step_output(0, Stream::kStderr, "x\ny");
  sink->step_finished(0, {.outcome = Failed{"exit code 1"}});
  sink->build_finished(Error{.what = "RUN a failed", .next = "look"}, 1);
  EXPECT_EQ(output.take(), "------\n > RUN a:\nx\ny\n------\nerror: RUN a failed\nhint: look\n");
}

}  // namespace
}  // namespace pgstrata::progress
