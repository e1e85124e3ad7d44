#include "machine.h"

#include <gtest/gtest.h>

#include <csignal>

namespace pg_entrypoint {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Drives a machine, and writes down what it does as words.
class MachineTest : public testing::Test {
 protected:
  /// The actions that follow `event`, said in one line.
  std::string after(const Event& event) {
    last_ = machine_.handle(event, now_);
    std::string text;
    for (const Action& action : last_) {
      const std::string word = std::visit([](const auto& each) { return describe(each); }, action);
      if (!word.empty()) text += (text.empty() ? "" : ", ") + word;
    }
    return text;
  }

  std::string said() const {
    std::string text;
    for (const Action& action : last_) {
      if (const auto* say = std::get_if<action::Say>(&action)) text += say->text + "\n";
    }
    return text;
  }

  static std::string describe(const action::RunStep& each) {
    return "step " + std::to_string(static_cast<int>(each.step));
  }
  static std::string describe(const action::StartTask& each) {
    return std::string("task ") + task_name(each.task);
  }
  static std::string describe(const action::StartServer& each) {
    return each.closed ? "server closed" : "server";
  }
  static std::string describe(const action::SignalTask& each) {
    return "task<" + std::to_string(each.signal);
  }
  static std::string describe(const action::SignalServer& each) {
    return "server<" + std::to_string(each.signal);
  }
  static std::string describe(const action::SignalPostmaster& each) {
    return "postmaster<" + std::to_string(each.signal);
  }
  static std::string describe(const action::ClearStrays&) { return "clear"; }
  static std::string describe(const action::SetTimer& each) {
    return "timer " + std::to_string(each.after.count());
  }
  static std::string describe(const action::StopTimer&) { return ""; }
  static std::string describe(const action::MarkFailed&) { return "mark failed"; }
  static std::string describe(const action::Say&) { return ""; }
  static std::string describe(const action::Exit& each) { return "exit " + std::to_string(each.code); }

  static std::string step(Step step) { return "step " + std::to_string(static_cast<int>(step)); }

  /// To the state in which the server of an existing cluster is awaited.
  void start(Plan plan = {}) {
    after(event::Begin{});
    after(event::Validated{0, plan});
    after(event::StepDone{});  // secrets
    ASSERT_EQ(after(event::StepDone{}), "task runtime, timer 30000");
    ASSERT_EQ(after(event::TaskEnded{0}), "server");
  }

  void start_and_serve(Plan plan = {}) {
    start(plan);
    after(event::ServerAccepts{});
    ASSERT_EQ(machine_.phase(), Phase::kReady);
  }

  /// To the state in which the init scripts of a new cluster run.
  void initialise_to_scripts() {
    after(event::Begin{});
    after(event::Validated{0, new_cluster()});
    for (int i = 0; i < 3; ++i) after(event::StepDone{});  // secrets, prepare, stamp
    after(event::TaskEnded{0});                            // initdb
    after(event::StepDone{});                              // adopt
    after(event::TaskEnded{0});                            // the scripts of each start
    ASSERT_EQ(after(event::ServerAccepts{}), "task init");
  }

  static Plan new_cluster() {
    Plan plan;
    plan.new_cluster = true;
    return plan;
  }

  static Plan patroni() {
    Plan plan;
    plan.patroni = true;
    return plan;
  }

  Machine machine_;
  Machine::Time now_{};
  Actions last_;
};

TEST_F(MachineTest, ANewClusterHasOneServerFromInitToReady) {
  EXPECT_EQ(after(event::Begin{}), step(Step::kValidate));
  EXPECT_EQ(machine_.phase(), Phase::kValidate);
  EXPECT_EQ(after(event::Validated{0, new_cluster()}), step(Step::kSecrets));
  EXPECT_EQ(machine_.phase(), Phase::kSecrets);
  EXPECT_EQ(after(event::StepDone{}), step(Step::kPrepare));
  EXPECT_EQ(machine_.phase(), Phase::kPrepare);
  EXPECT_EQ(after(event::StepDone{}), step(Step::kStamp));
  EXPECT_EQ(machine_.phase(), Phase::kInit);
  EXPECT_EQ(after(event::StepDone{}), "task initdb");
  EXPECT_EQ(after(event::TaskEnded{0}), step(Step::kAdopt));
  EXPECT_EQ(after(event::StepDone{}), "task runtime, timer 30000");
  EXPECT_EQ(after(event::TaskEnded{0}), "server closed");
  EXPECT_EQ(after(event::ServerAccepts{}), "task init");
  EXPECT_EQ(machine_.phase(), Phase::kInit);
  EXPECT_FALSE(machine_.started());
  EXPECT_EQ(after(event::TaskEnded{0}), step(Step::kOpen));
  EXPECT_EQ(after(event::StepDone{}), "");
  EXPECT_EQ(machine_.phase(), Phase::kReady);
  EXPECT_TRUE(machine_.started());
}

TEST_F(MachineTest, AnExistingClusterIsStartedAtOnce) {
  start();
  EXPECT_EQ(machine_.phase(), Phase::kStart);
  EXPECT_EQ(after(event::ServerAccepts{}), "");
  EXPECT_EQ(machine_.phase(), Phase::kReady);
}

TEST_F(MachineTest, ARestoreTakesThePlaceOfInitdbAndRunsNoInitScripts) {
  Plan plan = new_cluster();
  plan.restore = true;
  after(event::Begin{});
  after(event::Validated{0, plan});
  after(event::StepDone{});
  after(event::StepDone{});
  EXPECT_EQ(after(event::StepDone{}), "task restore");
  after(event::TaskEnded{0});
  after(event::StepDone{});
  EXPECT_EQ(after(event::TaskEnded{0}), "server closed");
  EXPECT_EQ(after(event::ServerAccepts{}), step(Step::kOpen));
}

TEST_F(MachineTest, WhatIsRefusedEndsAtOnce) {
  after(event::Begin{});
  EXPECT_EQ(after(event::Validated{64, {}}), "exit 64");
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "") << "nothing is answered after the end";
}

