// Plays events to the live display on stderr, with a clock that only the script moves. One command a line
// on stdin:
//   declare ID NAME | start ID | output ID TEXT | finish ID OUTCOME SECONDS REASON | warn TEXT
//   advance SECONDS (and draw) | end built|failed SECONDS | sync (answers "ok" on stdout) | restore | quit
#include <iostream>
#include <sstream>
#include <string>

#include "progress/fake_output.h"
#include "progress/tty.h"

namespace {

using namespace pgstrata::progress;

Outcome outcome_of(const std::string& name) {
  if (name == "hit") return Hit{};
  if (name == "rebased") return Rebased{};
  if (name == "cut-off") return CutOff{};
  if (name == "failed") return Failed{"exit code 2"};
  if (name == "cancelled") return Cancelled{};
  return Ran{};
}

std::string rest_of(std::istringstream& words) {
  std::string text;
  std::getline(words >> std::ws, text);
  return text;
}

void play(const std::string& line, TtySink& sink, FakeClock& clock) {
  std::istringstream words(line);
  std::string command;
  StepId id = 0;
  double seconds = 0;
  std::string name;
  words >> command;
  if (command == "declare" && words >> id) sink.step_declared({.id = id, .name = rest_of(words)});
  if (command == "start" && words >> id) sink.step_started(id);
  if (command == "output" && words >> id) sink.step_output(id, Stream::kStdout, rest_of(words) + "\n");
  if (command == "finish" && words >> id >> name >> seconds)
    sink.step_finished(id, {.outcome = outcome_of(name), .reason = rest_of(words), .seconds = seconds});
  if (command == "warn") sink.message(Level::kWarning, rest_of(words));
  if (command == "advance" && words >> seconds) {
    clock.advance(seconds);
    sink.tick();
  }
  if (command == "restore") sink.restore();
  if (command == "end" && words >> name >> seconds) {
    BuildResult result = Built{};
    if (name == "failed")
      result = pgstrata::Error{.kind = pgstrata::ErrorKind::kBuildFailed,
                               .what = "RUN make failed",
                               .where = "Dockerfile:7",
                               .why = "exit code 2"};
    sink.build_finished(result, seconds);
  }
  if (command == "sync") std::cout << "ok" << std::endl;
}

}  // namespace

int main() {
  FdOutput output(2);
  FakeClock clock;
  TtySink sink(output, clock, Style{.color = true, .unicode = true}, TtySink::Ticking::kByCaller);
  std::string line;
  while (std::getline(std::cin, line) && line != "quit") play(line, sink, clock);
  return 0;
}
