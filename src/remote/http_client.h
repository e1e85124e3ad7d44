// HTTP requests: redirects, proxies, TLS by the machine's certificates (or SSL_CERT_FILE). Small on
// purpose: what the answers mean is for those who ask.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"
#include "remote/proxies.h"

namespace pgstrata::remote {

/// Bytes of an open file, from `offset` on; its position isn't used.
struct FilePart {
  int fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
using RequestBody = std::variant<std::monostate, std::string, FilePart>;

/// How the other end of a TLS connection is known, and how it knows us.
struct Tls {
  bool verify = true;       ///< false: any certificate is taken
  std::string authorities;  ///< certificates (PEM) that are trusted besides the machine's
  std::string certificate;  ///< the file (PEM) of our own, if the server asks for one; "": none
  std::string key;          ///< the file of its key
  bool operator==(const Tls&) const = default;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  RequestBody body;
  const Tls* tls = nullptr;  ///< for the URL's origin, and no other; borrowed. Null: the machine's
};

struct HttpLimits {
  std::chrono::seconds connect{30};         ///< until a connection is there
  std::chrono::seconds silence{300};        ///< between two pieces of an answer
  std::size_t header_bytes = 256UL * 1024;  ///< of one response, all lines together
};

struct HttpResponse {
  int status = 0;
  std::string url;  ///< of the last request, after redirects
  /// Names in lower case; the last one of a name, but all challenges (WWW-Authenticate) joined by ", ".
  std::map<std::string, std::string> headers;

  /// "" if there is no such header.
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// Called with pieces of the body of the final response, whatever its status, and with the response as it
/// is known by then: status and headers.
using BodySink = std::function<Result<void>(const HttpResponse&, std::span<const std::byte>)>;

/// One request at a time; connections are kept for the next one.
class HttpClient {
 public:
  static Result<HttpClient> make(Proxies proxies, HttpLimits limits = {});
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  /// Any status is a response. Up to ten redirects are followed (of a request that isn't GET or HEAD: only
  /// those that keep its method), and an Authorization header goes to the first origin (scheme, host and
  /// port) only. kUnreachable: no connection (the URL is in the message); kTls: the other end speaks no
  /// TLS, or isn't trusted, or doesn't trust us; kIo: it broke; kCorrupt: headers beyond the limit;
  /// kCancelled after `stop`; or the error of `body`.
  Result<HttpResponse> send(const HttpRequest& request, const BodySink& body,
                            const std::stop_token& stop = {});

 private:
  struct Handle;
  HttpClient(std::unique_ptr<Handle> handle, Proxies proxies, HttpLimits limits);
  Result<HttpResponse> send_once(const HttpRequest& request, const BodySink& body,
                                 const std::stop_token& stop);
  Result<void> set_tls(const Tls& tls, std::string& authorities);

  std::unique_ptr<Handle> handle_;
  Proxies proxies_;
  HttpLimits limits_;
};

/// "https://host:port" of a URL, lower case, a port that the scheme implies left out.
[[nodiscard]] std::string url_origin(std::string_view url);

/// "404 Not Found"
[[nodiscard]] std::string describe_status(int status);

}  // namespace pgstrata::remote
