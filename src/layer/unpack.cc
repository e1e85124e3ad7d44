#include "layer/unpack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/unpacked_file.h"
#include "os/fd.h"
#include "os/file.h"
#include "snapshot/xattrs.h"

namespace pgstrata::layer {
namespace {

using filetree::Entry;
using filetree::EntryType;

constexpr std::size_t kBufferSize = 256 * 1024;
/// Up to here a read and a write are cheaper than setting up a copy inside the kernel.
constexpr std::uint64_t kSmall = 64 * 1024;

class Unpacker {
 public:
  Unpacker(int blob, os::Fd root, const UnpackOptions& options)
      : blob_(blob), root_(std::move(root)), options_(options), buffer_(kBufferSize) {}

  Result<void> run(std::span<const Entry> changes) {
    for (const Entry& entry : changes) TRY_VOID(add(entry));
    if (options_.early != nullptr &&
        (options_.early->files_left() > 0 || options_.early->directories() != early_directories_))
      return fail({.kind = ErrorKind::kIo, .what = "a layer's archive has files that the layer hasn't"});
    // Children change their directory's times, and a mode without write permission would keep us out.
    for (std::size_t i = changes.size(); i-- > 0;)
      if (changes[i].type == EntryType::kDirectory) TRY_VOID(finish_directory(changes[i]));
    return {};
  }

 private:
  Result<void> enter_parent(const Entry& entry);
  Result<void> add(const Entry& entry);
  Result<void> add_file(const Entry& entry, const char* name);
  Result<void> rename_early(const std::string& path, const Entry& entry, const char* name);
  Result<void> add_node(const Entry& entry, const char* name);
  Result<void> copy(const Entry& entry, int file);
  Result<void> copy_checked(const Entry& entry, int file);
  Result<void> copy_in_kernel(const Entry& entry, int file);
  Result<void> set_attributes(const Entry& entry, const std::string& proc);
  Result<void> finish_by_name(const Entry& entry, const char* name);
  Result<void> finish_directory(const Entry& entry);

  static tl::unexpected<Error> failed(std::string what, const Entry& entry) {
    return fail(system_error(std::move(what), "/" + entry.path));
  }
  static tl::unexpected<Error> corrupt(const Entry& entry, std::string why) {
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a layer contradicts its change set",
                 .where = "/" + entry.path,
                 .why = std::move(why)});
  }

  int blob_;
  os::Fd root_;
  UnpackOptions options_;
  std::vector<std::byte> buffer_;
  oci::Sha256 hash_;
  std::size_t early_directories_ = 0;
  std::string parent_;
  os::Fd parent_fd_;
};

Result<void> Unpacker::enter_parent(const Entry& entry) {
  const std::string_view parent = filetree::parent_path(entry.path);
  if (parent_fd_ && parent == parent_) return {};
  const std::string path(parent);
  auto fd = open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
  if (!fd) return corrupt(entry, "its parent is no directory of the layer: " + fd.error().why);
  parent_fd_ = *std::move(fd);
  parent_ = path;
  return {};
}

Result<void> Unpacker::add(const Entry& entry) {
  if (entry.path.empty()) return {};
  TRY_VOID(enter_parent(entry));
  const std::string name(filetree::base_name(entry.path));
  if (name == "." || name == ".." || name.empty()) return corrupt(entry, "not a file name");
  switch (entry.type) {
    case EntryType::kRegular:
      return add_file(entry, name.c_str());
    case EntryType::kDirectory:
      if (::mkdirat(parent_fd_.get(), name.c_str(), 0700) == 0) return {};
      if (errno != EEXIST || options_.early == nullptr) return failed("can't make the directory", entry);
      ++early_directories_;
      return {};
    case EntryType::kHardLink: {
      const os::Fd from = TRY(
          open_beneath(root_.get(), std::string(filetree::parent_path(entry.link)), O_PATH | O_DIRECTORY));
      const std::string target(filetree::base_name(entry.link));
      if (::linkat(from.get(), target.c_str(), parent_fd_.get(), name.c_str(), 0) != 0)
        return failed("can't make a hard link to /" + entry.link, entry);
      return {};
    }
    case EntryType::kSymlink:
      if (::symlinkat(entry.link.c_str(), parent_fd_.get(), name.c_str()) != 0)
        return failed("can't make the symbolic link", entry);
      return finish_by_name(entry, name.c_str());
    case EntryType::kWhiteout:
      if (::mknodat(parent_fd_.get(), name.c_str(), S_IFCHR, ::makedev(0, 0)) != 0)
        return failed("can't make a whiteout", entry);
      return {};
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kFifo:
      return add_node(entry, name.c_str());
  }
  return corrupt(entry, "an unknown type");
}

