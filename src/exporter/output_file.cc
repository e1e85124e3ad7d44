#include "exporter/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "os/file.h"

namespace pgstrata::exporter {
namespace {

Error unusable(const std::string& path, std::string why, std::string next) {
  return {.kind = ErrorKind::kUsage,
          .what = "can't write the output",
          .where = path,
          .why = std::move(why),
          .next = std::move(next)};
}

/// Where a chain of links ends, so that the rename replaces the file and not the link to it.
std::string followed(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : path;
}

}  // namespace

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> sync_directory(const std::string& path) {
  const os::Fd fd = TRY(os::open(path, O_RDONLY | O_DIRECTORY));
  // Some file systems can't sync a directory and have nothing to sync then.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return fail(system_error("can't sync", path));
  return {};
}

Result<OutputFile> OutputFile::create(const std::string& path) {
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (is_there && S_ISDIR(status.st_mode))
    return fail(unusable(path, "it is a directory", "name a file in it"));
  if (is_there && !S_ISREG(status.st_mode)) return OutputFile(TRY(os::open(path, O_WRONLY)), path, "");
  const std::string target = is_there ? followed(path) : path;
  const std::string temporary = fmt::format("{}.{}.tmp", target, ::getpid());
  auto unnamed = os::open(directory_of(target), O_TMPFILE | O_RDWR, 0666);
  if (unnamed) return OutputFile(*std::move(unnamed), target, temporary, /*unnamed=*/true);
  // Not every file system has O_TMPFILE, and any other trouble is told better with a name.
  auto fd = os::open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
  if (fd) return OutputFile(*std::move(fd), target, temporary);
  if (fd.error().kind == ErrorKind::kNotFound)
    return fail(unusable(path, "its directory doesn't exist", "make it with mkdir -p"));
  Error error = fd.error();
  error.where = path;
  return fail(std::move(error));
}

Result<OutputFile> OutputFile::standard_output() {
  if (::isatty(STDOUT_FILENO) != 0)
    return fail(unusable("standard output", "it is a terminal, and the archive is binary",
                         "redirect it, or name a file with dest= or -o"));
  os::Fd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail(system_error("can't use", "standard output"));
  return OutputFile(std::move(fd), "standard output", "");
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      unnamed_(std::exchange(other.unnamed_, false)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty() && !unnamed_) ::unlink(temporary_.c_str());
}

layer::ByteSink OutputFile::sink() const {
  return [fd = fd_.get(), path = path_](std::span<const std::byte> bytes) {
    return os::write_all(fd, bytes, path);
  };
}

Result<void> OutputFile::commit() {
  if (temporary_.empty()) return {};
  if (::fsync(fd_.get()) != 0) return fail(system_error("can't write", path_));
  if (unnamed_) {
    const std::string open_file = path_to_read();
    ::unlink(temporary_.c_str());  // of a process that was killed, and had our id
    if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return fail(system_error("can't write", path_));
    unnamed_ = false;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return fail(system_error("can't replace", path_));
  temporary_.clear();
  return sync_directory(directory_of(path_));
}

}  // namespace pgstrata::exporter
