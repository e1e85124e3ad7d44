#include "sandbox/id_map.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "os/file.h"
#include "sandbox/plan.h"
#include "sandbox/subordinate_ids.h"

namespace pgstrata::sandbox {
namespace {

constexpr std::string_view kOnlyOwnId = "only your own user id can be used in steps";

Result<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> env;
  if (path != nullptr) env.push_back(std::string("PATH=") + path);
  for (const std::string& candidate : search_path(name, env))
    if (candidate.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  return fail({.kind = ErrorKind::kMachine,
               .what = std::string(kOnlyOwnId),
               .why = "there is no program " + name,
               .next = "install the package uidmap (Fedora and RHEL: shadow-utils)"});
}

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

/// The first id from 100000 (where useradd begins) that no range of the file reaches.
std::uint32_t first_free_id(std::string_view text) {
  std::uint32_t free = 100000;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view owner = line.substr(0, line.find(':'));
    for (const IdRange& range : parse_subordinate_ids(line, owner, 0))
      free = std::max(free, range.first + range.count);
  }
  return free;
}

Result<std::vector<IdRange>> ranges_in(const std::string& file, const char* option, const std::string& user,
                                       uid_t uid) {
  const auto content = os::read_file(file);
  const std::string text = content ? *content : "";
  auto ranges = parse_subordinate_ids(text, user, uid);
  if (!ranges.empty()) return ranges;
  const std::uint32_t first = first_free_id(text);
  return fail({.kind = ErrorKind::kMachine,
               .what = std::string(kOnlyOwnId),
               .where = file,
               .why = "it has no range for " + user,
               .next = fmt::format("sudo usermod {} {}-{} {}", option, first, first + 65535, user)});
}

/// In the helper: runs one of the programs on `target`; false if it failed.
bool run_mapper(const std::string& program, pid_t target, const std::vector<std::string>& arguments) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string pid = std::to_string(target);
    std::vector<char*> argv = {const_cast<char*>(program.c_str()), const_cast<char*>(pid.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  int status = -1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

[[noreturn]] void help(const FullMap& map, pid_t target, int go, int said) {
  ::dup2(said, 1);
  ::dup2(said, 2);
  char byte = 0;
  const bool wanted = ::read(go, &byte, 1) == 1;  // end of file: the other side gave up
  const bool done = wanted && run_mapper(map.newuidmap, target, map.uid_arguments) &&
                    run_mapper(map.newgidmap, target, map.gid_arguments);
  ::_exit(done ? 0 : 1);
}

Result<void> write_once(const std::string& path, const std::string& text) {
  const os::Fd file = TRY(os::open(path, O_WRONLY));
  return os::write_all(file.get(), text, path);
}

}  // namespace

Result<FullMap> find_full_map(uid_t uid, gid_t gid) {
  FullMap map;
  map.newuidmap = TRY(find_program("newuidmap"));
  map.newgidmap = TRY(find_program("newgidmap"));
  const std::string user = user_name(uid);
  map.uid_arguments = map_arguments(uid, TRY(ranges_in("/etc/subuid", "--add-subuids", user, uid)));
  map.gid_arguments = map_arguments(gid, TRY(ranges_in("/etc/subgid", "--add-subgids", user, uid)));
  return map;
}

MapHelper::MapHelper(pid_t child, os::Fd go, os::Fd said)
    : child_(child), go_(std::move(go)), said_(std::move(said)) {}

Result<MapHelper> MapHelper::start(const FullMap& map) {
  std::array<int, 2> go{};
  std::array<int, 2> said{};
  if (::pipe2(go.data(), O_CLOEXEC) != 0) return fail(system_error("can't create a pipe", ""));
  os::Fd go_read(go[0]);
  os::Fd go_write(go[1]);
  if (::pipe2(said.data(), O_CLOEXEC) != 0) return fail(system_error("can't create a pipe", ""));
  os::Fd said_read(said[0]);
  os::Fd said_write(said[1]);
  const pid_t target = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("can't start a process", "newuidmap"));
  if (child == 0) {
    go_write.reset();  // or end of file would never come
    help(map, target, go_read.get(), said_write.get());
  }
  return MapHelper(child, std::move(go_write), std::move(said_read));
}

Result<void> MapHelper::finish() {
  static_cast<void>(!::write(go_.get(), "x", 1));
  go_.reset();
  std::string said = TRY(os::read_all(said_.get(), "newuidmap"));
  while (!said.empty() && said.back() == '\n') said.pop_back();
  int status = -1;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail({.kind = ErrorKind::kMachine,
               .what = "can't map the subordinate ids",
               .why = said.empty() ? "newuidmap or newgidmap failed" : said,
               .next =
                   "check that both are setuid root (or carry cap_setuid, cap_setgid), on a file system "
                   "mounted without nosuid, and that no_new_privs isn't set"});
}

Result<void> write_single_map(uid_t uid, gid_t gid) {
  TRY_VOID(write_once("/proc/self/setgroups", "deny"));
  TRY_VOID(write_once("/proc/self/uid_map", fmt::format("0 {} 1", uid)));
  return write_once("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

}  // namespace pgstrata::sandbox
