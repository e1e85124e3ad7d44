// HTTP with an engine over its unix socket: one request, one answer (HTTP/1.0, RFC 1945, so that the
// answer's body simply ends with the connection).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::exporter {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// One connection, for one request. Move-only.
class EngineSocket {
 public:
  /// kMachine if nobody listens at `path`.
  static Result<EngineSocket> connect(const std::string& path);

  /// Answers that take longer than this fail (kIo); without it they are waited for.
  Result<void> set_timeout(int seconds);
  /// Sends the head of a request; the body, if it has one, comes from send().
  Result<void> request(std::string_view method, std::string_view target, std::string_view content_type,
                       std::uint64_t content_length);
  Result<void> send(std::string_view bytes);
  Result<HttpAnswer> answer();

 private:
  EngineSocket(os::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  os::Fd fd_;
  std::string path_;
};

}  // namespace pgstrata::exporter
