// The way to one registry: by which scheme, and with which certificates. Both are for it and nobody else:
// what it redirects to, and a token server elsewhere, is spoken to as everybody is.
#pragma once

#include <atomic>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/result.h"
#include "registry/endpoint.h"
#include "registry/transport.h"

namespace pgstrata::registry {

/// Calls may come from several threads. `transport` is borrowed.
class Channel {
 public:
  Channel(Endpoint endpoint, Transport& transport);

  [[nodiscard]] const std::string& domain() const { return endpoint_.domain; }
  /// Without a slash at the end; https:// until it has turned out to speak HTTP only.
  [[nodiscard]] const std::string& base() const { return is_clear_ ? clear_ : secure_; }
  /// Whether the URL is the registry's own: scheme, host and port.
  [[nodiscard]] bool leads_to(std::string_view url) const;

  /// As Transport::send(); `request.url` is a path of the registry or a whole URL. If the registry may
  /// speak HTTP, the first request goes by TLS, and by HTTP if that isn't spoken (or the other way round,
  /// as the endpoint says); what it was is remembered.
  Result<remote::HttpResponse> send(remote::HttpRequest request, const remote::BodySink& body,
                                    const std::stop_token& stop);

 private:
  Result<remote::HttpResponse> send_first(const remote::HttpRequest& request, const remote::BodySink& body,
                                          const std::stop_token& stop);
  Result<remote::HttpResponse> send_first_in_clear(const remote::HttpRequest& request,
                                                   const remote::BodySink& body,
                                                   const std::stop_token& stop);
  Result<remote::HttpResponse> send_to(const std::string& base, remote::HttpRequest request,
                                       const remote::BodySink& body, const std::stop_token& stop);

  const Endpoint endpoint_;
  const std::string secure_;
  const std::string clear_;
  Transport& transport_;
  std::mutex settling_;  ///< held while a request is sent before is_settled_
  std::atomic<bool> is_settled_;
  std::atomic<bool> is_clear_ = false;
};

}  // namespace pgstrata::registry
