// pg-entrypoint: PID 1 of the PostgreSQL image.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap.h"
#include "check_extensions.h"
#include "commands.h"
#include "configuration.h"
#include "container.h"
#include "exit_code.h"
#include "healthcheck.h"
#include "log.h"
#include "reaper.h"
#include "supervisor.h"
#include "validation.h"

namespace pg_entrypoint {
namespace {

constexpr const char* kVersion = "0.2.0";

constexpr const char* kUsage =
    "usage: pg-entrypoint postgres [OPTION...]   initialise what is empty, then serve\n"
    "       pg-entrypoint COMMAND [ARGUMENT...]  run anything else as it is\n"
    "       pg-entrypoint check                  what a start would refuse; writes nothing\n"
    "       pg-entrypoint check --extensions     whether every installed extension works, asked of the "
    "running "
    "server\n"
    "       pg-entrypoint render [FILE]          the configuration that a start would write, secrets left "
    "out\n"
    "       pg-entrypoint healthcheck | version\n";

/// `postgres --version` and the like answer at once: they need no cluster.
bool only_asks(const std::vector<std::string>& arguments) {
  static constexpr std::array<std::string_view, 6> questions{"--version",         "-V", "--help", "-?",
                                                             "--describe-config", "-C"};
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return std::find(questions.begin(), questions.end(), argument) != questions.end();
  });
}

/// The image's own answer first. Only then a script of the user's, in the place of this process.
int health(const Environment& environment) {
  const Health result = check_health(environment);
  std::printf("%s\n", result.detail.c_str());
  if (!result.ready) return exit_code::kUnhealthy;
  const Options options = load_options(environment).options;
  if (!has_scripts(options, "healthcheck")) return 0;
  std::fflush(stdout);
  const std::string program = options.home + "/entrypoint.sh";
  std::vector<std::string> strings = options.scripts.strings();
  std::vector<char*> variables;
  for (std::string& each : strings) variables.push_back(each.data());
  variables.push_back(nullptr);
  ::execle("/bin/bash", "bash", program.c_str(), "healthcheck", nullptr, variables.data());
  std::printf("/bin/bash can't be executed, which runs runtime/healthcheck.sh: %s\n", std::strerror(errno));
  return exit_code::kUnhealthy;
}

int check(const Environment& environment) {
  const Validation validation = validate(environment);
  configure_log(validation.options.log_level, validation.options.log_format);
  validation.say();
  if (validation.exit_code != 0) return validation.exit_code;
  const bool ready = validation.volume.state == VolumeState::kReady;
  log(Level::kInfo,
      "PGDATA " + validation.options.pgdata + (ready ? " is a complete cluster" : " will be initialised"));
  return 0;
}

/// `check` with its arguments.
int check(const Environment& environment, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return check(environment);
  if (arguments != std::vector<std::string>{"--extensions"}) {
    std::fputs(kUsage, stderr);
    return exit_code::kUsage;
  }
  const LoadedOptions loaded = load_options(environment);
  configure_log(loaded.options.log_level, loaded.options.log_format);
  for (const std::string& error : loaded.complaints.errors) log(Level::kError, error);
  if (!loaded.complaints.errors.empty()) return exit_code::kUsage;
  return check_extensions(loaded.options);
}

int render(const Environment& environment, const std::vector<std::string>& names) {
  LoadedOptions loaded = load_options(environment);
  configure_log(loaded.options.log_level, loaded.options.log_format);
  for (const std::string& error : loaded.complaints.errors) log(Level::kError, error);
  if (!loaded.complaints.errors.empty()) return exit_code::kUsage;
  Options& options = loaded.options;
  hide_secrets(options);
  for (const std::string& name : names.empty() ? configuration_files(options) : names) {
    if (names.empty()) std::printf("# ---- %s\n", name.c_str());
    std::fputs(pg_entrypoint::render(options, name, Access::kOpen).c_str(), stdout);
  }
  return 0;
}

/// Runs any other command as it is, with signals forwarded.
int pass_through(const Environment& environment, const std::vector<std::string>& argv,
                 SignalQueue& signals) {
  Command command;
  command.argv = argv;
  command.environment = environment;
  command.foreground = true;
  return supervise(command, StopPolicy{}, signals).exit_code;
}

int run(std::vector<std::string> command) {
  const Environment environment = Environment::of_process();
  if (command.empty()) {
    std::fputs(kUsage, stderr);
    return exit_code::kUsage;
  }
  const std::string name = command.front();
  if (name == "version") {
    std::printf("pg-entrypoint %s\n", kVersion);
    return 0;
  }
  if (name == "healthcheck") return health(environment);
  if (name == "check") return check(environment, {command.begin() + 1, command.end()});
  if (name == "render") return render(environment, {command.begin() + 1, command.end()});
  if (name == "change-password") return change_password(environment);

  SignalQueue signals;  // first: from here on no signal is lost and none interrupts anything
  if (name == "bootstrap") return bootstrap(environment, signals);
  if (name == "post-bootstrap") return post_bootstrap(environment, signals);
  become_reaper();
  if (name.starts_with('-')) command.insert(command.begin(), "postgres");
  const std::vector<std::string> arguments(command.begin() + 1, command.end());
  if (command.front() != "postgres" || only_asks(arguments)) {
    for (const char* secret : {"POSTGRES_PASSWORD", "PGPASSWORD"}) Environment::blank_in_process(secret);
    return pass_through(environment, command, signals);
  }
  return Container(environment, arguments, signals).run();
}

}  // namespace
}  // namespace pg_entrypoint

int main(int argc, char** argv) {
  try {
    return pg_entrypoint::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    pg_entrypoint::log(pg_entrypoint::Level::kError, std::string("giving up: ") + error.what());
    pg_entrypoint::drain_log(std::chrono::seconds(2));
    return pg_entrypoint::exit_code::kInternal;
  }
}
