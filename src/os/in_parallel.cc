#include "os/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace pgstrata::os {

Result<void> in_parallel(std::size_t count, std::size_t threads, const std::stop_token& stop,
                         const std::function<Result<void>(std::size_t, const std::stop_token&)>& task) {
  std::stop_source ours;
  const std::stop_callback outer(stop, [&ours] { ours.request_stop(); });
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first_error;
  const auto work = [&] {
    for (std::size_t turn = next++; turn < count && !ours.stop_requested(); turn = next++) {
      auto done = task(turn, ours.get_token());
      if (done) continue;
      const std::scoped_lock lock(mutex);
      if (!first_error) first_error = std::move(done).error();
      ours.request_stop();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < std::min(threads, count); ++i) workers.emplace_back(work);
  }
  if (first_error) return fail(std::move(*first_error));
  if (stop.stop_requested()) return fail({.kind = ErrorKind::kCancelled, .what = "it was stopped"});
  return {};
}

}  // namespace pgstrata::os
