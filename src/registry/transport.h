// The way of a request to a server and back: libcurl's, or a test's.
#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "core/result.h"
#include "remote/http_client.h"
#include "remote/proxies.h"

namespace pgstrata::registry {

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// As remote::HttpClient::send(). Several threads may call it at once.
  virtual Result<remote::HttpResponse> send(const remote::HttpRequest& request,
                                            const remote::BodySink& body, const std::stop_token& stop) = 0;
};

/// Keeps as many connections as there were requests at once.
class HttpTransport final : public Transport {
 public:
  HttpTransport(remote::Proxies proxies, remote::HttpLimits limits)
      : proxies_(std::move(proxies)), limits_(limits) {}
  Result<remote::HttpResponse> send(const remote::HttpRequest& request, const remote::BodySink& body,
                                    const std::stop_token& stop) override;

 private:
  const remote::Proxies proxies_;
  const remote::HttpLimits limits_;
  std::mutex mutex_;
  std::vector<remote::HttpClient> idle_;
};

}  // namespace pgstrata::registry
