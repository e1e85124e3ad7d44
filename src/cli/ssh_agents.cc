#include "cli/ssh_agents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "os/file.h"
#include "os/process.h"

namespace pgstrata::cli {
namespace {

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

Result<bool> is_socket(const std::string& id, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return S_ISSOCK(status.st_mode);
  Error error = system_error(fmt::format("--ssh {}: there is no such socket or key", id), path);
  error.kind = ErrorKind::kUsage;
  return fail(std::move(error));
}

Error missing_program(const std::string& name) {
  return {.kind = ErrorKind::kMachine,
          .what = fmt::format("--ssh with a key needs the program {}", name),
          .next = "apt-get install openssh-client, or give the socket of an agent: --ssh ID=SOCKET"};
}

/// Without a terminal: a passphrase can't be asked for in the middle of a build.
Result<os::Captured> run_program(const std::vector<std::string>& argv, const std::string& agent) {
  auto captured = os::capture(
      {.argv = argv,
       .env = os::environment_with({{"SSH_AUTH_SOCK", agent}, {"SSH_ASKPASS_REQUIRE", "never"}})});
  if (captured || captured.error().kind != ErrorKind::kNotFound) return captured;
  return fail(missing_program(argv.front()));
}

/// A process of ours in a session of its own, so that Ctrl-C in the terminal isn't for it.
Result<pid_t> spawn(std::vector<std::string> argv) {
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, words[0], &files, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (code == 0) return pid;
  if (code == ENOENT) return fail(missing_program(argv.front()));
  return fail(system_error("can't start the program", argv.front(), code));
}

}  // namespace

Result<void> SshAgents::start_agent(const std::string& socket) {
  // An agent that has a command ends with it, and this one ends with us, however we end. It leaves the
  // agent's process id in a file.
  constexpr const char* kScript =
      "echo \"$SSH_AGENT_PID\" >\"$1.new\" && mv \"$1.new\" \"$1\"; exec tail --pid=\"$2\" -f /dev/null";
  const std::string file = socket + ".pid";
  commands_.push_back(TRY(
      spawn({"ssh-agent", "-a", socket, "sh", "-c", kScript, "sh", file, fmt::format("{}", ::getpid())})));
  for (int tries = 0; tries < 1000; ++tries) {
    if (const auto text = os::read_file(file)) {
      int pid = 0;
      std::from_chars(text->data(), text->data() + text->size(), pid);
      if (pid <= 1) break;
      agents_.push_back(pid);
      return {};
    }
    if (::waitpid(commands_.back(), nullptr, WNOHANG) == commands_.back()) {
      commands_.pop_back();
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fail({.kind = ErrorKind::kMachine, .what = "the ssh-agent doesn't start", .where = socket});
}

Result<std::map<std::string, std::vector<std::string>>> parse_ssh(const std::vector<std::string>& words) {
  std::map<std::string, std::vector<std::string>> wanted;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string id = word.substr(0, equals);
    std::vector<std::string> paths;
    for (std::size_t at = equals; at != std::string::npos;) {
      const std::size_t comma = word.find(',', at + 1);
      paths.push_back(word.substr(at + 1, comma == std::string::npos ? comma : comma - at - 1));
      at = comma;
    }
    const bool empty = !paths.empty() && paths.back().empty();
    if (id.empty() || empty || !wanted.emplace(id, paths).second)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format(
                       "--ssh {}: not of the form default|ID[=SOCKET|KEY[,KEY]], or said twice", word)});
  }
  return wanted;
}

Result<SshAgents> SshAgents::start(const std::map<std::string, std::vector<std::string>>& wanted) {
  SshAgents agents;
  for (const auto& [id, paths] : wanted) {
    if (paths.empty()) {
      agents.sockets_[id] = environment("SSH_AUTH_SOCK", "");
      if (agents.sockets_[id].empty())
        return fail({.kind = ErrorKind::kUsage,
                     .what = fmt::format("--ssh {}: no agent runs (SSH_AUTH_SOCK isn't set)", id),
                     .next = fmt::format(
                         "start one (eval \"$(ssh-agent)\"; ssh-add), or name a key: --ssh {}=FILE", id)});
      continue;
    }
    const bool socket = TRY(is_socket(id, paths.front()));
    if (socket && paths.size() > 1)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("--ssh {}: a socket stands alone, without keys beside it", id)});
    agents.sockets_[id] = socket ? paths.front() : TRY(agents.start_with(id, paths));
  }
  return agents;
}

Result<std::string> SshAgents::start_with(const std::string& id, const std::vector<std::string>& keys) {
  if (directory_.empty()) {
    // Not in the store: a socket's path has to be short.
    std::string path = environment("TMPDIR", "/tmp") + "/pgstrata-ssh.XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
      return fail(system_error("can't make a directory for an ssh-agent", path));
    directory_ = path;
  }
  std::string socket = fmt::format("{}/{}", directory_, commands_.size());
  TRY_VOID(start_agent(socket));
  for (const std::string& key : keys) {
    TRY(is_socket(id, key));
    const os::Captured added = TRY(run_program({"ssh-add", "-q", key}, socket));
    if (os::succeeded(added.status)) continue;
    return fail(
        {.kind = ErrorKind::kUsage,
         .what = fmt::format("--ssh {}: can't use the key {}", id, key),
         .why = added.err.substr(0, added.err.find('\n')),
         .next = "if it has a passphrase, add it to an agent (ssh-add), and give that: --ssh default"});
  }
  return socket;
}

SshAgents::SshAgents(SshAgents&& other) noexcept
    : sockets_(std::move(other.sockets_)),
      directory_(std::exchange(other.directory_, {})),
      agents_(std::exchange(other.agents_, {})),
      commands_(std::exchange(other.commands_, {})) {}

SshAgents::~SshAgents() {
  for (const pid_t pid : agents_) ::kill(pid, SIGTERM);
  for (const pid_t pid : commands_) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (!directory_.empty()) static_cast<void>(os::remove_tree(directory_).has_value());
}

}  // namespace pgstrata::cli
