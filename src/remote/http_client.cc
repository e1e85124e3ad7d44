#include "remote/http_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "os/file.h"
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
  const RequestBody& upload;
  const BodySink& body;
  const std::stop_token& stop;
  std::size_t header_room;
  std::uint64_t sent = 0;
  std::optional<Error> failure;
};

std::uint64_t size_of(const RequestBody& body) {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* part = std::get_if<FilePart>(&body)) return part->size;
  return 0;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  HttpResponse& response = transfer.response;
  const std::string_view line(data, size * count);
  if (line.size() > transfer.header_room) {
    transfer.failure = {.kind = ErrorKind::kCorrupt, .what = "the server's answer has too many headers"};
    return 0;
  }
  transfer.header_room -= line.size();
  if (line.starts_with("HTTP/")) {
    // Also of an interim response (100 Continue) and of a proxy's CONNECT: the last one counts.
    response.headers.clear();
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    std::from_chars(line.data() + space + 1, line.data() + line.size(), response.status);
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string& value = response.headers[lower(line.substr(0, colon))];
    const std::string_view text = trim(line.substr(colon + 1));
    if (!value.empty() && lower(line.substr(0, colon)) == "www-authenticate")
      value += fmt::format(", {}", text);
    else
      value = text;
  }
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  if (is_redirect(transfer.response.status) && !transfer.response.header("location").empty()) return bytes;
  const auto written = transfer.body(transfer.response, std::as_bytes(std::span(data, bytes)));
  if (written) return bytes;
  transfer.failure = written.error();
  return bytes == 0 ? 1 : 0;  // anything but `bytes` ends the transfer
}

/// The next bytes of what is sent.
size_t on_read(char* space, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t wanted =
      std::min<std::uint64_t>(size * count, size_of(transfer.upload) - transfer.sent);
  if (const auto* text = std::get_if<std::string>(&transfer.upload)) {
    text->copy(space, wanted, transfer.sent);
    transfer.sent += wanted;
    return wanted;
  }
  const auto* part = std::get_if<FilePart>(&transfer.upload);
  if (part == nullptr || wanted == 0) return 0;
  ssize_t got = 0;
  do {
    got = ::pread(part->fd, space, wanted, static_cast<off_t>(part->offset + transfer.sent));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    transfer.failure = got < 0
                           ? system_error("can't read what is to be sent", "")
                           : Error{.kind = ErrorKind::kCorrupt, .what = "what is to be sent is cut off"};
    return CURL_READFUNC_ABORT;
  }
  transfer.sent += static_cast<std::uint64_t>(got);
  return static_cast<size_t>(got);
}

/// libcurl sends some requests again, when a kept connection turns out to be closed.
int on_seek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Transfer*>(user)->sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

/// Whether it was TLS that failed, and would fail again; not the connection below it.
bool is_refused_tls(CURLcode code, std::string_view reason) {
  const auto says = [&](std::string_view words) { return reason.find(words) != std::string_view::npos; };
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return true;
    case CURLE_SSL_CONNECT_ERROR:
      // Of OpenSSL itself; the rest are system calls'.
      return says("SSL routines") && !says("unexpected eof");
    case CURLE_RECV_ERROR:
      // In TLS 1.3 a client's certificate is refused after the handshake.
      return says("alert") && says("certificate");
    default:
      return false;
  }
}

/// A server that hangs up while we send must not end the process: OpenSSL writes without MSG_NOSIGNAL, and
/// signals of several threads are none of libcurl's business (CURLOPT_NOSIGNAL).
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
  ~NoBrokenPipe() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    const timespec at_once{};
    while (sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace

struct HttpClient::Handle {
  const CurlLibrary& curl;
  CURL* easy;
  Handle(const CurlLibrary& library, CURL* handle) : curl(library), easy(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl.easy_cleanup(easy); }

  template <class Value>
  CURLcode set(CURLoption option, Value value) {
    return curl.easy_set(easy, option, value);
  }

  /// After a failed transfer: false if the server itself never was at the other end.
  [[nodiscard]] bool was_connected(CURLcode code) const {
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
        code == CURLE_COULDNT_CONNECT)
      return false;
    long proxy_status = 0;  // of a CONNECT
    curl.easy_info(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300) return false;
    curl_off_t microseconds = 0;
    curl.easy_info(easy, CURLINFO_CONNECT_TIME_T, &microseconds);
    return code != CURLE_OPERATION_TIMEDOUT || microseconds != 0;
  }
};

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(std::unique_ptr<Handle> handle, Proxies proxies, HttpLimits limits)
    : handle_(std::move(handle)), proxies_(std::move(proxies)), limits_(limits) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::make(Proxies proxies, HttpLimits limits) {
  const CurlLibrary* curl = TRY(curl_library());
  CURL* easy = curl->easy_init();
  if (easy == nullptr) return fail({.kind = ErrorKind::kMachine, .what = "libcurl can't be initialised"});
  return HttpClient(std::make_unique<Handle>(*curl, easy), std::move(proxies), limits);
}

