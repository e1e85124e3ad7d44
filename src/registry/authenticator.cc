#include "registry/authenticator.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "remote/source.h"

namespace pgstrata::registry {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr std::size_t kLargestAnswer = 1 << 20;
/// What the specification says a token lives if the server doesn't say.
constexpr int kUsualSeconds = 60;
constexpr const char* kClient = "pgstrata";

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (!word.empty()) found.push_back(word);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return found;
}

/// Whether nobody can read on the way what is sent to this address.
bool is_private(const std::string& url) {
  if (url.starts_with("https://")) return true;
  const std::string host = remote::url_host(url);
  return url.starts_with("http://") && (host == "localhost" || host.starts_with("127.") || host == "::1");
}

bool is_safe_header(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

const Challenge* find(const std::vector<Challenge>& challenges, std::string_view scheme) {
  for (const Challenge& challenge : challenges)
    if (challenge.scheme == scheme) return &challenge;
  return nullptr;
}

remote::HttpRequest token_request(const Challenge& challenge, const std::string& scope,
                                  const std::optional<Credentials>& who) {
  const std::string realm = challenge.parameter("realm");
  const std::string service = challenge.parameter("service");
  if (who && !who->identity_token.empty())
    return {
        .method = "POST",
        .url = realm,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
        .body = fmt::format("grant_type=refresh_token&service={}&client_id={}&scope={}&refresh_token={}",
                            percent_encoded(service), kClient, percent_encoded(scope),
                            percent_encoded(who->identity_token))};
  remote::HttpRequest request{.url = realm, .headers = {}, .body = {}};
  char separator = realm.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](const char* name, std::string_view value) {
    request.url += fmt::format("{}{}={}", separator, name, percent_encoded(value));
    separator = '&';
  };
  if (!service.empty()) add("service", service);
  for (const std::string_view one : words(scope)) add("scope", one);
  if (who && !who->username.empty())
    request.headers.emplace_back("Authorization",
                                 "Basic " + encode_base64(who->username + ":" + who->password));
  return request;
}

}  // namespace

Result<std::string> Authenticator::header(const std::string& scope, const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_scope_.find(scope);
  if (known != by_scope_.end() && steady_clock::now() < known->second.until) return known->second.header;
  if (challenges_.empty()) return "";
  return meet(scope, stop);
}

Result<bool> Authenticator::challenged(const std::string& www_authenticate, const std::string& refused,
                                       const std::string& scope, const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_scope_.find(scope);
  // Another thread was refused as well, and is further.
  if (known != by_scope_.end() && known->second.header != refused) return true;
  if (known != by_scope_.end()) by_scope_.erase(known);
  challenges_ = parse_challenges(www_authenticate);
  const std::string header = TRY(meet(scope, stop));
  return !header.empty() && header != refused;
}

/// With mutex_ held.
Result<std::string> Authenticator::meet(const std::string& scope, const std::stop_token& stop) {
  constexpr auto kForever = std::chrono::hours(24);
  const std::optional<Credentials> who = TRY(credentials_.find(channel_.domain()));
  Authorization met;
  if (who && !who->registry_token.empty()) {
    met = {.header = "Bearer " + who->registry_token, .until = steady_clock::now() + kForever};
  } else if (const Challenge* bearer = find(challenges_, "bearer")) {
    met = TRY(token(*bearer, scope, who, stop));
  } else if (find(challenges_, "basic") != nullptr && who && !who->username.empty()) {
    met = {.header = "Basic " + encode_base64(who->username + ":" + who->password),
           .until = steady_clock::now() + kForever};
  }
  if (met.header.empty()) return "";
  by_scope_[scope] = met;
  return met.header;
}

Result<Authenticator::Authorization> Authenticator::token(const Challenge& challenge,
                                                          const std::string& scope,
                                                          const std::optional<Credentials>& who,
                                                          const std::stop_token& stop) {
  const auto failed = [&](std::string why) {
    return fail({.kind = ErrorKind::kBuildFailed,
                 .what = fmt::format("can't get a token for the registry {}", channel_.domain()),
                 .where = remote::without_credentials(challenge.parameter("realm")),
                 .why = std::move(why),
                 .next = fmt::format("docker login {}", channel_.domain())});
  };
  const std::string realm = challenge.parameter("realm");
  if (!realm.starts_with("https://") && !realm.starts_with("http://"))
    return failed("the registry names no address where one could be had");
  if (who && !is_private(realm) && !channel_.leads_to(realm))
    return failed("the registry wants the password to be sent in the clear");
  const std::string asked = challenge.parameter("scope");
  std::string scopes = scope;
  for (const std::string_view one : words(asked))
    if (scope.find(one) == std::string::npos) scopes += fmt::format(" {}", one);
  std::string text;
  const auto response = TRY(channel_.send(
      token_request(challenge, scopes, who),
      [&](const remote::HttpResponse&, std::span<const std::byte> bytes) -> Result<void> {
        if (text.size() + bytes.size() > kLargestAnswer) return failed("its answer is too long");
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      },
      stop));
  if (response.status != 200)
    return failed(fmt::format("the server answered {}", remote::describe_status(response.status)));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto text_of = [&](const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  std::string value = text_of("token");
  if (value.empty()) value = text_of("access_token");
  if (value.empty() || !is_safe_header(value)) return failed("there is no token in its answer");
  int seconds = kUsualSeconds;
  if (const auto found = json.find("expires_in"); found != json.end() && found->is_number_integer())
    seconds = static_cast<int>(std::clamp<std::int64_t>(found->get<std::int64_t>(), 10, 3600));
  // A little less, for the way there.
  return Authorization{.header = "Bearer " + value,
                       .until = steady_clock::now() + std::chrono::seconds(seconds - 5)};
}

}  // namespace pgstrata::registry
