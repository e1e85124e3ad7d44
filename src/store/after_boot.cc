#include "store/after_boot.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <climits>
#include <cstdio>

#include "os/file.h"

namespace pgstrata::store {
namespace {

/// "" if there is no such link.
std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
}

Result<void> replace_link(const std::string& path, const std::string& target) {
  static std::atomic<unsigned> counter = 0;
  const std::string temporary = fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter++);
  if (::symlink(target.c_str(), temporary.c_str()) != 0)
    return fail(system_error("can't make the link", path));
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  Error error = system_error("can't replace the link", path);
  ::unlink(temporary.c_str());
  return fail(std::move(error));
}

std::string synced(const std::string& root) { return root + "/synced"; }
std::string boot(const std::string& root) { return root + "/boot"; }

}  // namespace

void note_sync(const std::string& root, std::int64_t began) {
  static_cast<void>(replace_link(synced(root), fmt::to_string(began)).has_value());
}

bool is_first_after_boot(const std::string& root, const std::string& boot_id) {
  const std::string last = read_link(boot(root));
  return !last.empty() && last != boot_id;
}

Result<std::vector<std::string>> perhaps_torn(const std::string& root) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t began = 0;
  const std::string text = read_link(synced(root));
  std::from_chars(text.data(), text.data() + text.size(), began);
  std::vector<std::string> torn;
  for (const std::string& name : TRY(os::names_in(root + "/unpacked"))) {
    struct stat status {};
    if (::lstat((root + "/unpacked/" + name).c_str(), &status) != 0) continue;
    // The clock of a file system may be a tick behind.
    if (status.st_ctim.tv_sec >= began / kSecond - 1) torn.push_back(name);
  }
  return torn;
}

Result<void> note_boot(const std::string& root, const std::string& boot_id) {
  if (read_link(boot(root)) == boot_id) return {};
  return replace_link(boot(root), boot_id);
}

}  // namespace pgstrata::store
