// A registry of a test's own: a function from requests to answers.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "registry/transport.h"

namespace pgstrata::registry {

struct FakeAnswer {
  int status = 200;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::size_t piece = 5;                         ///< bytes of the body at once
  std::size_t breaks_after = std::string::npos;  ///< bytes of the body, then the connection is gone
};

class FakeTransport final : public Transport {
 public:
  using Server = std::function<Result<FakeAnswer>(const remote::HttpRequest&)>;
  explicit FakeTransport(Server server) : server_(std::move(server)) {}

  /// "METHOD URL" of every request.
  std::vector<std::string> log;
  std::vector<remote::HttpRequest> requests;

  Result<remote::HttpResponse> send(const remote::HttpRequest& request, const remote::BodySink& body,
                                    const std::stop_token&) override {
    const FakeAnswer answer = TRY(ask(request));
    const remote::HttpResponse response{
        .status = answer.status, .url = request.url, .headers = answer.headers};
    const std::string_view bytes = std::string_view(answer.body).substr(0, answer.breaks_after);
    const std::size_t kPiece = answer.piece;
    for (std::size_t i = 0; i < bytes.size() && request.method != "HEAD"; i += kPiece)
      TRY_VOID(body(response, std::as_bytes(std::span(bytes.substr(i, kPiece)))));
    if (bytes.size() < answer.body.size())
      return fail({.kind = ErrorKind::kIo, .what = "the connection broke"});
    return response;
  }

  /// The value of a request's header, "" if it isn't there.
  static std::string header(const remote::HttpRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers)
      if (key == name) return value;
    return "";
  }

 private:
  /// One at a time.
  Result<FakeAnswer> ask(const remote::HttpRequest& request) {
    const std::scoped_lock lock(mutex_);
    log.push_back(request.method + " " + request.url);
    requests.push_back(request);
    return server_(request);
  }

  Server server_;
  std::mutex mutex_;
};

}  // namespace pgstrata::registry
