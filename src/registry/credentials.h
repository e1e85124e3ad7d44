// Who we are to a registry: Docker's client configuration ($DOCKER_CONFIG/config.json, else
// ~/.docker/config.json) with auths, credsStore and credHelpers, so that `docker login` is all it takes.
// Helpers are the programs docker-credential-NAME of PATH
// (https://github.com/docker/docker-credential-helpers).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "os/process.h"

namespace pgstrata::registry {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  ///< instead of both: an OAuth2 refresh token
  std::string registry_token;  ///< instead of all: sent as it is
  bool operator==(const Credentials&) const = default;
};

class CredentialStore {
 public:
  /// Runs `docker-credential-NAME get` with `input` on its stdin.
  using Helper = std::function<Result<os::Captured>(const std::string& program, const std::string& input)>;

  /// Nobody is known anywhere.
  CredentialStore() = default;
  /// `json` is what is in config.json. kUsage, with `path`, if it isn't that.
  static Result<CredentialStore> parse(std::string_view json, const std::string& path, Helper helper);
  /// The configuration of this process's user; an empty store if there is none.
  static Result<CredentialStore> of_user();

  /// `host` as in a reference ("docker.io", "registry.example:5000"). Nothing if nobody logged in there.
  /// kUsage: a helper that can't be run, or that gives no answer one can read.
  [[nodiscard]] Result<std::optional<Credentials>> find(const std::string& host) const;

 private:
  [[nodiscard]] Result<std::optional<Credentials>> ask(const std::string& name,
                                                       const std::string& server) const;

  std::map<std::string, Credentials> auths_;  ///< by host
  std::map<std::string, std::string> helpers_;
  std::string store_;
  Helper helper_;
};

}  // namespace pgstrata::registry