TEST_F(MachineTest, AFailingStepEndsWithItsCode) {
  after(event::Begin{});
  after(event::Validated{0, {}});
  after(event::StepDone{});
  EXPECT_EQ(after(event::StepDone{77}), "exit 77");
}

TEST_F(MachineTest, FailingInitScriptsAreMarkedAndTheServerIsStopped) {
  initialise_to_scripts();
  EXPECT_EQ(after(event::TaskEnded{3}), "mark failed, server<2, timer 30000");
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 70");
}

TEST_F(MachineTest, AFailingInitdbIsNotMarkedSoThatTheNextStartTriesAgain) {
  after(event::Begin{});
  after(event::Validated{0, new_cluster()});
  for (int i = 0; i < 3; ++i) after(event::StepDone{});
  EXPECT_EQ(after(event::TaskEnded{1}), "exit 70");
}

TEST_F(MachineTest, AServerThatDiesInInitEndsTheInitialisation) {
  initialise_to_scripts();
  EXPECT_EQ(after(event::ServerEnded{2, false}), "task<15, timer 30000");
  EXPECT_EQ(after(event::TaskEnded{1}), "exit 70");
}

TEST_F(MachineTest, AStopInInitEndsTheScriptsAndThenTheServer) {
  initialise_to_scripts();
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "task<15, timer 30000");
  EXPECT_EQ(machine_.phase(), Phase::kStop);
  EXPECT_EQ(after(event::TaskEnded{143}), "server<2, timer 30000");
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 143");
}

TEST_F(MachineTest, AStopBetweenTwoStepsIsObeyedBeforeTheNext) {
  after(event::Begin{});
  after(event::Validated{0, new_cluster()});
  EXPECT_EQ(after(event::SignalReceived{SIGINT}), "exit 130");
}

TEST_F(MachineTest, AStopIsObeyedWhereverItComes) {
  // Every prefix of a first start, and then SIGTERM: it ends, whatever is still running ends with it.
  const std::vector<Event> start_up{event::Begin{},         event::Validated{0, new_cluster()},
                                    event::StepDone{},      event::StepDone{},
                                    event::StepDone{},      event::TaskEnded{0},
                                    event::StepDone{},      event::TaskEnded{0},
                                    event::ServerAccepts{}, event::TaskEnded{0},
                                    event::StepDone{}};
  for (std::size_t length = 1; length <= start_up.size(); ++length) {
    machine_ = Machine();
    bool task = false;
    bool server = false;
    bool ended = false;
    const auto follow = [&](const Event& event) {
      after(event);
      if (std::holds_alternative<event::TaskEnded>(event)) task = false;
      if (std::holds_alternative<event::ServerEnded>(event)) server = false;
      for (const Action& action : last_) {
        if (std::holds_alternative<action::StartTask>(action)) task = true;
        if (std::holds_alternative<action::StartServer>(action)) server = true;
        if (std::holds_alternative<action::Exit>(action)) ended = true;
      }
    };
    for (std::size_t i = 0; i < length; ++i) follow(start_up[i]);
    follow(event::SignalReceived{SIGTERM});
    if (task && !ended) follow(event::TaskEnded{143});
    if (server && !ended) follow(event::ServerEnded{0, false});
    EXPECT_TRUE(ended) << "after " << length << " events";
    EXPECT_FALSE(task) << "after " << length << " events";
    EXPECT_FALSE(server) << "after " << length << " events";
  }
}

