#include "cli/run_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "cli/container_verbs.h"
#include "cli/stored_image.h"
#include "cli/watch.h"
#include "container/control.h"

namespace pgstrata::cli {
namespace {

/// Docker's exit code for whatever keeps a container from being started; what it was is told by then.
constexpr int kCannotRun = 125;

Result<oci::Digest> image_of(const std::string& root, const std::string& name) {
  const content::ContentStore store = TRY(content::ContentStore::open(root));
  return TRY(find_image(store, name)).id();
}

/// Stops the container that `watch` runs; one that is only just being started as soon as it is there.
Result<void> stop(Watch& watch, const std::string& root, const std::string& name) {
  while (!watch.has_ended()) {
    const auto one = container::find(root, name);
    if (one) return container::stop(*one, std::chrono::seconds(one->record.stop_timeout));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

/// Until `name` means another image than `running`: true. False after a signal, or if the container
/// couldn't be started. It may end by itself before that.
Result<bool> wait_for_another(Watch& watch, const std::string& root, const std::string& name,
                              const oci::Digest& running, int& code) {
  while (true) {
    const WatchEvent event = TRY(watch.next());
    if (std::holds_alternative<Interrupted>(event)) return false;
    if (const auto* ended = std::get_if<ChildEnded>(&event)) {
      code = ended->code;
      if (code == kCannotRun) return false;
      fmt::print(stderr, "the container ended with {}; it is started again when {} changes\n", code, name);
    }
    if (!std::holds_alternative<Changed>(event)) continue;
    // A name that is just being moved, or was taken away, is no reason to stop.
    const auto now = image_of(root, name);
    if (now && *now != running) return true;
  }
}

}  // namespace

Result<int> run_and_watch(
    const GlobalOptions& global, container::RunOptions options,
    const std::function<int(const GlobalOptions&, const container::RunOptions&)>& run) {
  const std::string root = TRY(absolute_root(global));
  if (options.name.empty()) options.name = fmt::format("watched-{}", ::getpid());
  options.auto_remove = true;  // the next one has its name
  Watch watch = TRY(Watch::open());
  TRY_VOID(watch.directories().add(root));
  int code = 0;
  while (true) {
    const oci::Digest image = TRY(image_of(root, options.image));
    TRY_VOID(watch.start([&] { return run(global, options); }));
    const bool another = TRY(wait_for_another(watch, root, options.image, image, code));
    if (another && watch.is_running()) TRY_VOID(stop(watch, root, options.name));
    if (watch.is_running()) code = TRY(watch.child_end());
    if (!another) return code;
  }
}

}  // namespace pgstrata::cli
