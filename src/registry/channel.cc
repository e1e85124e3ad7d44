#include "registry/channel.h"

#include <fmt/format.h>

namespace pgstrata::registry {
namespace {

bool has_port(std::string_view domain) {
  const std::size_t colon = domain.rfind(':');
  return colon != std::string_view::npos && domain.find(']', colon) == std::string_view::npos;
}

}  // namespace

Channel::Channel(Endpoint endpoint, Transport& transport)
    : endpoint_(std::move(endpoint)),
      secure_(base_url(endpoint_.domain, "https")),
      clear_(base_url(endpoint_.domain, "http")),
      transport_(transport),
      is_settled_(!endpoint_.may_be_http) {}

bool Channel::leads_to(std::string_view url) const {
  return remote::url_origin(url) == remote::url_origin(base());
}

Result<remote::HttpResponse> Channel::send(remote::HttpRequest request, const remote::BodySink& body,
                                           const std::stop_token& stop) {
  if (request.url.starts_with('/') && !is_settled_) {
    const std::scoped_lock lock(settling_);
    if (!is_settled_) return send_first(request, body, stop);
  }
  return send_to(base(), std::move(request), body, stop);
}

/// With settling_ held.
Result<remote::HttpResponse> Channel::send_first(const remote::HttpRequest& request,
                                                 const remote::BodySink& body,
                                                 const std::stop_token& stop) {
  constexpr int kBadRequest = 400;
  bool is_answered = false;
  const remote::BodySink noting = [&](const remote::HttpResponse& response,
                                      std::span<const std::byte> bytes) {
    is_answered = true;
    return body(response, bytes);
  };
  auto secure = send_to(secure_, request, noting, stop);
  is_settled_ = secure.has_value() || is_answered;
  if (is_settled_) return secure;
  const ErrorKind kind = secure.error().kind;
  // Without a port HTTP has another one than HTTPS.
  const bool is_worth_it = kind == ErrorKind::kTls || kind == ErrorKind::kIo ||
                           (kind == ErrorKind::kUnreachable && !has_port(endpoint_.domain));
  if (!is_worth_it) return secure;
  auto clear = send_to(clear_, request, body, stop);
  // A server that does speak TLS says so to who comes by HTTP.
  if (clear && clear->status == kBadRequest) return secure;
  if (!clear && kind != ErrorKind::kTls && clear.error().kind != ErrorKind::kCancelled) return secure;
  is_clear_ = is_settled_ = clear.has_value();
  return clear;
}

Result<remote::HttpResponse> Channel::send_to(const std::string& base, remote::HttpRequest request,
                                              const remote::BodySink& body, const std::stop_token& stop) {
  if (request.url.starts_with('/')) request.url = base + request.url;
  if (remote::url_origin(request.url) == remote::url_origin(secure_)) request.tls = &endpoint_.tls;
  auto response = transport_.send(request, body, stop);
  if (!response && response.error().kind == ErrorKind::kTls && request.tls != nullptr)
    response.error().next = fmt::format(
        "put the certificate of who signed the registry's into /etc/containers/certs.d/{}/ca.crt, or call "
        "it insecure in registries.conf",
        endpoint_.domain);
  return response;
}

}  // namespace pgstrata::registry
