// HTTP requests: redirects, proxies, TLS by the machine's certificates (or SSL_CERT_FILE). Small on
// purpose: what the answers mean is for those who ask.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "remote/proxies.h"

namespace pgstrata::remote {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpResponse {
  int status = 0;
  std::string url;                             ///< of the last request, after redirects
  std::map<std::string, std::string> headers;  ///< names in lower case; the last one of a name

  /// "" if there is no such header.
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// Called with pieces of the body of the final response, whatever its status.
using BodySink = std::function<Result<void>(std::span<const std::byte>)>;

/// One request at a time; connections are kept for the next one.
class HttpClient {
 public:
  static Result<HttpClient> make(Proxies proxies);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  /// Any status is a response. Up to ten redirects are followed, and an Authorization header goes to the
  /// first host only. kIo: nobody answers (the URL is in the message); kCancelled after `stop`; or
  /// the error of `body`.
  Result<HttpResponse> send(const HttpRequest& request, const BodySink& body,
                            const std::stop_token& stop = {});

 private:
  struct Handle;
  HttpClient(std::unique_ptr<Handle> handle, Proxies proxies);
  Result<HttpResponse> send_once(const HttpRequest& request, const BodySink& body,
                                 const std::stop_token& stop);

  std::unique_ptr<Handle> handle_;
  Proxies proxies_;
};

/// "404 Not Found"
[[nodiscard]] std::string describe_status(int status);

}  // namespace pgstrata::remote
