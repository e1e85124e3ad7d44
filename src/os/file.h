// Whole files and directories: read, write, replace atomically, remove trees.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::os {

/// Opens with O_CLOEXEC added. `dir` is a directory descriptor or AT_FDCWD.
Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);
Result<Fd> open(const std::string& path, int flags, mode_t mode = 0);

/// The whole content of a regular file; kNotFound if there is none.
Result<std::string> read_file(const std::string& path);
/// Reads up to end of file from an open descriptor.
Result<std::string> read_all(int fd, std::string_view name);
/// Writes all bytes to a descriptor, resuming short writes.
Result<void> write_all(int fd, std::span<const std::byte> bytes, std::string_view name);
Result<void> write_all(int fd, std::string_view text, std::string_view name);

/// Creates or truncates; not atomic, not synced: for files inside a directory that isn't published yet.
Result<void> write_file(const std::string& path, std::string_view text, mode_t mode = 0644);
/// Complete or absent: writes a temporary file beside `path`, and renames it. With `durable` both the
/// file and its directory are fsynced first (for outputs that a person asked for).
Result<void> replace_file(const std::string& path, std::string_view text, bool durable, mode_t mode = 0644);

/// mkdir -p; an existing directory is success.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);
/// For a directory whose subdirectories have nothing to do with each other: ext4 then puts each into
/// another part of the disk (chattr(1), T). Where the file system has no such flag nothing is done.
void spread_subdirectories(const std::string& path);
/// rm -rf that never follows links, and gives itself the permissions it needs on directories it owns. Of
/// any depth, with a few descriptors. A missing path is success.
Result<void> remove_tree(const std::string& path);
[[nodiscard]] bool exists(const std::string& path);
/// What is in a directory, sorted, without "." and ".."; kNotFound if there is none.
Result<std::vector<std::string>> names_in(const std::string& directory);

}  // namespace pgstrata::os
