#include "remote/git.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "os/process.h"

namespace pgstrata::remote {
namespace {

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

/// git's own reason: the line that it marks as fatal, else the last one.
std::string reason_of(const std::string& text) {
  std::string last;
  std::string fatal;
  os::LineSplitter lines([&](std::string_view line) {
    if (line.empty()) return;
    last = line;
    if (fatal.empty() && line.starts_with("fatal: ")) fatal = line.substr(7);
  });
  lines.add(text);
  lines.finish();
  return fatal.empty() ? last : fatal;
}

}  // namespace

Git Git::with_git_dir(std::string path) const {
  Git git = *this;
  git.git_dir_ = std::move(path);
  return git;
}

Git Git::with_work_tree(std::string path) const {
  Git git = *this;
  git.work_tree_ = std::move(path);
  return git;
}

Git Git::with_config(const std::string& name, const std::string& value) const {
  Git git = *this;
  git.config_.emplace_back(name, value);
  return git;
}

Result<std::string> Git::run_once(const std::vector<std::string>& arguments,
                                  const std::stop_token& stop) const {
  // A repository must not bring in submodules from this machine's file system.
  os::Command command{
      .argv = {"git", "-c", "protocol.file.allow=user"}, .env = {}, .cwd = work_tree_, .umask = 022};
  if (!work_tree_.empty()) command.argv.insert(command.argv.end(), {"--work-tree", work_tree_});
  if (!git_dir_.empty()) command.argv.insert(command.argv.end(), {"--git-dir", git_dir_});
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = {"PATH=" + variable("PATH", "/usr/local/bin:/usr/bin:/bin"),
                 "HOME=/dev/null",
                 "GIT_CONFIG_NOSYSTEM=1",
                 "GIT_CONFIG_GLOBAL=/dev/null",
                 "GIT_TERMINAL_PROMPT=0",
                 "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
                 "LC_ALL=C"};
  for (const auto& [name, value] : settings_.proxies.environment())
    command.env.push_back(name + "=" + value);
  if (const std::string certificates = variable("SSL_CERT_FILE", ""); !certificates.empty())
    command.env.push_back("GIT_SSL_CAINFO=" + certificates);
  const std::string agent =
      settings_.ssh_agent.empty() ? variable("SSH_AUTH_SOCK", "") : settings_.ssh_agent;
  if (!agent.empty()) command.env.push_back("SSH_AUTH_SOCK=" + agent);
  // By the environment: arguments are seen by every user of the machine.
  command.env.push_back(fmt::format("GIT_CONFIG_COUNT={}", config_.size()));
  for (std::size_t i = 0; i < config_.size(); ++i) {
    command.env.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, config_[i].first));
    command.env.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, config_[i].second));
  }
  auto captured = os::capture(command, stop);
  if (!captured && captured.error().kind == ErrorKind::kNotFound)
    return fail({.kind = ErrorKind::kMachine,
                 .what = "Git repositories need the program git",
                 .next = "apt-get install git"});
  if (!captured) return fail(std::move(captured).error());
  if (os::succeeded(captured->status)) return std::move(captured->out);
  return fail({.kind = ErrorKind::kBuildFailed,
               .what = fmt::format("git {} failed", arguments.front()),
               .why = reason_of(captured->err),
               .detail = captured->err});
}

Result<std::string> Git::run(std::vector<std::string> arguments, const std::stop_token& stop) const {
  auto result = run_once(arguments, stop);
  if (result || result.error().kind != ErrorKind::kBuildFailed) return result;
  const std::string& said = result.error().detail;
  const auto depth = std::find(arguments.begin(), arguments.end(), "--depth=1");
  if (depth == arguments.end()) return result;
  if (said.find("--depth") == std::string::npos && said.find("shallow") == std::string::npos) return result;
  arguments.erase(depth);
  return run_once(arguments, stop);
}

bool Git::succeeds(const std::vector<std::string>& arguments) const {
  return run_once(arguments, {}).has_value();
}

}  // namespace pgstrata::remote
