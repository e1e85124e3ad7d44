#include "http.h"

namespace pg_entrypoint {
namespace {

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace

bool is_complete(std::string_view bytes) {
  return bytes.find("\r\n\r\n") != std::string_view::npos || bytes.find("\n\n") != std::string_view::npos;
}

std::optional<Request> parse_request(std::string_view bytes) {
  std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return std::nullopt;
  if (!line.substr(last + 1).starts_with("HTTP/1.")) return std::nullopt;
  Request request{std::string(line.substr(0, first)),
                  std::string(line.substr(first + 1, last - first - 1))};
  if (!request.path.starts_with('/')) return std::nullopt;
  if (const auto query = request.path.find('?'); query != std::string::npos) request.path.resize(query);
  return request;
}

std::string to_bytes(const Response& response, bool head) {
  std::string bytes =
      "HTTP/1.1 " + std::to_string(response.status) + " " + reason(response.status) + "\r\n";
  bytes += "Content-Type: " + response.content_type + "\r\n";
  bytes += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  bytes += "Cache-Control: no-store\r\nConnection: close\r\n";
  if (response.status == 405) bytes += "Allow: GET, HEAD\r\n";
  bytes += "\r\n";
  if (!head) bytes += response.body;
  return bytes;
}

}  // namespace pg_entrypoint
