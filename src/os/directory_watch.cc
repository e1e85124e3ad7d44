#include "os/directory_watch.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace pgstrata::os {
namespace {

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                   IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW;

std::vector<std::string> directories_in(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    std::error_code unknown;
    if (entry.symlink_status(unknown).type() == std::filesystem::file_type::directory)
      found.push_back(entry.path().string());
  }
  return found;
}

std::string below(const std::string& directory, const char* name) {
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

}  // namespace

Result<DirectoryWatch> DirectoryWatch::open() {
  Fd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify) return DirectoryWatch(std::move(inotify));
  Error error = system_error("can't watch directories", "");
  error.kind = ErrorKind::kMachine;
  error.next = "sudo sysctl fs.inotify.max_user_instances=1024";
  return fail(std::move(error));
}

Result<bool> DirectoryWatch::watch(Directory directory) {
  const int descriptor = ::inotify_add_watch(inotify_.get(), directory.path.c_str(), kChanges);
  if (descriptor >= 0) {
    directories_[descriptor] = std::move(directory);
    return true;
  }
  if (errno == ENOENT || errno == EACCES || errno == ENOTDIR) return false;
  Error error = system_error("can't watch a directory", directory.path);
  error.kind = ErrorKind::kMachine;
  if (errno == ENOSPC) error.next = "sudo sysctl fs.inotify.max_user_watches=1048576";
  return fail(std::move(error));
}

Result<void> DirectoryWatch::add(const std::string& directory) {
  TRY(watch({.path = directory, .with_all_below = false}));
  return {};
}

Result<void> DirectoryWatch::add_tree(const std::string& directory) {
  std::vector<std::string> waiting{directory};
  while (!waiting.empty()) {
    const std::string next = std::move(waiting.back());
    waiting.pop_back();
    // First watched, then read: what comes between the two is seen twice rather than never.
    if (!TRY(watch({.path = next, .with_all_below = true}))) continue;
    for (std::string& child : directories_in(next)) waiting.push_back(std::move(child));
  }
  return {};
}

Result<std::vector<std::string>> DirectoryWatch::take() {
  std::vector<std::string> changed;
  alignas(inotify_event) std::array<char, 64 * 1024> buffer{};
  while (true) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return changed;
    if (size <= 0) return fail(system_error("can't read what changed in directories", ""));
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, &buffer.at(at), sizeof event);
      const char* const name = event.len > 0 ? &buffer.at(at + sizeof event) : "";
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) changed.emplace_back();
      const auto directory = directories_.find(event.wd);
      if (directory == directories_.end()) continue;
      if ((event.mask & IN_IGNORED) != 0) {  // it is gone
        directories_.erase(directory);
        continue;
      }
      const bool all_below = directory->second.with_all_below;
      std::string path = *name == '\0' ? directory->second.path : below(directory->second.path, name);
      const bool came = (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
      if (came && all_below && (event.mask & IN_ISDIR) != 0) TRY_VOID(add_tree(path));
      changed.push_back(std::move(path));
    }
  }
}

}  // namespace pgstrata::os
