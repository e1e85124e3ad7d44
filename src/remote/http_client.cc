#include "remote/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "remote/curl_library.h"
#include "remote/source.h"

namespace pgstrata::remote {
namespace {

constexpr int kMaxRedirects = 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

/// What the callbacks of one transfer share.
struct Transfer {
  HttpResponse& response;
  const BodySink& body;
  const std::stop_token& stop;
  std::optional<Error> failure;
};

size_t on_header(char* data, size_t size, size_t count, void* user) {
  HttpResponse& response = static_cast<Transfer*>(user)->response;
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {
    // Also of an interim response (100 Continue) and of a proxy's CONNECT: the last one counts.
    response.headers.clear();
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    std::from_chars(line.data() + space + 1, line.data() + line.size(), response.status);
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    response.headers[lower(line.substr(0, colon))] = std::string(trim(line.substr(colon + 1)));
  }
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  if (is_redirect(transfer.response.status) && !transfer.response.header("location").empty()) return bytes;
  const auto written = transfer.body(std::as_bytes(std::span(data, bytes)));
  if (written) return bytes;
  transfer.failure = written.error();
  return bytes == 0 ? 1 : 0;  // anything but `bytes` ends the transfer
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

}  // namespace

struct HttpClient::Handle {
  const CurlLibrary& curl;
  CURL* easy;
  Handle(const CurlLibrary& library, CURL* handle) : curl(library), easy(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl.easy_cleanup(easy); }

  template <class Value>
  void set(CURLoption option, Value value) {
    curl.easy_set(easy, option, value);
  }
};

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(std::unique_ptr<Handle> handle, Proxies proxies)
    : handle_(std::move(handle)), proxies_(std::move(proxies)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::make(Proxies proxies) {
  const CurlLibrary* curl = TRY(curl_library());
  CURL* easy = curl->easy_init();
  if (easy == nullptr) return fail({.kind = ErrorKind::kMachine, .what = "libcurl can't be initialised"});
  return HttpClient(std::make_unique<Handle>(*curl, easy), std::move(proxies));
}

Result<HttpResponse> HttpClient::send_once(const HttpRequest& request, const BodySink& body,
                                           const std::stop_token& stop) {
  HttpResponse response{.url = request.url};
  Transfer transfer{.response = response, .body = body, .stop = stop, .failure = {}};
  char reason[CURL_ERROR_SIZE] = {};
  const std::string proxy = proxies_.for_url(request.url);
  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers)
    headers = handle_->curl.slist_append(headers, fmt::format("{}: {}", name, value).c_str());

  handle_->curl.easy_reset(handle_->easy);
  handle_->set(CURLOPT_URL, request.url.c_str());
  if (request.method == "HEAD") handle_->set(CURLOPT_NOBODY, 1L);
  handle_->set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  handle_->set(CURLOPT_HTTPHEADER, headers);
  handle_->set(CURLOPT_USERAGENT, "pgstrata");
  handle_->set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle_->set(CURLOPT_PROXY, proxy.c_str());
  handle_->set(CURLOPT_NOPROXY, proxies_.none.c_str());
  handle_->set(CURLOPT_NOSIGNAL, 1L);  // signals are the whole process's
  handle_->set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  handle_->set(CURLOPT_CONNECTTIMEOUT, 30L);
  // A server that sends nothing for five minutes won't any more.
  handle_->set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  handle_->set(CURLOPT_LOW_SPEED_TIME, 300L);
  handle_->set(CURLOPT_ERRORBUFFER, &reason[0]);
  if (const char* certificates = std::getenv("SSL_CERT_FILE")) handle_->set(CURLOPT_CAINFO, certificates);
  handle_->set(CURLOPT_HEADERFUNCTION, &on_header);
  handle_->set(CURLOPT_HEADERDATA, &transfer);
  handle_->set(CURLOPT_WRITEFUNCTION, &on_body);
  handle_->set(CURLOPT_WRITEDATA, &transfer);
  handle_->set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  handle_->set(CURLOPT_XFERINFODATA, &transfer);
  handle_->set(CURLOPT_NOPROGRESS, 0L);
  const CURLcode code = handle_->curl.easy_perform(handle_->easy);
  handle_->curl.slist_free_all(headers);

  if (transfer.failure) return fail(std::move(*transfer.failure));
  if (code == CURLE_ABORTED_BY_CALLBACK && stop.stop_requested())
    return fail({.kind = ErrorKind::kCancelled, .what = "the download was stopped"});
  if (code != CURLE_OK)
    return fail({.kind = ErrorKind::kIo,
                 .what = fmt::format("can't reach {}", without_credentials(request.url)),
                 .why = reason[0] != '\0' ? reason : handle_->curl.easy_strerror(code),
                 .next =
                     "check the address and the network; --build-arg HTTP_PROXY=… or HTTPS_PROXY=… names "
                     "a proxy"});
  return response;
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const BodySink& body,
                                      const std::stop_token& stop) {
  HttpRequest current = request;
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = TRY(send_once(current, body, stop));
    if (!is_redirect(response.status) || response.header("location").empty()) return response;
    if (redirects == kMaxRedirects)
      return fail({.kind = ErrorKind::kIo,
                   .what = fmt::format("can't reach {}", without_credentials(request.url)),
                   .why = fmt::format("stopped after {} redirects", kMaxRedirects)});
    char* target = nullptr;
    handle_->curl.easy_info(handle_->easy, CURLINFO_REDIRECT_URL, &target);
    if (target == nullptr) return response;
    const std::string next = target;
    // A secret of one host is none of the other's business.
    if (url_host(next) != url_host(current.url))
      current.headers.erase(
          std::remove_if(current.headers.begin(), current.headers.end(),
                         [](const auto& item) { return lower(item.first) == "authorization"; }),
          current.headers.end());
    current.url = next;
  }
}

std::string describe_status(int status) {
  static const std::map<int, const char*> kTexts = {
      {400, "Bad Request"},        {401, "Unauthorized"},
      {403, "Forbidden"},          {404, "Not Found"},
      {405, "Method Not Allowed"}, {407, "Proxy Authentication Required"},
      {408, "Request Timeout"},    {410, "Gone"},
      {429, "Too Many Requests"},  {500, "Internal Server Error"},
      {502, "Bad Gateway"},        {503, "Service Unavailable"},
      {504, "Gateway Timeout"}};
  const auto found = kTexts.find(status);
  return found == kTexts.end() ? fmt::format("{}", status) : fmt::format("{} {}", status, found->second);
}

}  // namespace pgstrata::remote