Result<void> Unpacker::add_node(const Entry& entry, const char* name) {
  ::mode_t type = S_IFIFO;
  if (entry.type == EntryType::kCharDevice) type = S_IFCHR;
  if (entry.type == EntryType::kBlockDevice) type = S_IFBLK;
  const dev_t device = ::makedev(entry.device_major, entry.device_minor);
  if (::mknodat(parent_fd_.get(), name, type | 0600, device) != 0) {
    Error error = system_error("can't make a device file", "/" + entry.path);
    if (errno == EPERM) {
      error.kind = ErrorKind::kMachine;
      error.next = "build as root, or use a base image without device files: only root may make them";
    }
    return fail(std::move(error));
  }
  return finish_by_name(entry, name);
}

Result<void> Unpacker::add_file(const Entry& entry, const char* name) {
  const auto early = options_.early == nullptr ? std::nullopt : options_.early->take(entry.tar_offset);
  if (early) return early == entry.path ? Result<void>() : rename_early(*early, entry, name);
  const os::Fd file(
      ::openat(parent_fd_.get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failed("can't make the file", entry);
  TRY_VOID(copy(entry, file.get()));
  return finish_file(file.get(), entry, options_.rootless);
}

/// The archive had it under another of its names first.
Result<void> Unpacker::rename_early(const std::string& path, const Entry& entry, const char* name) {
  const std::string parent(filetree::parent_path(path));
  const os::Fd from = TRY(open_beneath(root_.get(), parent, O_PATH | O_DIRECTORY));
  if (::renameat(from.get(), std::string(filetree::base_name(path)).c_str(), parent_fd_.get(), name) != 0)
    return failed("can't rename a file", entry);
  return {};
}

Result<void> Unpacker::copy(const Entry& entry, int file) {
  if (options_.verify || entry.size <= kSmall) return copy_checked(entry, file);
  return copy_in_kernel(entry, file);
}

Result<void> Unpacker::copy_checked(const Entry& entry, int file) {
  std::uint64_t done = 0;
  while (done < entry.size) {
    const auto space = std::span(buffer_).first(std::min<std::uint64_t>(entry.size - done, kBufferSize));
    const ssize_t got =
        ::pread(blob_, space.data(), space.size(), static_cast<off_t>(entry.tar_offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("can't read the layer", entry);
    if (got == 0) return corrupt(entry, fmt::format("the tar ends after {} of {} bytes", done, entry.size));
    const auto bytes = space.first(static_cast<std::size_t>(got));
    if (options_.verify) hash_.update(bytes);
    TRY_VOID(os::write_all(file, bytes, "/" + entry.path));
    done += bytes.size();
  }
  if (!options_.verify) return {};
  const oci::Digest digest = hash_.finish();
  if (digest == entry.content) return {};
  return corrupt(entry,
                 fmt::format("its bytes are {}, its entry says {}", digest.str(), entry.content.str()));
}

Result<void> Unpacker::copy_in_kernel(const Entry& entry, int file) {
  auto offset = static_cast<off64_t>(entry.tar_offset);
  std::uint64_t left = entry.size;
  while (left > 0) {
    const ssize_t got = ::copy_file_range(blob_, &offset, file, nullptr, left, 0);
    if (got < 0 && errno == EINTR) continue;
    // Between some file systems the kernel doesn't copy by itself.
    if (got < 0 && left == entry.size && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP))
      return copy_checked(entry, file);
    if (got < 0) return failed("can't copy from the layer", entry);
    if (got == 0)
      return corrupt(entry,
                     fmt::format("the tar ends after {} of {} bytes", entry.size - left, entry.size));
    left -= static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<void> Unpacker::set_attributes(const Entry& entry, const std::string& proc) {
  for (const auto& [key, value] : entry.xattrs) {
    if (options_.rootless && key.starts_with("trusted.")) continue;
    if (::lsetxattr(proc.c_str(), key.c_str(), value.data(), value.size(), 0) != 0)
      return failed("can't set the extended attribute " + key, entry);
  }
  return {};
}

Result<void> Unpacker::finish_by_name(const Entry& entry, const char* name) {
  const int parent = parent_fd_.get();
  if (::fchownat(parent, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return failed("can't set the owner", entry);
  if (entry.type != EntryType::kSymlink && ::fchmodat(parent, name, entry.mode, 0) != 0)
    return failed("can't set the mode", entry);
  TRY_VOID(set_attributes(entry, snapshot::proc_path(parent, name)));
  if (::utimensat(parent, name, times_of(entry).data(), AT_SYMLINK_NOFOLLOW) != 0)
    return failed("can't set the times", entry);
  return {};
}

Result<void> Unpacker::finish_directory(const Entry& entry) {
  const os::Fd fd = TRY(open_beneath(root_.get(), entry.path, O_RDONLY | O_DIRECTORY));
  if (::fchown(fd.get(), entry.uid, entry.gid) != 0) return failed("can't set the owner", entry);
  if (::fchmod(fd.get(), entry.mode) != 0) return failed("can't set the mode", entry);
  if (!entry.xattrs.empty()) TRY_VOID(set_attributes(entry, snapshot::proc_path(fd.get(), ".")));
  const char* mark = options_.rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
  if (entry.opaque && ::fsetxattr(fd.get(), mark, "y", 1, 0) != 0)
    return failed("can't mark the directory as opaque", entry);
  if (::futimens(fd.get(), times_of(entry).data()) != 0) return failed("can't set the times", entry);
  return {};
}

std::string temporary_name(const std::string& target) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.tmp-{}-{}", target, ::getpid(), counter++);
}

Result<void> build(std::span<const Entry> changes, int blob, const std::string& directory,
                   const UnpackOptions& options) {
  if (options.early == nullptr && ::mkdir(directory.c_str(), 0755) != 0)
    return fail(system_error("can't make a directory", directory));
  os::Fd root = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  if (::fchmod(root.get(), 0755) != 0) return fail(system_error("can't set the mode", directory));
  return Unpacker(blob, std::move(root), options).run(changes);
}

}  // namespace

Result<void> unpack_layer(std::span<const Entry> changes, int blob, const std::string& target,
                          const UnpackOptions& options) {
  if (os::exists(target)) return {};
  std::string temporary = options.temporary.empty() ? temporary_name(target) : options.temporary;
  if (options.early != nullptr) temporary = options.early->directory();
  auto built = build(changes, blob, temporary, options);
  if (built && ::rename(temporary.c_str(), target.c_str()) == 0) return {};
  const int code = errno;
  const auto removed = os::remove_tree(temporary);  // a failure to clean up mustn't hide the first error
  static_cast<void>(removed);
  if (!built) return built;
  // An empty layer that exists is replaced by rename(); any other says one of these.
  if (code == ENOTEMPTY || code == EEXIST) return {};
  return fail(system_error("can't move the unpacked layer to its place", target, code));
}

Result<void> verify_blob(int blob, const oci::Digest& diff_id, const std::string& name) {
  std::vector<std::byte> buffer(kBufferSize);
  oci::Sha256 hash;
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(blob, buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("can't read a layer", name));
    if (got == 0) break;
    hash.update(std::span(buffer).first(static_cast<std::size_t>(got)));
    offset += got;
  }
  const oci::Digest digest = hash.finish();
  if (digest == diff_id) return {};
  return fail({.kind = ErrorKind::kCorrupt,
               .what = "a stored layer is damaged",
               .where = name,
               .why = fmt::format("its content is {}, it should be {}", digest.str(), diff_id.str()),
               .next = "pgstrata check-store --repair"});
}

}  // namespace pgstrata::layer
