// One registry: where it is, who we are to it, and when a request is sent again. What can be asked of it is
// repository.h's.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "registry/authenticator.h"
#include "registry/channel.h"
#include "registry/credentials.h"
#include "registry/transport.h"

namespace pgstrata::registry {

struct Request {
  std::string method = "GET";
  std::string url;  ///< a path ("/v2/…") of this registry, or a whole URL that it gave
  std::vector<std::pair<std::string, std::string>> headers;
  remote::RequestBody body;
  /// What the token has to allow: "repository:NAME:pull,push", separated by blanks.
  std::string scope;
  bool repeatable = true;  ///< false: a failed one may have changed something, so it isn't sent again
};

struct Answer {
  remote::HttpResponse response;
  std::string error_text;  ///< the beginning of the body, if the status is none of 2xx
};

/// Takes the body of an answer with a status of 2xx.
using Receiver = remote::BodySink;

struct RetryPolicy {
  int attempts = 5;
  std::chrono::milliseconds first_pause{200};  ///< then twice as long each time
  std::chrono::milliseconds longest_pause{10'000};
  /// Waits; a test's doesn't.
  std::function<void(std::chrono::milliseconds, const std::stop_token&)> wait;
};

/// Calls may come from several threads. `transport` and `credentials` are borrowed.
class Registry {
 public:
  Registry(Endpoint endpoint, Transport& transport, const CredentialStore& credentials,
           RetryPolicy retry = {});

  /// As in a reference.
  [[nodiscard]] const std::string& domain() const { return channel_.domain(); }
  [[nodiscard]] const std::string& base() const { return channel_.base(); }
  /// Nobody has answered there so far, though asked.
  [[nodiscard]] bool is_unreachable() const { return is_unreachable_; }

  /// Sends it with what the registry's challenges ask for, again after 408, 429 and 5xx, and when the
  /// connection broke before anything was given to `body` (if it is repeatable). Any other status is an
  /// answer.
  /// kUnreachable only until the registry has answered once: later it is kIo like every broken connection.
  Result<Answer> send(const Request& request, const Receiver& body, const std::stop_token& stop = {});

  /// The error that an answer other than the wanted one is: kNotFound for 404, else kBuildFailed, with the
  /// registry's own words. `what` says what couldn't be done.
  [[nodiscard]] Error refusal(const std::string& what, const Answer& answer) const;

 private:
  Result<Answer> send_once(const Request& request, const Receiver& body, const std::stop_token& stop,
                           bool& delivered);
  bool pause(int attempt, const std::string& retry_after, const std::stop_token& stop) const;

  Channel channel_;
  const RetryPolicy retry_;
  Authenticator authenticator_;
  std::atomic<bool> reached_ = false;
  std::atomic<bool> is_unreachable_ = false;
};

}  // namespace pgstrata::registry
