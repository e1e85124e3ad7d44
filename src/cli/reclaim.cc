#include "cli/reclaim.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "cli/step_options.h"
#include "container/record.h"
#include "os/file.h"
#include "prune/prune.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

/// So little that another build or two may fill the disk.
bool is_nearly_full(const std::string& root) {
  constexpr std::uint64_t kLittle = std::uint64_t{2} << 30;
  struct statvfs disk {};
  return ::statvfs(root.c_str(), &disk) == 0 && std::uint64_t{disk.f_bavail} * disk.f_frsize < kLittle;
}

/// True once in ten minutes, and always on a disk that is nearly full. Its file's time is when it was true
/// last.
bool is_time(const std::string& root) {
  constexpr std::int64_t kPause = 600;
  const std::string path = root + "/prune.stamp";
  struct stat status {};
  const std::int64_t now = std::time(nullptr);
  const bool is_recent = ::stat(path.c_str(), &status) == 0 && now - status.st_mtim.tv_sec < kPause;
  if (is_recent && !is_nearly_full(root)) return false;
  return os::write_file(path, "").has_value() && ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0;
}

}  // namespace

Result<std::set<oci::Digest>> held_by_containers(const std::string& root) {
  std::set<oci::Digest> held;
  for (const container::Container& one : TRY(container::list(root)))
    held.insert(one.record.layers.begin(), one.record.layers.end());
  return held;
}

Result<std::uint64_t> storage_bound(const std::string& root) {
  const char* text = std::getenv("PGSTRATA_KEEP_STORAGE");
  if (text == nullptr || *text == '\0') return prune::usual_bound(root);
  if (std::string_view(text) == "off") return UINT64_MAX;
  return parse_size("PGSTRATA_KEEP_STORAGE", text);
}

Result<void> keep_bound(Store& store, const std::string& root, progress::Sink& sink) {
  if (!is_time(root)) return {};
  const std::uint64_t bound = TRY(storage_bound(root));
  if (bound == UINT64_MAX) return {};
  if (!TRY(store.lock->take_alone(/*wait=*/false))) return {};
  const std::set<oci::Digest> held = TRY(held_by_containers(root));
  const prune::Inventory inventory = TRY(prune::take_inventory(*store.layers, held, /*estimate=*/true));
  const auto items = prune::choose(inventory, held, {.keep_bytes = bound, .unused_since = {}});
  if (items.empty()) return {};
  // A plain user's layers have files of other ids.
  sink.suspend();
  TRY_VOID(sandbox::enter_namespaces());
  const std::uint64_t freed = TRY(prune::remove(*store.layers, items));
  sink.message(progress::Level::kInfo,
               fmt::format("the store has grown over {}: removed {} that was used least recently",
                           prune::size_text(bound), prune::size_text(freed)));
  return {};
}

}  // namespace pgstrata::cli