TEST_F(MachineTest, AStopEscalatesByTimeAndByFurtherSignals) {
  start_and_serve();
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "server<2, timer 30000");
  EXPECT_EQ(after(event::TimeUp{}), "server<3, timer 5000");
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "server<9");
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "");
  EXPECT_EQ(after(event::ServerEnded{137, false}), "exit 137");
}

TEST_F(MachineTest, SIGQUITIsAnImmediateShutdown) {
  start_and_serve();
  EXPECT_EQ(after(event::SignalReceived{SIGQUIT}), "server<2, timer 30000, server<3, timer 5000");
}

TEST_F(MachineTest, AStoppedServersOwnCodeIsTheContainers) {
  start_and_serve();
  after(event::SignalReceived{SIGTERM});
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 0");
}

TEST_F(MachineTest, OtherSignalsAreForwarded) {
  start_and_serve();
  EXPECT_EQ(after(event::SignalReceived{SIGHUP}), "server<1");
  EXPECT_EQ(after(event::SignalReceived{SIGTSTP}), "");
}

TEST_F(MachineTest, ADeadServerIsStartedAgainWithGrowingPausesAndThenGivenUp) {
  start_and_serve();
  EXPECT_EQ(after(event::ServerEnded{137, false}), "clear, server");
  for (const int pause : {1000, 2000, 4000, 8000}) {
    after(event::ServerAccepts{});
    EXPECT_EQ(after(event::ServerEnded{137, false}), "clear, timer " + std::to_string(pause));
    EXPECT_EQ(after(event::TimeUp{}), "server");
  }
  EXPECT_EQ(machine_.restarts(), 5U);
  after(event::ServerAccepts{});
  EXPECT_EQ(after(event::ServerEnded{137, false}), "exit 137");
}

TEST_F(MachineTest, DeathsThatAreLongAgoDoNotCount) {
  start_and_serve();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(after(event::ServerEnded{137, false}), "clear, server");
    after(event::ServerAccepts{});
    now_ += std::chrono::minutes(6);
  }
}

TEST_F(MachineTest, AServerThatWasNeverReadyIsNotTriedAgain) {
  start();
  EXPECT_EQ(after(event::ServerEnded{1, false}), "exit 1");
}

TEST_F(MachineTest, AServerThatSomebodyElseStoppedEndsTheContainer) {
  start_and_serve();
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 0");
}

TEST_F(MachineTest, AStopDuringThePauseBeforeARestartEndsAtOnce) {
  start_and_serve();
  after(event::ServerEnded{137, false});
  after(event::ServerAccepts{});
  after(event::ServerEnded{137, false});
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "exit 143");
}

TEST_F(MachineTest, AFullDiskIsWaitedForWithoutARestartLoop) {
  start_and_serve();
  EXPECT_EQ(after(event::ServerEnded{1, true}), "clear");
  EXPECT_TRUE(machine_.awaits_space());
  EXPECT_EQ(machine_.restarts(), 0U);
  EXPECT_EQ(after(event::SpaceFreed{}), "server");
}

TEST_F(MachineTest, ScriptsOfEachStartHaveTimeout) {
  after(event::Begin{});
  after(event::Validated{0, {}});
  after(event::StepDone{});
  after(event::StepDone{});
  EXPECT_EQ(after(event::TimeUp{}), "task<15, timer 30000");
  EXPECT_EQ(after(event::TimeUp{}), "task<9");
  EXPECT_EQ(after(event::TaskEnded{137}), "exit 70");
}

TEST_F(MachineTest, InitScriptsThatTakeTooLongAreMarkedAsFailed) {
  Plan plan = new_cluster();
  plan.init_timeout = seconds(60);
  after(event::Begin{});
  after(event::Validated{0, plan});
  for (int i = 0; i < 3; ++i) after(event::StepDone{});
  after(event::TaskEnded{0});
  after(event::StepDone{});
  after(event::TaskEnded{0});
  EXPECT_EQ(after(event::ServerAccepts{}), "task init, timer 60000");
  EXPECT_EQ(after(event::TimeUp{}), "mark failed, task<15, timer 30000");
}

TEST_F(MachineTest, APasswordIsChangedOnceAndItsFailureIsNoReasonToStop) {
  Plan plan;
  plan.change_password = true;
  start(plan);
  EXPECT_EQ(after(event::ServerAccepts{}), "task change-password, timer 5000");
  EXPECT_EQ(after(event::TimeUp{}), "task<9");
  EXPECT_EQ(after(event::TaskEnded{137}), "");
  EXPECT_EQ(machine_.phase(), Phase::kReady);
  after(event::ServerEnded{137, false});
  EXPECT_EQ(after(event::ServerAccepts{}), "") << "not again after a restart";
}

