#include "container/runtime.h"

#include <cstdlib>

#include "container/control_group.h"

#include "oci/json_fields.h"
#include "os/file.h"
#include "os/process.h"

namespace pgstrata::container {
namespace {

std::string search_path() {
  const char* path = std::getenv("PATH");
  // A plain user's PATH often lacks the sbin directories, where Debian keeps runc.
  return std::string(path != nullptr ? path : "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
}

std::vector<std::string> global_arguments(const Runtime& runtime, const RuntimeCall& call) {
  std::vector<std::string> arguments = {
      runtime.program, "--root", call.state_directory, "--log", call.log_file, "--log-format", "json"};
  if (runtime.is_crun && call.rootless) arguments.emplace_back("--cgroup-manager=disabled");
  if (runtime.is_crun && !call.rootless) arguments.emplace_back("--cgroup-manager=cgroupfs");
  if (!runtime.is_crun) arguments.emplace_back(call.rootless ? "--rootless=true" : "--rootless=false");
  return arguments;
}

}  // namespace

Result<Runtime> find_runtime() {
  if (const char* chosen = std::getenv("PGSTRATA_RUNTIME"); chosen != nullptr && *chosen != '\0') {
    const std::string program = os::find_program(chosen, search_path());
    if (program.empty())
      return fail({.kind = ErrorKind::kMachine,
                   .what = "there is no such OCI runtime",
                   .where = chosen,
                   .next = "correct or unset PGSTRATA_RUNTIME"});
    return Runtime{.program = program, .is_crun = program.ends_with("crun")};
  }
  if (std::string runc = os::find_program("runc", search_path()); !runc.empty())
    return Runtime{.program = std::move(runc), .is_crun = false};
  std::string crun = os::find_program("crun", search_path());
  if (!crun.empty() && has_unified_hierarchy()) return Runtime{.program = std::move(crun), .is_crun = true};
  return fail({.kind = ErrorKind::kMachine,
               .what = "there is no OCI runtime to run a container",
               .why = crun.empty() ? "neither runc nor crun is in PATH"
                                   : "crun doesn't work with this machine's control groups (hybrid)",
               .next = "apt-get install runc"});
}

std::vector<std::string> run_arguments(const Runtime& runtime, const RuntimeCall& call,
                                       const std::string& pid_file, const std::string& console_socket) {
  std::vector<std::string> arguments = global_arguments(runtime, call);
  arguments.insert(arguments.end(), {"run", "--detach", "--bundle", ".", "--pid-file", pid_file});
  if (!console_socket.empty()) arguments.insert(arguments.end(), {"--console-socket", console_socket});
  arguments.push_back(call.id);
  return arguments;
}

std::vector<std::string> exec_arguments(const Runtime& runtime, const RuntimeCall& call,
                                        const std::string& process_file, bool detach) {
  std::vector<std::string> arguments = global_arguments(runtime, call);
  arguments.insert(arguments.end(), {"exec", "--process", process_file});
  if (detach) arguments.emplace_back("--detach");
  arguments.push_back(call.id);
  return arguments;
}

std::string last_error(const std::string& log_file) {
  const auto text = os::read_file(log_file);
  std::string found;
  if (!text) return found;
  os::LineSplitter lines([&](std::string_view line) {
    const auto object = oci::parse_object("runtime log", line);
    if (!object) return;
    std::string level;
    std::string message;
    oci::Fields fields("runtime log", *object);
    if (fields.text("level", level).text("msg", message).done() && (level == "error" || level == "fatal"))
      found = message;
  });
  lines.add(*text);
  lines.finish();
  return found;
}

int failure_code(std::string_view message) {
  const auto says = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
  // Only what is about the program itself: a missing mount source is the runtime's failure (125).
  const bool about_program = says("exec: ") || says("exec failed") || says("executable file");
  if (!about_program) return 125;
  if (says("executable file") || says("no such file or directory") || says("not found")) return 127;
  if (says("permission denied") || says("is a directory") || says("not a directory") ||
      says("exec format error"))
    return 126;
  return 125;
}

}  // namespace pgstrata::container
