// A connection to PostgreSQL over its Unix socket that waits for each answer: for commands, never for PID
// 1's event loop (which has probe.h).
#pragma once
#include <string>

#include "wire.h"

namespace pg_entrypoint {

class Session {
 public:
  /// Logs in. Throws std::runtime_error with the reason, and with what to do, if the server isn't there or
  /// doesn't let `user` in.
  Session(const std::string& socket_path, const std::string& user, const std::string& database);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// One statement: kRows with its first row, or kRefused with the server's error. Throws
  /// std::runtime_error if the server goes away or doesn't answer within kPatience.
  Reply ask(const std::string& sql);

  static constexpr int kPatience = 60;  // seconds

 private:
  void send_bytes(const std::string& bytes);
  Reply receive(Reply (*read)(std::string_view));

  int fd_ = -1;
};

}  // namespace pg_entrypoint