/// `authorities` has to live as long as the transfer.
Result<void> HttpClient::set_tls(const Tls& tls, std::string& authorities) {
  const char* file = std::getenv("SSL_CERT_FILE");
  if (!tls.verify) {
    handle_->set(CURLOPT_SSL_VERIFYPEER, 0L);
    handle_->set(CURLOPT_SSL_VERIFYHOST, 0L);
    // Reading the machine's takes longer than the rest of a connection on loopback.
    handle_->set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    handle_->set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  } else if (!tls.authorities.empty()) {
    // One file, or these: so the machine's are put before them.
    const char* usual = file;
    if (usual == nullptr) handle_->curl.easy_info(handle_->easy, CURLINFO_CAINFO, &usual);
    if (usual != nullptr)
      if (const auto text = os::read_file(usual)) authorities = *text + "\n";
    authorities += tls.authorities;
    curl_blob blob{.data = authorities.data(), .len = authorities.size(), .flags = CURL_BLOB_NOCOPY};
    if (handle_->set(CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK)
      return fail({.kind = ErrorKind::kMachine,
                   .what = "this machine's libcurl takes no certificates but the machine's own",
                   .next = "apt-get install libcurl4"});
  } else if (file != nullptr) {
    handle_->set(CURLOPT_CAINFO, file);
  }
  if (tls.certificate.empty()) return {};
  handle_->set(CURLOPT_SSLCERT, tls.certificate.c_str());
  handle_->set(CURLOPT_SSLKEY, tls.key.c_str());
  return {};
}

Result<HttpResponse> HttpClient::send_once(const HttpRequest& request, const BodySink& body,
                                           const std::stop_token& stop) {
  HttpResponse response{.url = request.url};
  Transfer transfer{.response = response,
                    .upload = request.body,
                    .body = body,
                    .stop = stop,
                    .header_room = limits_.header_bytes,
                    .failure = {}};
  char reason[CURL_ERROR_SIZE] = {};
  const std::string proxy = proxies_.for_url(request.url);
  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers)
    headers = handle_->curl.slist_append(headers, fmt::format("{}: {}", name, value).c_str());

  handle_->curl.easy_reset(handle_->easy);
  if (!std::holds_alternative<std::monostate>(request.body)) {
    // Without waiting for a "100 Continue" that many servers never send.
    headers = handle_->curl.slist_append(headers, "Expect:");
    handle_->set(CURLOPT_UPLOAD, 1L);
    handle_->set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size_of(request.body)));
    handle_->set(CURLOPT_READFUNCTION, &on_read);
    handle_->set(CURLOPT_READDATA, &transfer);
    handle_->set(CURLOPT_SEEKFUNCTION, &on_seek);
    handle_->set(CURLOPT_SEEKDATA, &transfer);
  }
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
  handle_->set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits_.connect.count()));
  // A server that sends nothing for so long won't any more.
  handle_->set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  handle_->set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.silence.count()));
  handle_->set(CURLOPT_ERRORBUFFER, &reason[0]);
  std::string authorities;
  if (const auto set = set_tls(request.tls != nullptr ? *request.tls : Tls{}, authorities); !set) {
    handle_->curl.slist_free_all(headers);
    return fail(set.error());
  }
  handle_->set(CURLOPT_HEADERFUNCTION, &on_header);
  handle_->set(CURLOPT_HEADERDATA, &transfer);
  handle_->set(CURLOPT_WRITEFUNCTION, &on_body);
  handle_->set(CURLOPT_WRITEDATA, &transfer);
  handle_->set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  handle_->set(CURLOPT_XFERINFODATA, &transfer);
  handle_->set(CURLOPT_NOPROGRESS, 0L);
  const CURLcode code = [&] {
    const NoBrokenPipe guard;
    return handle_->curl.easy_perform(handle_->easy);
  }();
  handle_->curl.slist_free_all(headers);

  if (transfer.failure) {
    if (transfer.failure->where.empty()) transfer.failure->where = without_credentials(request.url);
    return fail(std::move(*transfer.failure));
  }
  if (code == CURLE_ABORTED_BY_CALLBACK && stop.stop_requested())
    return fail({.kind = ErrorKind::kCancelled, .what = "the transfer was stopped"});
  if (code == CURLE_OK) return response;
  if (is_refused_tls(code, &reason[0]))
    return fail({.kind = ErrorKind::kTls,
                 .what = "no secure connection to " + without_credentials(request.url),
                 .why = reason[0] != '\0' ? reason : handle_->curl.easy_strerror(code),
                 .next = "SSL_CERT_FILE names another file with the certificates that are trusted"});
  const bool connected = handle_->was_connected(code);
  const std::string url = without_credentials(request.url);
  return fail({.kind = connected ? ErrorKind::kIo : ErrorKind::kUnreachable,
               .what = connected ? "the connection to " + url + " broke" : "can't reach " + url,
               .why = reason[0] != '\0' ? reason : handle_->curl.easy_strerror(code),
               .next = "check the address and the network; --build-arg HTTP_PROXY=… or HTTPS_PROXY=… names "
                       "a proxy"});
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const BodySink& body,
                                      const std::stop_token& stop) {
  HttpRequest current = request;
  const bool only_reads = request.method == "GET" || request.method == "HEAD";
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = TRY(send_once(current, body, stop));
    if (!is_redirect(response.status) || response.header("location").empty()) return response;
    // The others would make a GET of it.
    if (!only_reads && response.status != 307 && response.status != 308) return response;
    if (redirects == kMaxRedirects)
      return fail({.kind = ErrorKind::kIo,
                   .what = fmt::format("can't reach {}", without_credentials(request.url)),
                   .why = fmt::format("stopped after {} redirects", kMaxRedirects)});
    char* target = nullptr;
    handle_->curl.easy_info(handle_->easy, CURLINFO_REDIRECT_URL, &target);
    if (target == nullptr) return response;
    const std::string next = target;
    // A secret of one host is none of the other's business, nor is what is trusted there.
    if (url_origin(next) != url_origin(current.url)) {
      std::erase_if(current.headers, [](const auto& item) { return lower(item.first) == "authorization"; });
      current.tls = nullptr;
    }
    current.url = next;
  }
}

std::string url_origin(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return "";
  const std::string scheme = lower(url.substr(0, scheme_end));
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  std::string host = lower(rest);
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return scheme + "://" + host;
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
