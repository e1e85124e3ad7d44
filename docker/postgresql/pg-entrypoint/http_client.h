// One GET whose answer is awaited in the event loop: how PID 1 asks Patroni for its state, and how
// `pg-entrypoint healthcheck` asks PID 1.
#pragma once
#include <optional>
#include <string>

#include "signals.h"

namespace pg_entrypoint {

struct HttpAnswer {
  int status = 0;  // 0: there was none
  std::string body;
};

/// The status and body of a complete answer.
HttpAnswer parse_answer(const std::string& bytes);

/// The text of `name` in a flat JSON object, without escapes; nothing if it isn't there. Enough for the few
/// fields of programs that this image starts itself.
std::optional<std::string> json_text(const std::string& json, const std::string& name);
std::optional<long long> json_number(const std::string& json, const std::string& name,
                                     std::size_t from = 0);

class HttpClient {
 public:
  /// `address` is HOST:PORT of an IP address, or the path of a Unix socket.
  explicit HttpClient(std::string address) : address_(std::move(address)) {}
  ~HttpClient() { close_socket(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Begins a request unless one is under way.
  void begin(const std::string& path, Clock::time_point now, std::chrono::milliseconds patience);
  bool busy() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  short events() const { return events_; }
  Clock::time_point deadline() const { return deadline_; }
  /// True once there is an answer, or none will come.
  bool advance(Clock::time_point now);
  const HttpAnswer& result() const { return result_; }

 private:
  bool connect_socket();
  void close_socket();

  std::string address_;
  int fd_ = -1;
  short events_ = 0;
  bool sent_ = false;
  bool failed_ = false;
  std::string request_, received_;
  Clock::time_point deadline_{};
  HttpAnswer result_;
};

}  // namespace pg_entrypoint
