#include "exporter/local_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "os/copy.h"
#include "os/file.h"

namespace pgstrata::exporter {
namespace {

using filetree::Entry;
using filetree::EntryType;

class LocalWriter {
 public:
  LocalWriter(const filetree::FileTree& tree, os::Fd root, std::string name,
              std::optional<std::int64_t> epoch)
      : tree_(tree), root_(std::move(root)), name_(std::move(name)), epoch_(epoch) {}

  Result<void> add(const Entry& entry) {
    TRY_VOID(enter(filetree::parent_path(entry.path)));
    const std::string base(filetree::base_name(entry.path));
    switch (entry.type) {
      case EntryType::kDirectory:
        return add_directory(entry, base);
      case EntryType::kRegular:
        return add_file(entry, base);
      case EntryType::kHardLink:
        return add_hard_link(entry, base);
      case EntryType::kSymlink:
        return add_symlink(entry, base);
      case EntryType::kWhiteout:
        return {};
      default:
        return add_node(entry, base);
    }
  }

  /// Modes and times of directories, which the files in them would have changed; deepest first.
  Result<void> finish() {
    for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
      const os::Fd fd = TRY(open_directory(root_.get(), (*entry)->path, O_RDONLY));
      TRY_VOID(set_metadata(fd.get(), **entry));
    }
    return {};
  }

  std::vector<std::string> take_messages() {
    if (devices_ > 0)
      messages_.push_back(fmt::format("{} device files were left out: only root can make them", devices_));
    if (attributes_ > 0)
      messages_.push_back(fmt::format(
          "{} extended attributes were left out: not allowed or not supported in {}", attributes_, name_));
    return std::move(messages_);
  }

 private:
  [[nodiscard]] std::string shown(const Entry& entry) const { return name_ + "/" + entry.path; }