TEST_F(MachineTest, AServerThatDiesWhileThePasswordIsChangedIsNotTakenForReady) {
  Plan plan;
  plan.change_password = true;
  start(plan);
  after(event::ServerAccepts{});
  EXPECT_EQ(after(event::ServerEnded{137, false}), "task<15, timer 30000");
  EXPECT_EQ(after(event::TaskEnded{1}), "exit 137");
}

TEST_F(MachineTest, SleepingEndsWithZero) {
  Plan plan;
  plan.sleep = true;
  after(event::Begin{});
  EXPECT_EQ(after(event::Validated{0, plan}), "");
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "exit 0");
}

TEST_F(MachineTest, PatroniInitialisesByItself) {
  Plan plan = patroni();
  plan.new_cluster = true;
  start(plan);
}

TEST_F(MachineTest, PatroniIsAskedToStopAndPostgreSQLFollows) {
  start_and_serve(patroni());
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "server<15, timer 30000");
  EXPECT_EQ(after(event::TimeUp{}), "postmaster<3, timer 5000");
  EXPECT_EQ(after(event::TimeUp{}), "postmaster<9, timer 1000");
  EXPECT_EQ(after(event::TimeUp{}), "server<9");
  EXPECT_EQ(after(event::ServerEnded{137, false}), "exit 137");
}

TEST_F(MachineTest, ADeadPatroniIsStartedAgainWithoutTouchingPostgreSQL) {
  start_and_serve(patroni());
  EXPECT_EQ(after(event::ServerEnded{137, false}), "server");
}

TEST_F(MachineTest, AStopWhilePatroniIsDownStopsWhatItHasLeft) {
  start(patroni());
  after(event::ServerEnded{1, false});
  EXPECT_EQ(after(event::ServerEnded{1, false}), "timer 1000");
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "postmaster<2, timer 30000");
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 143");
}

TEST_F(MachineTest, WithoutPatroniPostgreSQLIsStoppedInTheEnd) {
  start_and_serve(patroni());
  for (int i = 0; i < 5; ++i) {
    after(event::ServerEnded{1, false});
    if (i > 0) after(event::TimeUp{});
  }
  EXPECT_EQ(after(event::ServerEnded{1, false}), "postmaster<2, timer 30000");
  EXPECT_EQ(after(event::ServerEnded{0, false}), "exit 1");
}

TEST_F(MachineTest, AShutdownScriptRunsBeforeTheServerIsStopped) {
  start_and_serve({.shutdown_script = true});
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "task shutdown, timer 30000");
  EXPECT_EQ(machine_.phase(), Phase::kStop) << "no more clients";
  EXPECT_EQ(after(event::TaskEnded{1}), "server<2, timer 30000") << "whether it failed or not";
  EXPECT_EQ(after(event::ServerEnded{0}), "exit 0");
}

TEST_F(MachineTest, AShutdownScriptThatHangsIsEnded) {
  start_and_serve({.shutdown_script = true});
  after(event::SignalReceived{SIGTERM});
  EXPECT_EQ(after(event::TimeUp{}), "task<9");
  EXPECT_EQ(after(event::TaskEnded{137}), "server<2, timer 30000");
}

TEST_F(MachineTest, ASecondSignalEndsTheShutdownScriptAndTheExitCodeIsTheServers) {
  start_and_serve({.shutdown_script = true});
  after(event::SignalReceived{SIGTERM});
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "task<15, timer 30000");
  EXPECT_EQ(after(event::TaskEnded{143}), "server<2, timer 30000");
  EXPECT_EQ(after(event::ServerEnded{0}), "exit 0");
}

TEST_F(MachineTest, AServerThatDiesDuringTheShutdownScriptIsNotStartedAgain) {
  start_and_serve({.shutdown_script = true});
  after(event::SignalReceived{SIGTERM});
  EXPECT_EQ(after(event::ServerEnded{2, false}), "task<15, timer 30000");
  EXPECT_EQ(after(event::TaskEnded{143}), "exit 2");
}

TEST_F(MachineTest, AnImmediateShutdownAndOneBeforeTheServerIsReadySkipTheShutdownScript) {
  start({.shutdown_script = true});
  EXPECT_EQ(after(event::SignalReceived{SIGTERM}), "server<2, timer 30000");
}

TEST_F(MachineTest, SigquitSkipsTheShutdownScript) {
  start_and_serve({.shutdown_script = true});
  EXPECT_EQ(after(event::SignalReceived{SIGQUIT}), "server<2, timer 30000, server<3, timer 5000");
}

}  // namespace
}  // namespace pg_entrypoint
