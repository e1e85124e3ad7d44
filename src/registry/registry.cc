#include "registry/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "remote/source.h"

namespace pgstrata::registry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestErrorText = 16UL * 1024;

bool is_worth_a_retry(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/// Sleeps, but not longer than until `stop`.
void wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, time, [] { return false; });
}

/// What others wrote, fit for a terminal.
std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  std::string result;
  for (const char c : text.substr(0, kLongest))
    result += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
  return result;
}

/// {"errors":[{"code":"NAME_UNKNOWN","message":"…"}]} (distribution-spec, "Error Codes")
std::string words_of(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  const auto errors = json.find("errors");
  if (errors == json.end() || !errors->is_array()) return "";
  std::string words;
  for (const Json& error : *errors) {
    if (!error.is_object()) continue;
    for (const char* name : {"message", "code"}) {
      const auto found = error.find(name);
      if (found == error.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
        continue;
      words += (words.empty() ? "" : "; ") + found->get<std::string>();
      break;
    }
  }
  return shown(words);
}

}  // namespace

Registry::Registry(Endpoint endpoint, Transport& transport, const CredentialStore& credentials,
                   RetryPolicy retry)
    : channel_(std::move(endpoint), transport),
      retry_(std::move(retry)),
      authenticator_(channel_, credentials) {}

Result<Answer> Registry::send(const Request& request, const Receiver& body, const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    bool delivered = false;
    auto answer = send_once(request, body, stop, delivered);
    const bool last = attempt >= retry_.attempts || !request.repeatable;
    if (answer) {
      reached_ = true;
      is_unreachable_ = false;
      if (last || !is_worth_a_retry(answer->response.status)) return answer;
      if (!pause(attempt, answer->response.header("retry-after"), stop)) return answer;
      continue;
    }
    if (answer.error().kind == ErrorKind::kUnreachable && reached_) answer.error().kind = ErrorKind::kIo;
    is_unreachable_ = answer.error().kind == ErrorKind::kUnreachable;
    if (answer.error().kind != ErrorKind::kIo || delivered || last) return answer;
    if (!pause(attempt, "", stop)) return answer;
  }
}

Result<Answer> Registry::send_once(const Request& request, const Receiver& body,
                                   const std::stop_token& stop, bool& delivered) {
  // Where an upload goes may be another host's business, which has its own secrets in the URL.
  const bool ours = request.url.starts_with('/') || channel_.leads_to(request.url);
  std::string authorization;
  if (ours) authorization = TRY(authenticator_.header(request.scope, stop));
  for (bool challenged = false;; challenged = true) {
    Answer answer;
    const auto receive = [&](const remote::HttpResponse& response,
                             std::span<const std::byte> bytes) -> Result<void> {
      if (response.status >= 200 && response.status < 300) {
        delivered = true;
        return body ? body(response, bytes) : Result<void>();
      }
      const std::size_t room = kLargestErrorText - std::min(kLargestErrorText, answer.error_text.size());
      answer.error_text.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
      return {};
    };
    remote::HttpRequest sent{
        .method = request.method, .url = request.url, .headers = request.headers, .body = request.body};
    if (!authorization.empty()) sent.headers.emplace_back("Authorization", authorization);
    answer.response = TRY(channel_.send(sent, receive, stop));
    if (answer.response.status != 401 || challenged || !ours) return answer;
    reached_ = true;
    const bool again = TRY(authenticator_.challenged(answer.response.header("www-authenticate"),
                                                     authorization, request.scope, stop));
    if (!again) return answer;
    authorization = TRY(authenticator_.header(request.scope, stop));
  }
}

/// False if there is no point in waiting: stopped, or the registry wants more patience than we have.
bool Registry::pause(int attempt, const std::string& retry_after, const std::stop_token& stop) const {
  auto time = retry_.first_pause * (1 << std::min(attempt - 1, 20));
  int seconds = 0;
  const auto [end, error] =
      std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (error == std::errc{} && end == retry_after.data() + retry_after.size() && seconds >= 0) {
    if (std::chrono::seconds(seconds) > retry_.longest_pause) return false;
    time = std::max<std::chrono::milliseconds>(time, std::chrono::seconds(seconds));
  }
  time = std::min(time, retry_.longest_pause);
  if (retry_.wait)
    retry_.wait(time, stop);
  else
    wait(time, stop);
  return !stop.stop_requested();
}

Error Registry::refusal(const std::string& what, const Answer& answer) const {
  const int status = answer.response.status;
  Error error{.kind = status == 404 ? ErrorKind::kNotFound : ErrorKind::kBuildFailed,
              .what = what,
              .where = base(),
              .why = fmt::format("the registry answered {}", remote::describe_status(status))};
  if (const std::string words = words_of(answer.error_text); !words.empty())
    error.why += fmt::format(" ({})", words);
  if (status == 401 || status == 403)
    error.next =
        fmt::format("there is no such repository, or one has to log in: docker login {}", domain());
  else if (status == 404)
    error.next = "check the name and the tag";
  else if (status == 429)
    error.next = fmt::format("wait, or log in for a higher limit: docker login {}", domain());
  return error;
}

}  // namespace pgstrata::registry
