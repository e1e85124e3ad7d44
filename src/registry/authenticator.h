// What a registry's challenges ask for: a password (RFC 7617), or a token from the server that the
// challenge names (https://distribution.github.io/distribution/spec/auth/token/).
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/result.h"
#include "registry/challenge.h"
#include "registry/channel.h"
#include "registry/credentials.h"

namespace pgstrata::registry {

/// Calls may come from several threads. `channel` and `credentials` are borrowed.
class Authenticator {
 public:
  Authenticator(Channel& channel, const CredentialStore& credentials)
      : channel_(channel), credentials_(credentials) {}

  /// The value of Authorization for a request that needs `scope` ("repository:NAME:pull", several separated
  /// by blanks); "" before the first challenge, and for one that can't be met.
  Result<std::string> header(const std::string& scope, const std::stop_token& stop);
  /// The registry refused with this WWW-Authenticate what was sent with `refused` as Authorization. True if
  /// it is worth another try.
  Result<bool> challenged(const std::string& www_authenticate, const std::string& refused,
                          const std::string& scope, const std::stop_token& stop);

 private:
  struct Authorization {
    std::string header;
    std::chrono::steady_clock::time_point until;
  };

  Result<std::string> meet(const std::string& scope, const std::stop_token& stop);
  Result<Authorization> token(const Challenge& challenge, const std::string& scope,
                              const std::optional<Credentials>& who, const std::stop_token& stop);

  Channel& channel_;
  const CredentialStore& credentials_;
  std::mutex mutex_;  ///< held while a token is fetched, so that one is enough
  std::vector<Challenge> challenges_;
  std::map<std::string, Authorization> by_scope_;
};

}  // namespace pgstrata::registry
