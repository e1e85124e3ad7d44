#include "snapshot/content.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "os/file.h"

namespace pgstrata::snapshot {
namespace {

using filetree::Content;
using filetree::Entry;

/// Keeps the directory of the last file open: sorted entries come in runs of the same parent, and a
/// look-up of one name costs a fraction of one of the whole path.
class Directory {
 public:
  Directory(os::Fd root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  Result<Content> open(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    const std::string parent(filetree::parent_path(entry.path));
    if (!parent_fd_ || parent != parent_) TRY_VOID(enter(parent));
    const std::string base(filetree::base_name(entry.path));
    os::Fd fd(::openat(parent_fd_.get(), base.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return fail(system_error("can't read a file of a layer", name_ + "/" + entry.path));
    return Content{.fd = std::move(fd), .offset = 0, .size = entry.size, .text = {}};
  }

 private:
  Result<void> enter(const std::string& parent) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const char* path = parent.empty() ? "." : parent.c_str();
    parent_fd_.reset(static_cast<int>(::syscall(SYS_openat2, root_.get(), path, &how, sizeof how)));
    if (!parent_fd_) return fail(system_error("can't open a directory of a layer", name_ + "/" + parent));
    parent_ = parent;
    return {};
  }

  os::Fd root_;
  std::string name_;
  std::mutex mutex_;
  std::string parent_;
  os::Fd parent_fd_;
};

}  // namespace

Result<ContentOpener> files_of_directory(const std::string& directory) {
  os::Fd root = TRY(os::open(directory, O_PATH | O_DIRECTORY));
  auto files = std::make_shared<Directory>(std::move(root), directory);
  return [files](const Entry& entry) { return files->open(entry); };
}

ContentOpener files_of_blob(os::Fd blob) {
  const auto shared = std::make_shared<os::Fd>(std::move(blob));
  return [shared](const Entry& entry) -> Result<Content> {
    os::Fd fd(::fcntl(shared->get(), F_DUPFD_CLOEXEC, 0));
    if (!fd) return fail(system_error("can't open a layer's tar once more", "/" + entry.path));
    return Content{.fd = std::move(fd), .offset = entry.tar_offset, .size = entry.size, .text = {}};
  };
}

}  // namespace pgstrata::snapshot
