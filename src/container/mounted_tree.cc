#include "container/mounted_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "os/file.h"

namespace pgstrata::container {
namespace {

using filetree::Entry;
using filetree::EntryType;

EntryType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryType::kDirectory;
    case S_IFLNK:
      return EntryType::kSymlink;
    case S_IFCHR:
      return EntryType::kCharDevice;
    case S_IFBLK:
      return EntryType::kBlockDevice;
    // A socket has no type of its own in layers; like a FIFO it is nothing that could be read.
    case S_IFIFO:
    case S_IFSOCK:
      return EntryType::kFifo;
    default:
      return EntryType::kRegular;
  }
}

Entry entry_from(std::string_view path, const struct stat& status) {
  Entry entry;
  entry.path = path;
  entry.type = type_of(status.st_mode);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime_ns = filetree::to_nanoseconds(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  entry.device_major = major(status.st_rdev);
  entry.device_minor = minor(status.st_rdev);
  if (entry.type == EntryType::kRegular) entry.size = static_cast<std::uint64_t>(status.st_size);
  return entry;
}

Result<oci::Digest> hash(const std::string& path) {
  const os::Fd file = TRY(os::open(path, O_RDONLY | O_NOFOLLOW));
  oci::Sha256 digest;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0) return fail(system_error("can't read", path));
    if (count == 0) return digest.finish();
    digest.update(std::string_view(piece.data(), static_cast<std::size_t>(count)));
  }
}

}  // namespace

std::string MountedTree::host_path(std::string_view path) const {
  return path.empty() ? root_ : root_ + "/" + std::string(path);
}

Result<std::optional<Entry>> MountedTree::lookup(std::string_view path) const {
  const std::string host = host_path(path);
  struct stat status {};
  if (::lstat(host.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail(system_error("can't look at", host));
  }
  Entry entry = entry_from(path, status);
  if (entry.type == EntryType::kSymlink) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink(host.c_str(), target.data(), target.size());
    if (size < 0) return fail(system_error("can't read the link", host));
    entry.link.assign(target.data(), static_cast<std::size_t>(size));
  }
  return entry;
}

Result<std::vector<Entry>> MountedTree::list(std::string_view directory) const {
  const std::string host = host_path(directory);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(host.c_str()), ::closedir);
  if (!stream) return fail(system_error("can't list", host));
  std::vector<Entry> children;
  while (const dirent* item = ::readdir(stream.get())) {
    const std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    const std::string path =
        directory.empty() ? std::string(name) : std::string(directory) + "/" + std::string(name);
    if (auto entry = TRY(lookup(path))) children.push_back(std::move(*entry));
  }
  std::ranges::sort(children, {}, &Entry::path);
  return children;
}

Result<void> MountedTree::walk_into(const Entry& entry, filetree::ChangeSet& found) const {
  found.push_back(entry);
  if (entry.type == EntryType::kRegular) found.back().content = TRY(hash(host_path(entry.path)));
  if (entry.type != EntryType::kDirectory) return {};
  for (const Entry& child : TRY(list(entry.path))) TRY_VOID(walk_into(child, found));
  return {};
}

Result<filetree::ChangeSet> MountedTree::walk(std::string_view path) const {
  filetree::ChangeSet found;
  if (const auto top = TRY(lookup(path))) TRY_VOID(walk_into(*top, found));
  filetree::sort(found);
  return found;
}

Result<filetree::Content> MountedTree::open(const Entry& entry) const {
  return filetree::Content{.fd = TRY(os::open(host_path(entry.path), O_RDONLY | O_NOFOLLOW)),
                           .offset = 0,
                           .size = entry.size,
                           .text = {}};
}

}  // namespace pgstrata::container
