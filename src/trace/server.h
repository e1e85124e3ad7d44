// Server: the threads that answer the kernel's questions.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "os/fd.h"
#include "trace/nodes.h"
#include "trace/recording_lower.h"
#include "trace/source.h"

struct fuse_session;

namespace pgstrata::trace {

/// Nobody is ever left waiting for an answer: when the last thread leaves, for whatever reason, it closes
/// the connection, and who still asks gets ENOTCONN from the kernel.
class Server {
 public:
  /// `connection`: an open, mounted /dev/fuse.
  static Result<std::unique_ptr<Server>> start(os::Fd connection, os::Fd source, const RecordingSpec& spec);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { stop(); }

  /// Ends the threads, whatever they wait for.
  void stop();

  /// Questions before begin() and after end() are our own.
  void begin() { recording_ = true; }
  void end() { recording_ = false; }
  [[nodiscard]] bool recording() const { return recording_; }

  // What follows is for those who answer (requests.h), from any of the threads.
  [[nodiscard]] bool acls() const { return acls_; }
  [[nodiscard]] Source& source() { return source_; }
  [[nodiscard]] Nodes& nodes() { return nodes_; }
  /// Replaces the modification time of a node's attributes by the one to show.
  void show_mtime(NodeId node, struct stat& status) const;
  /// Makes the observations worthless. The first reason counts.
  void fail(Error error);

  /// The first failure, if there was one; settled after stop().
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  Server(os::Fd source, const RecordingSpec& spec)
      : acls_(spec.acls), shown_mtime_(spec.shown_mtime), source_(std::move(source), nodes_) {}
  void serve();
  void answer_all(const os::Fd& events);
  bool wait(const os::Fd& events) const;
  /// The last one to call it closes the connection.
  void leave();

  bool acls_;
  decltype(RecordingSpec::shown_mtime) shown_mtime_;
  Nodes nodes_;
  Source source_;
  fuse_session* session_ = nullptr;
  os::Fd stop_;  ///< an eventfd, readable from stop() on
  std::atomic<bool> recording_ = false;
  std::atomic<std::size_t> serving_ = 0;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  std::vector<std::jthread> threads_;
};

}  // namespace pgstrata::trace
