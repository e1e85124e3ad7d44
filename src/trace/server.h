// Server: the threads that answer the kernel's questions.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

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
///
/// That must hold for threads of this process as well. One that waits for an answer doesn't end when the
/// process is killed, and a process's table of descriptors lives as long as any of its threads: were the
/// connection in it, both would wait for each other for ever. So the server's threads have a table of their
/// own, and the connection is in no other.
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
  [[nodiscard]] Source& source() { return *source_; }
  [[nodiscard]] Nodes& nodes() { return nodes_; }
  /// Replaces the modification time of a node's attributes by the one to show.
  void show_mtime(NodeId node, struct stat& status) const;
  /// Makes the observations worthless. The first reason counts.
  void fail(Error error);

  /// The first failure, if there was one; settled after stop().
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  explicit Server(const RecordingSpec& spec)
      : acls_(spec.acls), thread_count_(spec.threads), shown_mtime_(spec.shown_mtime) {}
  /// The first thread: takes the two descriptors into its own table, starts the others, and serves with
  /// them. `started` gets the outcome of the beginning.
  void live(int connection, int source, std::promise<Result<void>> started);
  Result<void> open_session(int connection);
  void serve();
  void answer_all(const os::Fd& events);
  bool wait(const os::Fd& events) const;
  /// The last one to call it closes the connection.
  void leave();

  bool acls_;
  std::size_t thread_count_;
  decltype(RecordingSpec::shown_mtime) shown_mtime_;
  Nodes nodes_;
  std::optional<Source> source_;  ///< its descriptors are of the threads' table: there while they live
  fuse_session* session_ = nullptr;
  os::Fd stop_;  ///< an eventfd, readable from stop() on
  std::atomic<bool> recording_ = false;
  std::atomic<std::size_t> serving_ = 0;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  std::thread first_;
};

}  // namespace pgstrata::trace
