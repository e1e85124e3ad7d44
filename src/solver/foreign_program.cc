#include "solver/foreign_program.h"

#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "filetree/resolve.h"
#include "os/file.h"

namespace pgstrata::solver {
namespace {

constexpr std::size_t kMachineAt = offsetof(Elf64_Ehdr, e_machine);

/// Enough for an ELF header or the first line of a script (the kernel looks at 256 bytes).
Result<std::string> beginning(const filetree::FileTree& root, const filetree::Entry& file) {
  const filetree::Content content = TRY(root.open(file));
  if (!content.fd) return content.text.substr(0, 256);
  std::string bytes(std::min<std::uint64_t>(content.size, 256), '\0');
  const ssize_t got =
      ::pread(content.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(content.offset));
  if (got < 0) return fail(system_error("can't read", file.path));
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

std::vector<std::string> candidates(const graph::ExecOp& run) {
  const std::string& name = run.argv.front();
  if (name.starts_with('/')) return {name};
  if (name.find('/') != std::string::npos) return {run.cwd + "/" + name};
  std::string path;
  for (const std::string& variable : run.env)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  std::vector<std::string> found;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t to = std::min(path.find(':', from), path.size());
    found.push_back(path.substr(from, to - from) + "/" + name);
    from = to + 1;
  }
  return found;
}

/// "#!/bin/sh -e" → "/bin/sh"; "" if it is no such line.
std::string interpreter_of(const std::string& bytes) {
  if (!bytes.starts_with("#!")) return "";
  const std::size_t from = bytes.find_first_not_of(" \t", 2);
  if (from == std::string::npos) return "";
  return bytes.substr(from, bytes.find_first_of(" \t\n", from) - from);
}

Result<std::optional<ElfProgram>> program_at(const filetree::FileTree& root, const std::string& name,
                                             int scripts) {
  const std::string path = TRY(filetree::resolve(root, name, filetree::FinalLink::kFollow));
  const auto file = TRY(root.lookup(path));
  if (!file ||
      (file->type != filetree::EntryType::kRegular && file->type != filetree::EntryType::kHardLink))
    return std::nullopt;
  const std::string bytes = TRY(beginning(root, *file));
  if (const std::string interpreter = interpreter_of(bytes); !interpreter.empty() && scripts > 0)
    return program_at(root, interpreter, scripts - 1);
  ElfProgram program{.path = "/" + path, .header = {}};
  if (!bytes.starts_with(ELFMAG) || bytes.size() < program.header.size()) return std::nullopt;
  std::copy_n(bytes.begin(), program.header.size(), program.header.begin());
  return program;
}

bool same_machine(const ElfHeader& one, const ElfHeader& other) {
  return one[EI_CLASS] == other[EI_CLASS] && one[EI_DATA] == other[EI_DATA] &&
         std::equal(one.begin() + kMachineAt, one.begin() + kMachineAt + 2, other.begin() + kMachineAt);
}

/// Of the machine, or of the older one that most kernels for it have a second entry for.
bool is_native(const ElfHeader& header) {
  ElfHeader own{};
  const auto self = os::open("/proc/self/exe", O_RDONLY);
  if (!self || ::pread(self->get(), own.data(), own.size(), 0) != static_cast<ssize_t>(own.size()))
    return true;
  if (same_machine(header, own)) return true;
  Elf64_Half machine = 0;
  std::memcpy(&machine, header.data() + kMachineAt, sizeof machine);
#if defined(__x86_64__)
  return machine == EM_386;
#elif defined(__aarch64__)
  return machine == EM_ARM;
#else
  return false;
#endif
}

/// The error of execve, or 0 if it started something; that is ended at once.
int try_to_start(const std::string& path) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (const int stream : {0, 1, 2})
    ::posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_RDWR, 0);
  std::string name = path;
  char* argv[] = {name.data(), nullptr};
  char* env[] = {nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, path.c_str(), &files, nullptr, argv, env);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return error;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace

Result<std::optional<ElfProgram>> first_program(const filetree::FileTree& root, const graph::ExecOp& run) {
  if (run.argv.empty()) return std::nullopt;
  for (const std::string& name : candidates(run))
    if (auto program = TRY(program_at(root, name, 4))) return program;
  return std::nullopt;
}

bool kernel_starts(const ElfHeader& header, const std::string& probe) {
  if (is_native(header)) return true;
  std::string bytes(sizeof(Elf64_Ehdr), '\0');
  std::copy(header.begin(), header.end(), bytes.begin());
  auto file = os::open(probe, O_WRONLY | O_CREAT | O_EXCL, 0700);
  if (!file) return true;
  const bool written = os::write_all(file->get(), bytes, probe).has_value();
  *file = os::Fd();  // what is open for writing can't be started
  const int error = written ? try_to_start(probe) : 0;
  ::unlink(probe.c_str());
  return error != ENOEXEC;
}

}  // namespace pgstrata::solver
