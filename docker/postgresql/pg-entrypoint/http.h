// HTTP/1.1 as far as probes and Prometheus need it (RFC 9112): one GET or HEAD per connection.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace pg_entrypoint {

struct Request {
  std::string method;
  std::string path;  // without a query
};

struct Response {
  int status = 200;
  std::string content_type;
  std::string body;
};

/// Requests of more bytes than this are refused with 431.
inline constexpr std::size_t kLongestRequest = 8192;

/// True once the empty line after the headers has come.
bool is_complete(std::string_view bytes);

/// The request line; nothing if that isn't HTTP/1.x.
std::optional<Request> parse_request(std::string_view bytes);

/// The whole answer, which says that the connection ends with it. `head`: without the body.
std::string to_bytes(const Response& response, bool head);

}  // namespace pg_entrypoint
