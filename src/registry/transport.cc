#include "registry/transport.h"

#include <optional>

namespace pgstrata::registry {

Result<remote::HttpResponse> HttpTransport::send(const remote::HttpRequest& request,
                                                 const remote::BodySink& body,
                                                 const std::stop_token& stop) {
  std::optional<remote::HttpClient> client;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      client.emplace(std::move(idle_.back()));
      idle_.pop_back();
    }
  }
  if (!client) client.emplace(TRY(remote::HttpClient::make(proxies_, limits_)));
  auto response = client->send(request, body, stop);
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(*client));
  return response;
}

}  // namespace pgstrata::registry
