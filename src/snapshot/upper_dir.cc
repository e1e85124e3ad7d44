#include "snapshot/upper_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <utility>

#include "os/file.h"
#include "snapshot/xattrs.h"

namespace pgstrata::snapshot {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using filetree::Xattr;

constexpr std::int64_t kNanoseconds = 1'000'000'000;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

/// What read_xattrs() found, told apart.
struct Attributes {
  std::vector<Xattr> image;
  std::vector<Xattr> marks;  ///< overlay's own, without their prefix
};

class Scan {
 public:
  Scan(const filetree::FileTree& below, bool rootless, std::string root)
      : below_(below), prefix_(rootless ? "user.overlay." : "trusted.overlay."), root_(std::move(root)) {}

  Result<ChangeSet> run() {
    os::Fd fd = TRY(os::open(root_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail(system_error("can't read the upper directory", root_));
    Attributes attributes = TRY(attributes_of(proc_path(fd.get(), "."), ""));
    TRY_VOID(add_directory(std::move(fd), "", status, std::move(attributes), true));
    filetree::sort(changes_);
    link_names();
    return std::move(changes_);
  }

 private:
  Result<Attributes> attributes_of(const std::string& proc, const std::string& path) const {
    Attributes found;
    std::vector<Xattr> all = TRY(read_xattrs(proc, root_ + "/" + path));
    for (Xattr& xattr : all) {
      if (xattr.first.starts_with(prefix_))
        found.marks.emplace_back(xattr.first.substr(prefix_.size()), std::move(xattr.second));
      else if (belongs_to_image(xattr.first))
        found.image.push_back(std::move(xattr));
    }
    return found;
  }

  /// `below_visible`: the directory above is one that shows what the layers below have in it.
  Result<void> add_directory(os::Fd fd, const std::string& path, const struct stat& status,
                             Attributes attributes, bool below_visible);
  Result<void> add_children(os::Fd fd, const std::string& path, bool below_visible);
  Result<void> add_child(int parent, const char* name, const std::string& parent_path, bool below_visible);
  Result<void> add_whiteout(const std::string& path, bool below_visible);
  void link_names();

  const filetree::FileTree& below_;
  std::string_view prefix_;
  std::string root_;
  ChangeSet changes_;
  /// Files with several names: path → device and inode.
  std::map<std::string, std::pair<dev_t, ino_t>> inodes_;
};

Entry make_entry(const std::string& path, const struct stat& status) {
  Entry entry;
  entry.path = path;
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime_ns = filetree::to_nanoseconds(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  return entry;
}

Result<void> Scan::add_directory(os::Fd fd, const std::string& path, const struct stat& status,
                                 Attributes attributes, bool below_visible) {
  std::optional<Entry> lower;
  if (below_visible) lower = TRY(below_.lookup(path));
  const bool merges = lower && lower->type == EntryType::kDirectory;
  const Xattr opaque{"opaque", "y"};
  Entry entry = make_entry(path, status);
  entry.type = EntryType::kDirectory;
  entry.xattrs = std::move(attributes.image);
  if (merges && std::count(attributes.marks.begin(), attributes.marks.end(), opaque) > 0) {
    const std::vector<Entry> hidden = TRY(below_.list(path));
    entry.opaque = !hidden.empty();
  }
  entry.implied = merges && !entry.opaque && lower->mode == entry.mode && lower->uid == entry.uid &&
                  lower->gid == entry.gid && lower->xattrs == entry.xattrs;
  const bool shows_below = merges && !entry.opaque;
  changes_.push_back(std::move(entry));
  return add_children(std::move(fd), path, shows_below);
}

Result<void> Scan::add_children(os::Fd fd, const std::string& path, bool below_visible) {
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(fd.get()));
  if (!stream) return fail(system_error("can't list", root_ + "/" + path));
  const int directory = fd.release();  // owned by the stream now
  errno = 0;
  while (const dirent* found = ::readdir(stream.get())) {
    const std::string_view name = found->d_name;
    if (name != "." && name != "..") TRY_VOID(add_child(directory, found->d_name, path, below_visible));
    errno = 0;
  }
  if (errno != 0) return fail(system_error("can't list", root_ + "/" + path));
  return {};
}

Result<void> Scan::add_child(int parent, const char* name, const std::string& parent_path,
                             bool below_visible) {
  const std::string path = parent_path.empty() ? name : parent_path + "/" + name;
  struct stat status {};
  if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(system_error("can't read the attributes", root_ + "/" + path));
  if (S_ISSOCK(status.st_mode)) return {};
  if (S_ISCHR(status.st_mode) && status.st_rdev == 0) return add_whiteout(path, below_visible);
  Attributes attributes = TRY(attributes_of(proc_path(parent, name), path));
  if (S_ISDIR(status.st_mode)) {
    os::Fd fd = TRY(os::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return add_directory(std::move(fd), path, status, std::move(attributes), below_visible);
  }
  const auto is_whiteout = [](const Xattr& mark) { return mark.first == "whiteout"; };
  if (S_ISREG(status.st_mode) && status.st_size == 0 &&
      std::any_of(attributes.marks.begin(), attributes.marks.end(), is_whiteout))
    return add_whiteout(path, below_visible);

  Entry entry = make_entry(path, status);
  entry.xattrs = std::move(attributes.image);
  if (S_ISREG(status.st_mode)) {
    entry.size = static_cast<std::uint64_t>(status.st_size);
    if (status.st_nlink > 1) inodes_.emplace(path, std::pair(status.st_dev, status.st_ino));
  } else if (S_ISLNK(status.st_mode)) {
    entry.type = EntryType::kSymlink;
    entry.link.resize(static_cast<std::size_t>(status.st_size) + 1);
    const ssize_t size = ::readlinkat(parent, name, entry.link.data(), entry.link.size());
    if (size < 0) return fail(system_error("can't read the link", root_ + "/" + path));
    entry.link.resize(static_cast<std::size_t>(size));
  } else if (S_ISFIFO(status.st_mode)) {
    entry.type = EntryType::kFifo;
  } else {
    entry.type = S_ISCHR(status.st_mode) ? EntryType::kCharDevice : EntryType::kBlockDevice;
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  changes_.push_back(std::move(entry));
  return {};
}

Result<void> Scan::add_whiteout(const std::string& path, bool below_visible) {
  if (!below_visible) return {};
  const auto hidden = TRY(below_.lookup(path));
  if (!hidden) return {};
  Entry entry;
  entry.path = path;
  entry.type = EntryType::kWhiteout;
  changes_.push_back(std::move(entry));
  return {};
}

void Scan::link_names() {
  if (inodes_.empty()) return;
  std::map<std::pair<dev_t, ino_t>, std::string> first_name;
  for (Entry& entry : changes_) {
    const auto inode = inodes_.find(entry.path);
    if (inode == inodes_.end()) continue;
    const auto [first, is_new] = first_name.try_emplace(inode->second, entry.path);
    if (is_new) continue;
    entry.type = EntryType::kHardLink;
    entry.link = first->second;
    entry.size = 0;
  }
}

Result<Entry> root_of(const filetree::FileTree& below) {
  auto root = TRY(below.lookup(""));
  if (!root)
    return fail({.kind = ErrorKind::kCorrupt, .what = "a tree without a root", .where = below.name()});
  return std::move(*root);
}

Result<void> set_attributes(int fd, const Entry& root, const std::string& path) {
  if (::fchown(fd, root.uid, root.gid) != 0 || ::fchmod(fd, root.mode) != 0)
    return fail(system_error("can't set the attributes of the upper directory", path));
  for (const auto& [name, value] : root.xattrs)
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0)
      return fail(system_error("can't set the attribute " + name, path));
  return {};
}

}  // namespace

Result<void> restore_root(const std::string& path, const filetree::FileTree& below) {
  const Entry root = TRY(root_of(below));
  const os::Fd fd = TRY(os::open(path, O_RDONLY | O_DIRECTORY));
  const std::vector<Xattr> all = TRY(read_xattrs(proc_path(fd.get(), "."), path));
  for (const auto& [name, value] : all)
    if (name.find("overlay.") == std::string::npos && belongs_to_image(name) &&
        ::fremovexattr(fd.get(), name.c_str()) != 0)
      return fail(system_error("can't take away the attribute " + name, path));
  return set_attributes(fd.get(), root, path);
}

Result<void> make_upper(const std::string& path, const filetree::FileTree& below) {
  const Entry root = TRY(root_of(below));
  if (::mkdir(path.c_str(), 0700) != 0) return fail(system_error("can't make the upper directory", path));
  const os::Fd fd = TRY(os::open(path, O_RDONLY | O_DIRECTORY));
  TRY_VOID(set_attributes(fd.get(), root, path));
  timespec time{.tv_sec = root.mtime_ns / kNanoseconds, .tv_nsec = root.mtime_ns % kNanoseconds};
  if (time.tv_nsec < 0) {  // before 1970
    time.tv_nsec += kNanoseconds;
    --time.tv_sec;
  }
  const std::array<timespec, 2> times{time, time};
  if (::futimens(fd.get(), times.data()) != 0)
    return fail(system_error("can't set the times of the upper directory", path));
  return {};
}

Result<ChangeSet> scan_upper(const std::string& directory, const filetree::FileTree& below,
                             const ScanOptions& options) {
  return Scan(below, options.rootless, directory).run();
}

Result<void> drop_attributes(const std::string& directory, ChangeSet& changes) {
  for (Entry& entry : changes) {
    if (entry.implied || entry.type == EntryType::kHardLink) continue;
    const std::string path = directory + "/" + entry.path;
    for (const auto& [name, value] : entry.xattrs)
      if (!goes_into_layers(name) && ::lremovexattr(path.c_str(), name.c_str()) != 0)
        return fail(system_error("can't take away the attribute " + name, path));
    std::erase_if(entry.xattrs, [](const Xattr& xattr) { return !goes_into_layers(xattr.first); });
  }
  return {};
}

}  // namespace pgstrata::snapshot
