#include "healthcheck.h"

#include <poll.h>

#include "http_client.h"
#include "options.h"

namespace pg_entrypoint {
namespace {

constexpr std::chrono::seconds kPatience{3};

}  // namespace

Health check_health(const Environment& environment) {
  const std::string path = health_socket(environment);
  HttpClient client(path);
  client.begin("/readyz", Clock::now(), kPatience);
  while (!client.advance(Clock::now())) {
    pollfd waiting{client.fd(), client.events(), 0};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(client.deadline() - Clock::now()).count();
    poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
  }
  const HttpAnswer& answer = client.result();
  if (answer.status == 0)
    return {false,
            "nobody answers at " + path + ": the container isn't that far yet, or runs something else"};
  std::string detail = answer.body.substr(0, answer.body.find('\n'));
  return {answer.status == 200, std::move(detail)};
}

}  // namespace pg_entrypoint