  Result<os::Fd> open_directory(int at, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<decltype(how.flags)>(flags | O_DIRECTORY | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    os::Fd fd(
        static_cast<int>(::syscall(SYS_openat2, at, path.empty() ? "." : path.c_str(), &how, sizeof how)));
    if (!fd) return fail(system_error("can't open a directory of the output", name_ + "/" + path));
    return fd;
  }

  /// Files come in runs of the same directory.
  Result<void> enter(std::string_view parent) {
    if (parent_fd_ && parent == parent_) return {};
    parent_fd_ = TRY(open_directory(root_.get(), std::string(parent), O_PATH));
    parent_ = parent;
    return {};
  }

  Result<void> remove_directory(const std::string& base, const Entry& entry) {
    struct stat status {};
    if (::fstatat(parent_fd_.get(), base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
    if (!S_ISDIR(status.st_mode)) return {};
    auto removed = os::remove_tree(fmt::format("/proc/self/fd/{}/{}", parent_fd_.get(), base));
    if (!removed) removed.error().where = shown(entry);
    return removed;
  }

  Result<void> add_directory(const Entry& entry, const std::string& base) {
    const int at = parent_fd_.get();
    struct stat status {};
    const bool is_there = ::fstatat(at, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && !S_ISDIR(status.st_mode) && ::unlinkat(at, base.c_str(), 0) != 0)
      return fail(system_error("can't replace", shown(entry)));
    if (is_there && S_ISDIR(status.st_mode)) {
      // So that files can be put into it; finish() gives it the tree's mode.
      if ((status.st_mode & S_IRWXU) != S_IRWXU) static_cast<void>(::fchmodat(at, base.c_str(), 0700, 0));
    } else if (::mkdirat(at, base.c_str(), 0700) != 0) {
      return fail(system_error("can't create the directory", shown(entry)));
    }
    directories_.push_back(&entry);
    return {};
  }

  Result<void> add_file(const Entry& entry, const std::string& base) {
    const std::string temporary = temporary_name();
    os::Fd fd =
        TRY(os::open_at(parent_fd_.get(), temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    auto written = fill(entry, fd.get());
    if (written) written = publish(entry, temporary, base);
    if (!written) ::unlinkat(parent_fd_.get(), temporary.c_str(), 0);
    return written;
  }

  Result<void> fill(const Entry& entry, int fd) {
    const filetree::Content content = TRY(tree_.open(entry));
    if (content.fd)
      TRY_VOID(os::copy_range(content.fd.get(), content.offset, content.size, fd, shown(entry)));
    else
      TRY_VOID(os::write_all(fd, content.text, shown(entry)));
    return set_metadata(fd, entry);
  }

  Result<void> add_hard_link(const Entry& entry, const std::string& base) {
    const os::Fd target =
        TRY(open_directory(root_.get(), std::string(filetree::parent_path(entry.link)), O_PATH));
    const std::string target_base(filetree::base_name(entry.link));
    const std::string temporary = temporary_name();
    if (::linkat(target.get(), target_base.c_str(), parent_fd_.get(), temporary.c_str(), 0) != 0)
      return fail(system_error("can't link", shown(entry)));
    return publish(entry, temporary, base);
  }

  Result<void> add_symlink(const Entry& entry, const std::string& base) {
    const std::string temporary = temporary_name();
    if (::symlinkat(entry.link.c_str(), parent_fd_.get(), temporary.c_str()) != 0)
      return fail(system_error("can't create the link", shown(entry)));
    TRY_VOID(set_times(parent_fd_.get(), temporary, entry));
    return publish(entry, temporary, base);
  }

  Result<void> add_node(const Entry& entry, const std::string& base) {
    const mode_t type = entry.type == EntryType::kFifo         ? S_IFIFO
                        : entry.type == EntryType::kCharDevice ? S_IFCHR
                                                               : S_IFBLK;
    const std::string temporary = temporary_name();
    const dev_t device = makedev(entry.device_major, entry.device_minor);
    if (::mknodat(parent_fd_.get(), temporary.c_str(), type | 0600, device) != 0) {
      if (errno != EPERM) return fail(system_error("can't create the device file", shown(entry)));
      ++devices_;
      return {};
    }
    if (::fchmodat(parent_fd_.get(), temporary.c_str(), entry.mode, 0) != 0)
      return fail(system_error("can't set the mode of", shown(entry)));
    TRY_VOID(set_times(parent_fd_.get(), temporary, entry));
    return publish(entry, temporary, base);
  }

  Result<void> publish(const Entry& entry, const std::string& temporary, const std::string& base) {
    const int at = parent_fd_.get();
    if (::renameat(at, temporary.c_str(), at, base.c_str()) != 0) {
      if (errno != EISDIR && errno != EEXIST && errno != ENOTEMPTY)
        return fail(system_error("can't replace", shown(entry)));
      TRY_VOID(remove_directory(base, entry));
      if (::renameat(at, temporary.c_str(), at, base.c_str()) != 0)
        return fail(system_error("can't replace", shown(entry)));
    }
    // Two names of one file: rename does nothing then, and leaves the temporary name.
    if (entry.type == EntryType::kHardLink) ::unlinkat(at, temporary.c_str(), 0);
    return {};
  }

  /// Attributes before the mode, and the mode before the times.
  Result<void> set_metadata(int fd, const Entry& entry) {
    for (const auto& [name, value] : entry.xattrs) {
      if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
      if (errno != EPERM && errno != EOPNOTSUPP && errno != EACCES && errno != EINVAL)
        return fail(system_error("can't set the attribute " + name + " of", shown(entry)));
      ++attributes_;
    }
    if (::fchmod(fd, entry.mode) != 0) return fail(system_error("can't set the mode of", shown(entry)));
    const auto times = times_of(entry);
    if (::futimens(fd, times.data()) != 0) return fail(system_error("can't set the time of", shown(entry)));
    return {};
  }

  Result<void> set_times(int at, const std::string& name, const Entry& entry) {
    const auto times = times_of(entry);
    if (::utimensat(at, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
      return fail(system_error("can't set the time of", shown(entry)));
    return {};
  }

  [[nodiscard]] std::array<timespec, 2> times_of(const Entry& entry) const {
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t mtime = entry.mtime_ns;
    if (epoch_) mtime = std::min(mtime, *epoch_ * kSecond);
    const std::int64_t rest = ((mtime % kSecond) + kSecond) % kSecond;
    const timespec time{.tv_sec = (mtime - rest) / kSecond, .tv_nsec = rest};
    return {time, time};
  }

  std::string temporary_name() { return fmt::format(".pgstrata.{}.{}.tmp", ::getpid(), ++counter_); }

  const filetree::FileTree& tree_;
  os::Fd root_;
  std::string name_;
  std::optional<std::int64_t> epoch_;
  std::string parent_;
  os::Fd parent_fd_;
  std::vector<const Entry*> directories_;
  unsigned counter_ = 0;
  std::size_t devices_ = 0;
  std::size_t attributes_ = 0;
  std::vector<std::string> messages_;
};

}  // namespace

Result<std::vector<std::string>> write_local(const filetree::FileTree& tree, const std::string& directory,
                                             std::optional<std::int64_t> source_date_epoch) {
  TRY_VOID(os::make_directories(directory));
  os::Fd root = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  const filetree::ChangeSet entries = TRY(tree.walk(""));
  LocalWriter writer(tree, std::move(root), directory, source_date_epoch);
  for (const Entry& entry : entries)
    if (!entry.path.empty()) TRY_VOID(writer.add(entry));
  TRY_VOID(writer.finish());
  return writer.take_messages();
}

}  // namespace pgstrata::exporter
