#include "fsck/unpacked.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "os/file.h"

namespace pgstrata::fsck {
namespace {

using filetree::Entry;
using filetree::EntryType;

using Difference = std::optional<std::string>;

mode_t format_of(EntryType type) {
  switch (type) {
    case EntryType::kRegular:
    case EntryType::kHardLink:
      return S_IFREG;
    case EntryType::kDirectory:
      return S_IFDIR;
    case EntryType::kSymlink:
      return S_IFLNK;
    case EntryType::kBlockDevice:
      return S_IFBLK;
    case EntryType::kFifo:
      return S_IFIFO;
    case EntryType::kCharDevice:
    case EntryType::kWhiteout:
      break;
  }
  return S_IFCHR;
}

bool is_mark(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

class Comparison {
 public:
  Comparison(const std::string& directory, const filetree::ChangeSet& changes)
      : directory_(directory), changes_(changes), seen_(changes.size()) {}

  Result<Difference> run() {
    if (auto found = TRY(walk(""))) return found;
    for (std::size_t i = 0; i < changes_.size(); ++i)
      if (!seen_[i] && !changes_[i].path.empty()) return at(changes_[i].path, "it is missing");
    return Difference{};
  }

 private:
  static Difference at(const std::string& path, const std::string& why) {
    return fmt::format("/{}: {}", path, why);
  }

  Result<Difference> walk(const std::string& parent) {
    for (const std::string& name : TRY(os::names_in(directory_ + "/" + parent))) {
      const std::string path = parent.empty() ? name : parent + "/" + name;
      struct stat status {};
      if (::lstat((directory_ + "/" + path).c_str(), &status) != 0)
        return fail(system_error("can't read the attributes", directory_ + "/" + path));
      if (auto found = TRY(compare(path, status))) return found;
      if (!S_ISDIR(status.st_mode)) continue;
      if (auto found = TRY(walk(path))) return found;
    }
    return Difference{};
  }

  Result<Difference> compare(const std::string& path, const struct stat& status) {
    const auto is_before = [](const Entry& entry, const std::string& wanted) {
      return entry.path < wanted;
    };
    const auto entry = std::lower_bound(changes_.begin(), changes_.end(), path, is_before);
    const bool known = entry != changes_.end() && entry->path == path;
    if (!known && (is_mark(status) || S_ISSOCK(status.st_mode))) return Difference{};
    if (!known) return at(path, "the layer has no such file");
    seen_[static_cast<std::size_t>(entry - changes_.begin())] = true;
    if (entry->type == EntryType::kWhiteout) {
      const bool is_empty = S_ISREG(status.st_mode) && status.st_size == 0;
      return is_mark(status) || is_empty ? Difference{} : at(path, "it should be a whiteout");
    }
    if ((status.st_mode & S_IFMT) != format_of(entry->type)) return at(path, "it is of another type");
    if (entry->type == EntryType::kHardLink) return link(*entry, status);
    constexpr mode_t kPermissions = 07777;
    if (!S_ISLNK(status.st_mode) && (status.st_mode & kPermissions) != entry->mode)
      return at(path,
                fmt::format("its mode is {:o}, expected {:o}", status.st_mode & kPermissions, entry->mode));
    if (status.st_uid != entry->uid || status.st_gid != entry->gid)
      return at(path, fmt::format("its owner is {}:{}, expected {}:{}", status.st_uid, status.st_gid,
                                  entry->uid, entry->gid));
    return content(*entry, status);
  }

  [[nodiscard]] Result<Difference> link(const Entry& entry, const struct stat& status) const {
    struct stat target {};
    const bool same = ::lstat((directory_ + "/" + entry.link).c_str(), &target) == 0 &&
                      target.st_ino == status.st_ino && target.st_dev == status.st_dev;
    return same ? Difference{} : at(entry.path, "it is no link to /" + entry.link);
  }

  [[nodiscard]] Result<Difference> content(const Entry& entry, const struct stat& status) const {
    if (S_ISLNK(status.st_mode)) {
      char target[PATH_MAX];
      const ssize_t size = ::readlink((directory_ + "/" + entry.path).c_str(), target, sizeof target);
      if (size < 0) return fail(system_error("can't read the link", directory_ + "/" + entry.path));
      const bool same = std::string_view(target, static_cast<std::size_t>(size)) == entry.link;
      return same ? Difference{} : at(entry.path, "it leads elsewhere");
    }
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      const bool same =
          major(status.st_rdev) == entry.device_major && minor(status.st_rdev) == entry.device_minor;
      return same ? Difference{} : at(entry.path, "it is another device");
    }
    if (!S_ISREG(status.st_mode)) return Difference{};
    if (static_cast<std::uint64_t>(status.st_size) != entry.size)
      return at(entry.path, fmt::format("it has {} bytes, expected {}", status.st_size, entry.size));
    const bool same = TRY(digest_of(directory_ + "/" + entry.path)) == entry.content;
    return same ? Difference{} : at(entry.path, "it has other bytes");
  }

  static Result<oci::Digest> digest_of(const std::string& path) {
    const os::Fd fd = TRY(os::open(path, O_RDONLY | O_NOFOLLOW));
    std::vector<std::byte> buffer(256 << 10);
    oci::Sha256 hash;
    for (;;) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0) return fail(system_error("can't read", path));
      if (count == 0) return hash.finish();
      hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    }
  }

  const std::string& directory_;
  const filetree::ChangeSet& changes_;
  std::vector<bool> seen_;
};

}  // namespace

Result<Difference> first_difference(const std::string& directory, const filetree::ChangeSet& changes) {
  return Comparison(directory, changes).run();
}

}  // namespace pgstrata::fsck
