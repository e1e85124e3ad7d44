#include "registry/credentials.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "os/file.h"

namespace pgstrata::registry {
namespace {

using Json = nlohmann::json;

/// What Docker Hub is called in the configuration.
constexpr const char* kHub = "https://index.docker.io/v1/";

/// "https://registry.example/v1/" → "registry.example"
std::string host_of(std::string_view key) {
  if (key == kHub) return "docker.io";
  if (const std::size_t scheme = key.find("://"); scheme != std::string_view::npos)
    key.remove_prefix(scheme + 3);
  std::string host(key.substr(0, key.find('/')));
  return host == "index.docker.io" ? "docker.io" : host;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Credentials credentials_of(const Json& entry) {
  Credentials found{.username = text_of(entry, "username"),
                    .password = text_of(entry, "password"),
                    .identity_token = text_of(entry, "identitytoken"),
                    .registry_token = text_of(entry, "registrytoken")};
  const auto pair = decode_base64(text_of(entry, "auth"));
  if (!pair) return found;
  const std::size_t colon = pair->find(':');
  if (colon == std::string::npos) return found;
  found.username = pair->substr(0, colon);
  found.password = pair->substr(colon + 1);
  // Docker pads with NULs.
  found.password.erase(found.password.find_last_not_of('\0') + 1);
  return found;
}

Error not_a_configuration(const std::string& path, std::string why) {
  return {.kind = ErrorKind::kUsage,
          .what = "can't read Docker's client configuration",
          .where = path,
          .why = std::move(why),
          .next = "repair the file, or name another directory with DOCKER_CONFIG"};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<os::Captured> run_helper(const std::string& program, const std::string& input) {
  return os::capture(
      {.argv = {program, "get"}, .env = os::environment_with({}), .cwd = "", .input = input});
}

}  // namespace

Result<CredentialStore> CredentialStore::parse(std::string_view text, const std::string& path,
                                               Helper helper) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(not_a_configuration(path, "it isn't a JSON object"));
  CredentialStore store;
  store.helper_ = std::move(helper);
  store.store_ = text_of(json, "credsStore");
  if (const auto helpers = json.find("credHelpers"); helpers != json.end() && helpers->is_object())
    for (const auto& [key, name] : helpers->items())
      if (name.is_string()) store.helpers_[host_of(key)] = name.get<std::string>();
  if (const auto auths = json.find("auths"); auths != json.end() && auths->is_object())
    for (const auto& [key, entry] : auths->items())
      if (entry.is_object()) store.auths_.try_emplace(host_of(key), credentials_of(entry));
  return store;
}

Result<CredentialStore> CredentialStore::of_user() {
  std::string directory = environment("DOCKER_CONFIG");
  if (directory.empty()) directory = environment("HOME") + "/.docker";
  const std::string path = directory + "/config.json";
  if (!os::exists(path)) return CredentialStore();
  auto text = os::read_file(path);
  if (!text) return fail(not_a_configuration(path, text.error().why));
  return parse(*text, path, run_helper);
}

Result<std::optional<Credentials>> CredentialStore::find(const std::string& host) const {
  const std::string server = host == "docker.io" ? kHub : host;
  const auto helper = helpers_.find(host);
  const std::string& name = helper != helpers_.end() ? helper->second : store_;
  if (!name.empty()) return ask(name, server);
  const auto found = auths_.find(host);
  if (found == auths_.end() || found->second == Credentials{}) return std::nullopt;
  return found->second;
}

/// What the helper says is never shown: it may hold the secret.
Result<std::optional<Credentials>> CredentialStore::ask(const std::string& name,
                                                        const std::string& server) const {
  const std::string program = "docker-credential-" + name;
  const auto failed = [&](std::string why) {
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("{} gives no credentials for {}", program, server),
                 .why = std::move(why),
                 .next = "Docker's config.json names it in credsStore or credHelpers"});
  };
  if (name.find('/') != std::string::npos) return failed("its name has a slash");
  const auto said = helper_(program, server);
  if (!said) return failed(said.error().message());
  if (!os::succeeded(said->status)) {
    // The helpers' own words for "nobody logged in there".
    if ((said->out + said->err).find("credentials not found") != std::string::npos) return std::nullopt;
    return failed(os::describe(said->status));
  }
  const Json json = Json::parse(said->out, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return failed("its answer isn't JSON");
  Credentials found{.username = text_of(json, "Username"),
                    .password = text_of(json, "Secret"),
                    .identity_token = {},
                    .registry_token = {}};
  if (found.username == "<token>")
    found = {.username = {}, .password = {}, .identity_token = found.password, .registry_token = {}};
  return found;
}

}  // namespace pgstrata::registry
