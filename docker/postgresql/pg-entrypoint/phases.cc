#include "phases.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "exit_code.h"
#include "log.h"
#include "options.h"
#include "secret.h"
#include "supervisor.h"
#include "volume.h"

namespace pg_entrypoint {
namespace {

constexpr std::chrono::seconds kLastPatience{5};  // between SIGQUIT and SIGKILL

/// A phase either lets the next one begin (nothing), or ends the container with this exit code.
using End = std::optional<int>;

int refuse(int code, const std::string& message) {
  log(Level::kError, message);
  return code;
}

std::optional<Options> validate(const Environment& environment) {
  LoadedOptions loaded = load_options(environment);
  for (const std::string& warning : loaded.warnings) log(Level::kWarning, warning);
  for (const std::string& error : loaded.errors) log(Level::kError, error);
  if (!loaded.errors.empty()) return std::nullopt;
  return std::move(loaded.options);
}

Volume inspect(const Environment& environment, const Options& options) {
  if (geteuid() == 0) {
    return {VolumeState::kRefused, exit_code::kPermission,
            "this container runs as root, and PostgreSQL refuses to. Leave --user out (the image has its "
            "own user), "
            "or give another one than 0"};
  }
  Volume volume = inspect_volume(options.pgdata, environment.get("PG_MAJOR").value_or(""));
  if (volume.state == VolumeState::kEmpty && !options.password && options.auth_method != "trust") {
    return {VolumeState::kRefused, exit_code::kUsage,
            "PGDATA " + options.pgdata +
                " is empty, and there is no password for the superuser to be made. Set "
                "POSTGRES_PASSWORD, or better POSTGRES_PASSWORD_FILE; or, only where nobody else can reach "
                "the port, "
                "POSTGRES_HOST_AUTH_METHOD=trust"};
  }
  return volume;
}

/// `entrypoint.sh PHASE`, with every process that it starts in one group.
End run_scripts(const std::string& phase, const Options& options, const SecretFile* password,
                SignalQueue& signals) {
  Command command;
  command.argv = {"bash", options.home + "/entrypoint.sh", phase};
  command.environment = options.scripts;
  command.environment.set("PGDATA_STAGING", staging_dir(options.pgdata));
  if (password != nullptr) {
    command.inherited_fd = password->fd();
    command.environment.set("POSTGRES_PASSWORD_FILE", password->path());
  }
  const StopPolicy policy{{{SIGTERM, options.timeout, "ending the scripts of phase " + phase},
                           {SIGKILL, kLastPatience, "killing the scripts of phase " + phase}},
                          true};
  const Outcome outcome = supervise(command, policy, signals);
  if (outcome.stop_signal != 0) return exit_code::kSignalBase + outcome.stop_signal;
  if (outcome.exit_code == 0) return std::nullopt;
  return refuse(exit_code::kInternal, "phase " + phase + " failed (exit code " +
                                          std::to_string(outcome.exit_code) +
                                          "); the lines above say which script and why");
}

End initialise(const Options& options, SignalQueue& signals) {
  const auto begin = Clock::now();
  log(Level::kInfo, "PGDATA " + options.pgdata + " is empty: making a new cluster");
  begin_initialisation(options.pgdata);
  const SecretFile password(options.password.value_or(""));
  if (const End end = run_scripts("init", options, options.password ? &password : nullptr, signals))
    return end;
  finish_initialisation(options.pgdata);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
  log(Level::kInfo, "the new cluster is complete after " + std::to_string(took) + " ms");
  return std::nullopt;
}

int run_server(const Environment& environment, const Options& options,
               const std::vector<std::string>& arguments, SignalQueue& signals) {
  Command command;
  command.argv = {"postgres", "-D", options.pgdata, "-c",
                  "config_file=" + options.pgconfig + "/postgresql.conf"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment = without_secrets(environment);
  // PostgreSQL's SIGTERM waits for every session to end by itself, so a stop begins with its SIGINT.
  const StopPolicy policy{
      {{SIGINT, options.timeout, "fast shutdown"},
       {SIGQUIT, kLastPatience, "immediate shutdown; the next start recovers from the log"},
       {SIGKILL, kLastPatience, "killing it; the next start recovers from the log"}},
      false};
  const Outcome outcome = supervise(command, policy, signals);
  log(outcome.exit_code == 0 ? Level::kInfo : Level::kError,
      "postgres has ended with exit code " + std::to_string(outcome.exit_code));
  return outcome.exit_code;
}

int sleep_until_stopped(SignalQueue& signals) {
  log(Level::kInfo, "SLEEP_MODE is on: nothing is started; stop the container to leave it");
  for (;;) {
    const std::optional<int> signal = signals.next(std::nullopt);
    if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) return 0;
  }
}

}  // namespace

int serve(const Environment& environment, const std::vector<std::string>& arguments, SignalQueue& signals) {
  const std::optional<Options> options = validate(environment);
  if (!options) return exit_code::kUsage;
  set_log_level(options->log_level);
  if (options->sleep_mode) return sleep_until_stopped(signals);

  const Volume volume = inspect(environment, *options);
  if (volume.state == VolumeState::kRefused) return refuse(volume.exit_code, volume.message);
  if (volume.state == VolumeState::kEmpty) {
    if (const End end = initialise(*options, signals)) return *end;
  }
  if (const End end = run_scripts("runtime", *options, nullptr, signals)) return *end;
  return run_server(environment, *options, arguments, signals);
}

int pass_through(const Environment& environment, const std::vector<std::string>& command,
                 SignalQueue& signals) {
  Command child;
  child.argv = command;
  child.environment = environment;
  child.foreground = true;
  return supervise(child, StopPolicy{}, signals).exit_code;
}

int check(const Environment& environment) {
  const std::optional<Options> options = validate(environment);
  if (!options) return exit_code::kUsage;
  const Volume volume = inspect(environment, *options);
  if (volume.state == VolumeState::kRefused) return refuse(volume.exit_code, volume.message);
  log(Level::kInfo,
      "PGDATA " + options->pgdata +
          (volume.state == VolumeState::kEmpty ? " will be initialised" : " is a complete cluster"));
  return 0;
}

}  // namespace pg_entrypoint
