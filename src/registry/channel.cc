#include "registry/channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace pgstrata::registry {
namespace {

/// What a server that speaks TLS says to who comes by HTTP, if it says anything.
constexpr int kBadRequest = 400;
constexpr std::size_t kLongestRefusal = 16UL * 1024;

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
    if (!is_settled_)
      return endpoint_.http_first ? send_first_in_clear(request, body, stop)
                                  : send_first(request, body, stop);
  }
  return send_to(base(), std::move(request), body, stop);
}

/// With settling_ held.
Result<remote::HttpResponse> Channel::send_first(const remote::HttpRequest& request,
                                                 const remote::BodySink& body,
                                                 const std::stop_token& stop) {
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
  if (clear && clear->status == kBadRequest) return secure;
  if (!clear && kind != ErrorKind::kTls && clear.error().kind != ErrorKind::kCancelled) return secure;
  is_clear_ = clear.has_value();
  is_settled_ = clear.has_value();
  return clear;
}

/// With settling_ held.
Result<remote::HttpResponse> Channel::send_first_in_clear(const remote::HttpRequest& request,
                                                          const remote::BodySink& body,
                                                          const std::stop_token& stop) {
  bool is_answered = false;
  std::string refusal;
  const remote::BodySink holding = [&](const remote::HttpResponse& response,
                                       std::span<const std::byte> bytes) -> Result<void> {
    is_answered = response.status != kBadRequest;
    if (is_answered) return body(response, bytes);
    const std::size_t room = std::min(bytes.size(), kLongestRefusal - refusal.size());
    refusal.append(reinterpret_cast<const char*>(bytes.data()), room);
    return {};
  };
  auto clear = send_to(clear_, request, holding, stop);
  is_answered |= clear && clear->status != kBadRequest;
  // Without a port HTTPS has another one than HTTP.
  const bool is_worth_it = clear || clear.error().kind == ErrorKind::kIo ||
                           (clear.error().kind == ErrorKind::kUnreachable && !has_port(endpoint_.domain));
  if (!is_answered && is_worth_it) {
    bool is_secure = false;
    const remote::BodySink noting = [&](const remote::HttpResponse& response,
                                        std::span<const std::byte> bytes) {
      is_secure = true;
      return body(response, bytes);
    };
    auto secure = send_to(secure_, request, noting, stop);
    if (secure || is_secure) {
      is_settled_ = true;
      return secure;
    }
    // So it was an answer of the registry's.
    if (clear && !refusal.empty()) TRY_VOID(body(*clear, std::as_bytes(std::span(refusal))));
  }
  // Before is_settled_, which others read without the lock.
  is_clear_ = clear || is_answered;
  is_settled_ = clear || is_answered;
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
