#include "bootstrap.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "commands.h"
#include "exit_code.h"
#include "log.h"
#include "options.h"
#include "supervisor.h"
#include "template.h"
#include "volume.h"
#include "wire.h"

namespace pg_entrypoint {
namespace {

/// PID 1 has checked all of it, and kept the secrets to itself: what is missing here isn't missed.
Options checked_options(const Environment& environment) {
  Options options = load_options(environment).options;
  configure_log(options.log_level, LogFormat::kText);  // PID 1 reads these lines
  return options;
}

int run_task(Task task, const Options& options, SignalQueue& signals) {
  const PreparedCommand prepared = task_command(task, options);
  if (prepared.command.argv.empty()) return 0;
  const std::string name = task_name(task);
  const StopPolicy policy{
      {{SIGTERM, options.timeout, "ending " + name}, {SIGKILL, std::chrono::seconds(5), "killing " + name}},
      true};
  const Outcome outcome = supervise(prepared.command, policy, signals);
  if (outcome.stop_signal != 0) return exit_code::kSignalBase + outcome.stop_signal;
  if (outcome.exit_code != 0)
    log(Level::kError, name + " failed (exit code " + std::to_string(outcome.exit_code) + ")");
  return outcome.exit_code;
}

/// A connection that waits for each answer: this is a child of its own, with a time limit from outside.
class Connection {
 public:
  explicit Connection(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }

  Reply ask(const std::string& message, Reply (*read)(std::string_view)) const {
    if (send(fd_, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
      return {};
    std::string received;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return {};
      received.append(buffer.data(), static_cast<std::size_t>(got));
      if (Reply reply = read(received); reply.kind != Reply::Kind::kIncomplete) return reply;
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

int failed(const std::string& why) {
  log(Level::kError, why);
  return exit_code::kInternal;
}

}  // namespace

int bootstrap(const Environment& environment, SignalQueue& signals) {
  const Options options = checked_options(environment);
  begin_initialisation(options.pgdata);
  const bool restored = options.backup && options.backup->restore;
  if (const int code = run_task(restored ? Task::kRestore : Task::kInitdb, options, signals); code != 0)
    return code;
  adopt_staged(options.pgdata);
  return 0;
}

int post_bootstrap(const Environment& environment, SignalQueue& signals) {
  const Options options = checked_options(environment);
  const bool restored = options.backup && options.backup->restore;
  if (!restored) {
    if (const int code = run_task(Task::kInitScripts, options, signals); code != 0) return code;
  }
  finish_initialisation(options.pgdata);
  log(Level::kInfo, "the new cluster is complete");
  return 0;
}

int change_password(const Environment& environment) {
  const Options options = checked_options(environment);
  if (!options.password) return failed("there is no new password in POSTGRES_PASSWORD_FILE");
  const Connection connection(options.socket_dir + "/.s.PGSQL." + options.port);
  if (!connection.connected())
    return failed(std::string("can't reach the server: ") + std::strerror(errno));
  const Reply entry = connection.ask(startup_message(options.user, "postgres"), read_startup_reply);
  if (entry.kind != Reply::Kind::kLetIn) {
    return failed("the server doesn't let the container's own user in as " + options.user +
                  "; change the password by ALTER ROLE instead");
  }
  std::string literal;
  for (const char c : *options.password) {
    if (c == '\'' || c == '\\') literal += c;
    literal += c;
  }
  for (const std::string& sql :
       {std::string("SET log_statement = none"), std::string("SET log_min_duration_statement = -1"),
        std::string("SET log_min_error_statement = panic"),
        std::string("SET pg_stat_statements.track_utility = off"),
        "ALTER ROLE \"" + hba_quote(options.user) + "\" PASSWORD E'" + literal + "'"}) {
    const Reply reply = connection.ask(query_message(sql), read_query_reply);
    if (reply.kind != Reply::Kind::kRows) return failed("the server refused: " + reply.message);
  }
  log(Level::kInfo, "the password of " + options.user + " is that of this start");
  return 0;
}

}  // namespace pg_entrypoint
