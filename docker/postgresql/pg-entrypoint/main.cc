// pg-entrypoint: PID 1 of the PostgreSQL image.
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "exit_code.h"
#include "healthcheck.h"
#include "log.h"
#include "phases.h"
#include "reaper.h"

namespace pg_entrypoint {
namespace {

constexpr const char* kVersion = "0.1.0";

/// `postgres --version` and the like answer at once: they need no cluster.
bool only_asks(const std::vector<std::string>& arguments) {
  static constexpr std::array<std::string_view, 6> questions{"--version",         "-V", "--help", "-?",
                                                             "--describe-config", "-C"};
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return std::find(questions.begin(), questions.end(), argument) != questions.end();
  });
}

int health(const Environment& environment) {
  const Health result = check_health(environment);
  std::printf("%s\n", result.detail.c_str());
  return result.accepting ? 0 : exit_code::kUnhealthy;
}

int run(std::vector<std::string> command) {
  const Environment environment = Environment::of_process();
  if (command.empty()) {
    std::fputs(
        "usage: pg-entrypoint postgres [OPTION...] | COMMAND [ARGUMENT...] | healthcheck | check | "
        "version\n",
        stderr);
    return exit_code::kUsage;
  }
  if (command.front() == "version") {
    std::printf("pg-entrypoint %s\n", kVersion);
    return 0;
  }
  if (command.front() == "healthcheck") return health(environment);
  if (command.front() == "check") return check(environment);

  SignalQueue signals;  // first: from here on no signal is lost and none interrupts anything
  become_reaper();
  for (const char* secret : {"POSTGRES_PASSWORD", "PGPASSWORD"}) Environment::blank_in_process(secret);
  if (command.front().starts_with('-')) command.insert(command.begin(), "postgres");
  const std::vector<std::string> arguments(command.begin() + 1, command.end());
  if (command.front() == "postgres" && !only_asks(arguments)) return serve(environment, arguments, signals);
  return pass_through(environment, command, signals);
}

}  // namespace
}  // namespace pg_entrypoint

int main(int argc, char** argv) {
  try {
    return pg_entrypoint::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    pg_entrypoint::log(pg_entrypoint::Level::kError, std::string("giving up: ") + error.what());
    return pg_entrypoint::exit_code::kInternal;
  }
}
