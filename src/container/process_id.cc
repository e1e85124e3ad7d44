#include "container/process_id.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <sstream>
#include <utility>

#include "os/file.h"

namespace pgstrata::container {

std::string boot_id() {
  auto text = os::read_file("/proc/sys/kernel/random/boot_id");
  if (!text) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return std::move(*text);
}

std::optional<ProcessId> process_id(const std::string& pid) {
  const auto stat = os::read_file("/proc/" + pid + "/stat");
  if (!stat) return std::nullopt;
  // "pid (name) state …": the name may hold blanks and parentheses, so count from the last one.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessId process{
      .pid = static_cast<pid_t>(std::atoi(stat->c_str())), .start_time = 0, .boot_id = boot_id()};
  std::istringstream fields(stat->substr(name_end + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> process.start_time;
  if (!fields) return std::nullopt;
  return process;
}

bool is_alive(const ProcessId& process) {
  return process.pid > 0 && process_id(std::to_string(process.pid)) == process;
}

std::optional<os::Fd> open_process(const ProcessId& process) {
  if (process.pid <= 0) return std::nullopt;
  os::Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // Looked at after it was opened: from now on the descriptor stays that process's.
  if (!fd || !is_alive(process)) return std::nullopt;
  return fd;
}

}  // namespace pgstrata::container
