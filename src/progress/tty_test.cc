#include "progress/tty.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "progress/fake_output.h"
#include "progress/make_sink.h"

namespace pgstrata::progress {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Tty : public testing::Test {
 protected:
  std::string frame() {
    clock_.advance(0.1);
    sink_.tick();
    return output_.take();
  }
  void declare(StepId id, std::string name) { sink_.step_declared({.id = id, .name = std::move(name)}); }

  FakeOutput output_;
  FakeClock clock_;
  TtySink sink_{output_, clock_, Style{.color = false}, TtySink::Ticking::kByCaller};
};

constexpr const char* kBegin = "\x1b[?2026h\r";
constexpr const char* kEnd = "\x1b[J\x1b[?2026l";

TEST_F(Tty, AShortBuildPrintsItsLastLineOnly) {
  declare(0, "[1/2] FROM base");
  declare(1, "[2/2] COPY . /");
  sink_.step_finished(0, {.outcome = Hit{}});
  sink_.tick();
  sink_.step_started(1);
  clock_.advance(0.09);
  sink_.tick();
  sink_.step_finished(1, {.outcome = Ran{}, .seconds = 0.09});
  EXPECT_EQ(output_.take(), "");
  sink_.build_finished(Built{}, 0.008);
  EXPECT_EQ(output_.take(), "built in 8 ms: 1 reused, 1 new\n");
}

TEST_F(Tty, AShortBuildKeepsItsWarnings) {
  declare(0, "a");
  sink_.step_finished(0, {.outcome = Ran{}});
  sink_.message(Level::kWarning, "old syntax");
  sink_.build_finished(Built{}, 0.008);
  EXPECT_EQ(output_.take(), "warning: old syntax\nbuilt in 8 ms: 1 new\n");
}

TEST_F(Tty, DrawsARunningStepWithTheEndOfItsOutput) {
  declare(0, "RUN make");
  sink_.step_started(0);
  sink_.step_output(0, Stream::kStdout, "1\n2\n3\n4\n5\n6\n7\n8");
  EXPECT_EQ(frame(), std::string(kBegin) +
                         "⠙   0.1s RUN make\x1b[K\n"
                         "         │ 3\x1b[K\n         │ 4\x1b[K\n         │ 5\x1b[K\n"
                         "         │ 6\x1b[K\n         │ 7\x1b[K\n         │ 8\x1b[K\n"
                         "100 ms  1 running\x1b[K\n" +
                         kEnd);
}

TEST_F(Tty, EachFrameIsOneWriteAtMostTenTimesASecond) {
  declare(0, "a");
  sink_.step_started(0);
  clock_.advance(0.2);
  for (int i = 0; i < 1000; ++i) {  // one second in steps of 1 ms
    clock_.advance(0.001);
    sink_.tick();
  }
  const auto writes = output_.take_writes();
  EXPECT_THAT(writes, SizeIs(testing::AllOf(testing::Ge(9U), testing::Le(11U))));
  for (const auto& write : writes) EXPECT_THAT(write, StartsWith(kBegin));
}

TEST_F(Tty, GoesUpByWhatItDrewAndScrollsWhatIsDone) {
  declare(0, "a");
  declare(1, "b");
  sink_.step_started(0);
  sink_.step_started(1);
  frame();  // a, b, summary: three rows
  sink_.step_finished(0, {.outcome = Ran{}, .reason = "new", .seconds = 0.1});
  const std::string next = frame();
  EXPECT_THAT(next, StartsWith(std::string(kBegin) + "\x1b[3A\x1b[J✓   0.1s a  new\x1b[K\n"));
  EXPECT_THAT(next, HasSubstr("200 ms  1 new, 1 running"));
  const std::string last = frame();
  EXPECT_THAT(last, StartsWith(std::string(kBegin) + "\x1b[2A"));
  EXPECT_THAT(last, HasSubstr("0.3s b"));
}

TEST_F(Tty, CountsFoldedRowsAfterTheTerminalBecameNarrower) {
  declare(0, std::string(70, 'n'));  // with its time: 79 columns, so two rows of 40
  sink_.step_started(0);
  frame();
  output_.resize({.columns = 40, .rows = 24});
  const std::string next = frame();
  EXPECT_THAT(next, StartsWith(std::string(kBegin) + "\x1b[3A"));
  // 39 columns: nine before the name, 29 of it, and the mark.
  EXPECT_THAT(next, HasSubstr("0.2s " + std::string(29, 'n') + "…\x1b[K\n"));
}

TEST_F(Tty, FitsIntoALowTerminal) {
  output_.resize({.columns = 80, .rows = 6});
  for (StepId id = 0; id < 6; ++id) {
    declare(id, "step" + std::to_string(id));
    sink_.step_started(id);
    sink_.step_output(id, Stream::kStdout, "x\ny\n");
  }
  const std::string text = frame();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_THAT(text, HasSubstr("step3"));
  EXPECT_THAT(text, Not(HasSubstr("step4")));
  EXPECT_THAT(text, HasSubstr("6 running (2 not shown)"));
}

TEST_F(Tty, GroupsReusedStepsOfOneReason) {
  for (StepId id = 0; id < 5; ++id) {
    declare(id, "step" + std::to_string(id));
    sink_.step_finished(id, {.outcome = Hit{}, .reason = "same inputs"});
  }
  declare(5, "other");
  sink_.step_finished(5, {.outcome = Rebased{}, .reason = "unread"});
  declare(6, "run");
  sink_.step_started(6);
  const std::string text = frame();
  EXPECT_THAT(text,
              HasSubstr("✓ reused step0 and 4 more  same inputs\x1b[K\n✓ reused other  unread\x1b[K\n"));
  EXPECT_THAT(text, HasSubstr("6 reused, 1 running"));
}

TEST_F(Tty, ShowsTheFailedStepsOutputAtTheEnd) {
  declare(0, "RUN make");
  sink_.step_started(0);
  for (int i = 1; i <= 45; ++i) sink_.step_output(0, Stream::kStderr, fmt::format("\x1b[31mline {}\n", i));
  frame();
  sink_.step_finished(0, {.outcome = Failed{"exit code 2"}, .seconds = 0.1});
  sink_.build_finished(Error{.what = "RUN make failed", .where = "Dockerfile:3", .why = "exit code 2"},
                       0.1);
  const std::string text = output_.take();
  // Above: one step, six lines, the summary.
  EXPECT_THAT(text, StartsWith(std::string(kBegin) + "\x1b[8A\x1b[J✗   0.1s RUN make  exit code 2\x1b[K\n"
                                                     "output of RUN make (the last 40 lines):\x1b[K\n"
                                                     "  line 6\x1b[K\n"));
  EXPECT_THAT(text, HasSubstr("  line 45\x1b[K\nerror: Dockerfile:3: RUN make failed: exit code 2\x1b[K\n"
                              "failed after 100 ms: 1 failed\x1b[K\n"));
}

TEST_F(Tty, LeavesTheTerminalCleanWithoutAnEnd) {
  declare(0, "a");
  declare(1, "b");
  sink_.step_started(0);
  sink_.step_started(1);
  frame();
  sink_.step_finished(0, {.outcome = Ran{}, .seconds = 0.1});
  sink_.restore();
  EXPECT_EQ(output_.take(), std::string(kBegin) + "\x1b[3A\x1b[J✓   0.1s a\x1b[K\n" + kEnd);
  sink_.step_output(1, Stream::kStdout, "late\n");
  EXPECT_EQ(frame(), "");
  sink_.restore();
  EXPECT_EQ(output_.take(), "");
}

TEST(TtyStyle, ColoursAndAsciiAreMattersOfStyle) {
  FakeOutput output;
  const FakeClock clock;
  TtySink colored(output, clock, Style{.color = true}, TtySink::Ticking::kByCaller);
  colored.build_finished(Built{}, 0.008);
  EXPECT_EQ(output.take(), "\x1b[32mbuilt in 8 ms\x1b[0m: nothing to do\n");
  TtySink ascii(output, clock, Style{.color = false, .unicode = false}, TtySink::Ticking::kByCaller);
  ascii.step_declared({.id = 0, .name = "a"});
  ascii.step_started(0);
  ascii.step_finished(0, {.outcome = Failed{"exit code 1"}});
  ascii.build_finished(Error{.what = "no"}, 1);
  EXPECT_EQ(output.take(), "x   0.0s a  exit code 1\nerror: no\nfailed after 1.0 s: 1 failed\n");
}

TEST(TtyThread, DrawsByItselfAndStopsWhenAsked) {
  FakeOutput output;
  const SteadyClock clock;
  TtySink sink(output, clock, Style{}, TtySink::Ticking::kOwnThread);
  sink.step_declared({.id = 0, .name = "RUN a"});
  sink.step_started(0);
  std::string seen;
  for (int i = 0; i < 500 && seen.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    seen = output.take();
  }
  EXPECT_THAT(seen, HasSubstr("RUN a"));
  sink.suspend();
  output.take();
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_THAT(output.take_writes(), IsEmpty());
  sink.step_finished(0, {.outcome = Ran{}});
  sink.build_finished(Built{}, 1);
  EXPECT_THAT(output.take(), HasSubstr("built in"));
}

TEST(TtyThread, ManyThreadsMayReport) {
  FakeOutput output;
  const SteadyClock clock;
  TtySink sink(output, clock, Style{.color = false}, TtySink::Ticking::kOwnThread);
  std::vector<std::thread> threads;
  for (StepId id = 0; id < 8; ++id)
    threads.emplace_back([&sink, id] {
      sink.step_declared({.id = id, .name = "s"});
      sink.step_started(id);
      for (int i = 0; i < 200; ++i) sink.step_output(id, Stream::kStdout, "text\n");
      std::this_thread::sleep_for(std::chrono::milliseconds(120));
      sink.step_finished(id, {.outcome = Ran{}});
    });
  for (auto& thread : threads) thread.join();
  sink.build_finished(Built{}, 0.2);
  EXPECT_THAT(output.take(), HasSubstr("built in 200 ms: 8 new"));
}

TEST(ChooseMode, LooksAtTheTerminal) {
  const TerminalSettings terminal{.is_terminal = true, .term = "xterm"};
  EXPECT_EQ(choose_mode(Mode::kAuto, terminal), Mode::kTty);
  EXPECT_EQ(choose_mode(Mode::kAuto, {.is_terminal = true, .term = "dumb"}), Mode::kPlain);
  EXPECT_EQ(choose_mode(Mode::kAuto, {.is_terminal = true}), Mode::kPlain);
  EXPECT_EQ(choose_mode(Mode::kAuto, {.is_terminal = false, .term = "xterm"}), Mode::kPlain);
  EXPECT_EQ(choose_mode(Mode::kTty, {.is_terminal = false, .term = "xterm"}), Mode::kPlain);
  EXPECT_EQ(choose_mode(Mode::kQuiet, terminal), Mode::kQuiet);
  EXPECT_EQ(parse_mode("rawjson").value(), Mode::kRawJson);
  EXPECT_EQ(parse_mode("fancy").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace pgstrata::progress
