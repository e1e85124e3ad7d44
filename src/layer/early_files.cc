#include "layer/early_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "layer/unpacked_file.h"
#include "os/file.h"

namespace pgstrata::layer {
namespace {

constexpr mode_t kOursAlone = 0700;

bool is_mark(const std::string& path) {
  return path.starts_with(".wh.") || path.find("/.wh.") != std::string::npos;
}

}  // namespace

EarlyFiles::~EarlyFiles() {
  // What is left of it is nobody's, and the next build clears tmp/.
  if (root_) static_cast<void>(os::remove_tree(directory_).has_value());
}

void EarlyFiles::check(const Result<void>& done) {
  if (done) return;
  usable_ = false;
  file_.reset();
  // Perhaps the disk is full: without this the layer may still fit.
  static_cast<void>(os::remove_tree(directory_).has_value());
}

void EarlyFiles::begin(const filetree::Entry& entry) {
  if (usable_ && !is_mark(entry.path)) check(open_file(entry));
}

void EarlyFiles::write(std::span<const std::byte> bytes) {
  if (file_) check(os::write_all(file_.get(), bytes, directory_));
}

void EarlyFiles::end() {
  if (file_) check(close_file());
}

Result<void> EarlyFiles::open_file(const filetree::Entry& entry) {
  if (!root_) {
    if (::mkdir(directory_.c_str(), kOursAlone) != 0)
      return fail(system_error("can't make a directory", directory_));
    root_ = TRY(os::open(directory_, O_RDONLY | O_DIRECTORY));
  }
  TRY_VOID(enter(std::string(filetree::parent_path(entry.path))));
  const std::string name(filetree::base_name(entry.path));
  if (const auto before = by_path_.find(entry.path); before != by_path_.end()) {
    by_offset_.erase(before->second);
    by_path_.erase(before);
    if (::unlinkat(parent_fd_.get(), name.c_str(), 0) != 0)
      return fail(system_error("can't replace a file", directory_));
  }
  file_ =
      TRY(os::open_at(parent_fd_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  entry_ = entry;
  return {};
}

Result<void> EarlyFiles::close_file() {
  TRY_VOID(finish_file(file_.get(), entry_, false));
  file_.reset();
  by_path_.emplace(entry_.path, entry_.tar_offset);
  by_offset_.emplace(entry_.tar_offset, std::move(entry_.path));
  return {};
}

Result<void> EarlyFiles::enter(const std::string& parent) {
  if (parent_fd_ && parent == parent_) return {};
  TRY_VOID(make(parent));
  parent_fd_ = TRY(open_beneath(root_.get(), parent, O_RDONLY | O_DIRECTORY));
  parent_ = parent;
  return {};
}

Result<void> EarlyFiles::make(const std::string& path) {
  if (path.empty() || made_.contains(path)) return {};
  const std::string parent(filetree::parent_path(path));
  TRY_VOID(make(parent));
  const os::Fd fd = TRY(open_beneath(root_.get(), parent, O_PATH | O_DIRECTORY));
  if (::mkdirat(fd.get(), std::string(filetree::base_name(path)).c_str(), kOursAlone) != 0)
    return fail(system_error("can't make a directory", directory_));
  made_.insert(path);
  return {};
}

std::optional<std::string> EarlyFiles::take(std::uint64_t tar_offset) {
  auto found = by_offset_.extract(tar_offset);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

}  // namespace pgstrata::layer
