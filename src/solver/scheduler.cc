#include "solver/scheduler.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace pgstrata::solver {
namespace {

using graph::VertexId;

std::vector<VertexId> dependencies(const graph::Vertex& vertex) {
  std::vector<VertexId> ids = graph::inputs(vertex.op);
  if (vertex.parent) ids.push_back(*vertex.parent);
  return ids;
}

tl::unexpected<Error> cancelled() {
  return fail({.kind = ErrorKind::kCancelled, .what = "the build was stopped"});
}

/// Everything that needs no sandbox, in order. Vertices above one that has to run stay open.
Result<void> solve_inline(const graph::BuildGraph& graph, Executor& executor, Executor::Results& results,
                          const std::stop_token& stop) {
  for (VertexId id = 0; id < graph.vertices.size(); ++id) {
    if (stop.stop_requested()) return cancelled();
    bool ready = true;
    for (const VertexId needed : dependencies(graph.vertices[id])) ready &= results[needed].has_value();
    if (!ready) continue;
    results[id] = TRY(executor.reuse(id, results));
    if (!results[id] && !executor.needs_sandbox(id)) results[id] = TRY(executor.run(id, results, stop));
  }
  return {};
}

/// The rest, by several threads. Results are written under the lock and read only by vertices that
/// become ready after it.
class Pool {
 public:
  Pool(const graph::BuildGraph& graph, Executor& executor, Executor::Results& results)
      : executor_(executor), results_(results), waiting_for_(graph.vertices.size()) {
    users_.resize(graph.vertices.size());
    for (VertexId id = 0; id < graph.vertices.size(); ++id) {
      if (results_[id]) continue;
      ++open_;
      for (const VertexId needed : dependencies(graph.vertices[id])) {
        if (results_[needed]) continue;
        ++waiting_for_[id];
        users_[needed].push_back(id);
      }
      if (waiting_for_[id] == 0) ready_.push_back(id);
    }
  }

  Result<void> run(unsigned parallelism, const std::stop_token& stop) {
    const std::stop_callback forward(stop, [this] {
      stop_.request_stop();
      const std::scoped_lock lock(mutex_);
      changed_.notify_all();
    });
    {
      std::vector<std::jthread> threads;
      const unsigned count = static_cast<unsigned>(std::min<size_t>(parallelism, open_));
      for (unsigned i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    }
    if (error_) return fail(std::move(*error_));
    if (stop.stop_requested()) return cancelled();
    return {};
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return !ready_.empty() || open_ == 0 || stop_.stop_requested(); });
      if (open_ == 0 || stop_.stop_requested()) return;
      const VertexId id = ready_.front();
      ready_.erase(ready_.begin());
      lock.unlock();
      auto result = solve(id);
      lock.lock();
      finish(id, std::move(result));
    }
  }

  Result<VertexResult> solve(VertexId id) {
    auto reused = TRY(executor_.reuse(id, results_));
    if (reused) return std::move(*reused);
    return executor_.run(id, results_, stop_.get_token());
  }

  void finish(VertexId id, Result<VertexResult> result) {
    if (!result) {
      // What the failure cancelled fails too; the cause is what counts.
      if (!error_ || error_->kind == ErrorKind::kCancelled) error_ = std::move(result).error();
      stop_.request_stop();
    } else {
      results_[id] = std::move(*result);
      --open_;
      for (const VertexId user : users_[id])
        if (--waiting_for_[user] == 0) ready_.push_back(user);
    }
    changed_.notify_all();
  }

  Executor& executor_;
  Executor::Results& results_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<VertexId> ready_;
  std::vector<size_t> waiting_for_;
  std::vector<std::vector<VertexId>> users_;
  size_t open_ = 0;
  std::optional<Error> error_;
  std::stop_source stop_;
};

}  // namespace

Result<std::vector<VertexResult>> schedule(const graph::BuildGraph& graph, Executor& executor,
                                           unsigned parallelism, std::stop_token stop) {
  Executor::Results results(graph.vertices.size());
  TRY_VOID(solve_inline(graph, executor, results, stop));
  const bool complete =
      std::all_of(results.begin(), results.end(), [](const auto& r) { return r.has_value(); });
  if (!complete) {
    TRY_VOID(executor.enter_sandbox());
    TRY_VOID(Pool(graph, executor, results).run(parallelism, stop));
  }
  std::vector<VertexResult> all;
  all.reserve(results.size());
  for (auto& result : results) all.push_back(std::move(*result));
  return all;
}

}  // namespace pgstrata::solver
