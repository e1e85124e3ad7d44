#include "registry/channel.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "registry/fake_transport.h"
#include "registry/in_order.h"
#include "registry/repository.h"

namespace pgstrata::registry {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Endpoint kInsecure{.domain = "r.example:5000", .tls = {.verify = false}, .may_be_http = true};

Error no_tls() { return {.kind = ErrorKind::kTls, .what = "no secure connection"}; }
Error broken() { return {.kind = ErrorKind::kIo, .what = "broke"}; }
Error unreachable() { return {.kind = ErrorKind::kUnreachable, .what = "can't reach it"}; }
bool is_secure(const remote::HttpRequest& request) { return request.url.starts_with("https:"); }

Result<remote::HttpResponse> ask(Channel& channel, const std::string& url = "/v2/") {
  return channel.send({.url = url, .headers = {}, .body = {}},
                      [](const auto&, auto) { return Result<void>(); }, {});
}

TEST(Channel, TlsComesFirstAndIsRemembered) {
  FakeTransport transport([](const auto&) -> Result<FakeAnswer> { return FakeAnswer{}; });
  Channel channel(kInsecure, transport);
  ASSERT_TRUE(ask(channel));
  ASSERT_TRUE(ask(channel));
  EXPECT_THAT(transport.log,
              ElementsAre("GET https://r.example:5000/v2/", "GET https://r.example:5000/v2/"));
}

TEST(Channel, HttpWhereTlsIsntSpokenAndThenNothingElse) {
  FakeTransport transport([](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (is_secure(request)) return fail(no_tls());
    return FakeAnswer{};
  });
  Channel channel(kInsecure, transport);
  ASSERT_TRUE(ask(channel));
  ASSERT_TRUE(ask(channel));
  EXPECT_THAT(transport.log, ElementsAre("GET https://r.example:5000/v2/", "GET http://r.example:5000/v2/",
                                         "GET http://r.example:5000/v2/"));
  EXPECT_EQ(channel.base(), "http://r.example:5000");
  EXPECT_TRUE(channel.leads_to("http://r.example:5000/up"));
  EXPECT_FALSE(channel.leads_to("http://r.example/up"));
}

TEST(Channel, ASecureRegistryIsNeverAskedByHttp) {
  for (const Error& error : {no_tls(), broken(), unreachable()}) {
    FakeTransport transport([&](const auto&) -> Result<FakeAnswer> { return fail(error); });
    Channel channel({.domain = "r.example", .tls = {}}, transport);
    EXPECT_EQ(ask(channel).error().kind, error.kind);
    EXPECT_THAT(transport.log, ElementsAre("GET https://r.example/v2/"));
  }
}

TEST(Channel, OnceTlsWasSpokenABrokenConnectionLeadsToNoHttp) {
  bool is_broken = false;
  FakeTransport transport([&](const auto&) -> Result<FakeAnswer> {
    if (is_broken) return fail(broken());
    return FakeAnswer{};
  });
  Channel channel(kInsecure, transport);
  ASSERT_TRUE(ask(channel));
  is_broken = true;
  EXPECT_FALSE(ask(channel));
  EXPECT_THAT(transport.log, Each(HasSubstr("https:")));
}

TEST(Channel, AnAnswerThatBreaksOffWasAnAnswer) {
  FakeTransport transport([](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.body = "a body of some length", .breaks_after = 10};
  });
  Channel channel(kInsecure, transport);
  EXPECT_FALSE(ask(channel));
  EXPECT_FALSE(ask(channel));
  EXPECT_THAT(transport.log, Each(HasSubstr("https:")));
}

TEST(Channel, AServerThatRefusesHttpSpeaksTls) {
  bool is_broken = true;
  FakeTransport transport([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (!is_secure(request)) return FakeAnswer{.status = 400};
    if (is_broken) return fail(broken());
    return FakeAnswer{};
  });
  Channel channel(kInsecure, transport);
  EXPECT_EQ(ask(channel).error().kind, ErrorKind::kIo);
  is_broken = false;
  ASSERT_TRUE(ask(channel));
  EXPECT_EQ(channel.base(), "https://r.example:5000");
}

TEST(Channel, ThePortsOfHttpAndHttpsAreTwo) {
  FakeTransport transport([](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (is_secure(request)) return fail(unreachable());
    return FakeAnswer{};
  });
  Channel without({.domain = "r.example", .tls = {.verify = false}, .may_be_http = true}, transport);
  EXPECT_TRUE(ask(without));
  Channel with(kInsecure, transport);
  EXPECT_EQ(ask(with).error().kind, ErrorKind::kUnreachable);
  EXPECT_EQ(transport.log.back(), "GET https://r.example:5000/v2/");
}

const Endpoint kHere{
    .domain = "127.0.0.1:5000", .tls = {.verify = false}, .may_be_http = true, .http_first = true};

TEST(Channel, OnThisMachineHttpComesFirstAndIsRemembered) {
  FakeTransport transport([](const auto&) -> Result<FakeAnswer> { return FakeAnswer{.status = 404}; });
  Channel channel(kHere, transport);
  ASSERT_TRUE(ask(channel));
  ASSERT_TRUE(ask(channel));
  EXPECT_THAT(transport.log, ElementsAre("GET http://127.0.0.1:5000/v2/", "GET http://127.0.0.1:5000/v2/"));
}

/// What comes of a body; "" of an answer that isn't the caller's.
std::string body_of(Channel& channel) {
  std::string text;
  const auto answer = channel.send({.url = "/v2/", .headers = {}, .body = {}},
                                   [&](const auto&, std::span<const std::byte> bytes) {
                                     text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                                     return Result<void>();
                                   },
                                   {});
  return answer ? text : answer.error().message();
}

TEST(Channel, WhoRefusesHttpHereIsAskedByTlsFromThenOn) {
  for (const bool hangs_up : {false, true}) {
    FakeTransport transport([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
      if (is_secure(request)) return FakeAnswer{.body = "of the registry"};
      if (hangs_up) return fail(broken());
      return FakeAnswer{.status = 400, .body = "Client sent an HTTP request to an HTTPS server."};
    });
    Channel channel(kHere, transport);
    EXPECT_EQ(body_of(channel), "of the registry");
    EXPECT_EQ(body_of(channel), "of the registry");
    EXPECT_THAT(transport.log,
                ElementsAre("GET http://127.0.0.1:5000/v2/", "GET https://127.0.0.1:5000/v2/",
                            "GET https://127.0.0.1:5000/v2/"));
  }
}

TEST(Channel, A400OfOneThatSpeaksNoTlsIsItsAnswer) {
  FakeTransport transport([](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (is_secure(request)) return fail(no_tls());
    return FakeAnswer{.status = 400, .body = "the name is invalid"};
  });
  Channel channel(kHere, transport);
  EXPECT_EQ(body_of(channel), "the name is invalid");
  EXPECT_EQ(body_of(channel), "the name is invalid");
  EXPECT_EQ(transport.log.size(), 3U);
}

TEST(Channel, WhatBreaksHereInTheClearIsToldAsThat) {
  bool is_there = false;
  bool is_broken = true;
  FakeTransport transport([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (!is_there) return fail(unreachable());
    if (is_secure(request)) return fail(no_tls());
    if (is_broken) return fail(broken());
    return FakeAnswer{.body = "a body of some length", .breaks_after = 10};
  });
  Channel channel(kHere, transport);
  EXPECT_EQ(ask(channel).error().kind, ErrorKind::kUnreachable);
  EXPECT_THAT(transport.log, ElementsAre("GET http://127.0.0.1:5000/v2/"));
  is_there = true;
  EXPECT_EQ(ask(channel).error().kind, ErrorKind::kIo);
  is_broken = false;
  transport.log.clear();
  EXPECT_FALSE(ask(channel));  // breaks off, and was an answer
  EXPECT_FALSE(ask(channel));
  EXPECT_THAT(transport.log, Each(HasSubstr("http:")));
}

TEST(Channel, WhatIsTrustedThereIsntTrustedElsewhere) {
  FakeTransport transport([](const auto&) -> Result<FakeAnswer> { return FakeAnswer{}; });
  Channel channel(kInsecure, transport);
  ASSERT_TRUE(ask(channel));
  ASSERT_TRUE(ask(channel, "https://r.example:5000/token"));
  ASSERT_TRUE(ask(channel, "https://r.example/token"));
  ASSERT_TRUE(ask(channel, "https://auth.example/token"));
  ASSERT_NE(transport.requests[0].tls, nullptr);
  EXPECT_FALSE(transport.requests[0].tls->verify);
  EXPECT_NE(transport.requests[1].tls, nullptr);
  EXPECT_EQ(transport.requests[2].tls, nullptr);
  EXPECT_EQ(transport.requests[3].tls, nullptr);
}

TEST(Channel, NoPasswordInTheClearButToTheInsecureRegistryItself) {
  const auto store = CredentialStore::parse(
      R"({"auths":{"r.example:5000":{"username":"me","password":"s3cret"}}})", "config.json", {});
  std::string realm = "http://r.example:5000/token";
  FakeTransport transport([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (is_secure(request)) return fail(no_tls());
    if (request.url.find("/token") != std::string::npos) return FakeAnswer{.body = R"({"token":"t0k"})"};
    if (!FakeTransport::header(request, "Authorization").empty()) return FakeAnswer{.body = "{}"};
    return FakeAnswer{.status = 401,
                      .headers = {{"www-authenticate", fmt::format(R"(Bearer realm="{}")", realm)}}};
  });
  Registry itself(kInsecure, transport, *store);
  EXPECT_TRUE(Repository(itself, "a").manifest("latest"));
  realm = "http://r.example:5001/token";
  Registry another(kInsecure, transport, *store);
  const auto refused = Repository(another, "a").manifest("latest");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("in the clear"));
  EXPECT_THAT(transport.log, Not(Contains(HasSubstr(":5001"))));
}

/// Three registries that fail as told, each with the image "a/b"; no error: it gives the image.
struct Three {
  explicit Three(std::vector<std::optional<Error>> errors_of_them) : errors(std::move(errors_of_them)) {
    for (const char* domain : {"m0.example", "m1.example", "r.example"})
      registries.push_back(std::make_unique<Registry>(Endpoint{.domain = domain, .tls = {}}, transport,
                                                      credentials, RetryPolicy{.attempts = 1, .wait = {}}));
  }
  Result<std::string> pull() {
    std::vector<Repository> places;
    for (const auto& registry : registries) places.emplace_back(*registry, "a/b");
    return first_answer(
        places, [this](std::string_view line) { notes.emplace_back(line); },
        [](Repository& place) -> Result<std::string> {
          TRY(place.manifest("latest"));
          return place.registry().domain();
        });
  }
  std::vector<std::optional<Error>> errors;
  FakeTransport transport{[this](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    const std::size_t i = request.url.find("m0") != std::string::npos   ? 0
                          : request.url.find("m1") != std::string::npos ? 1
                                                                        : 2;
    if (!errors[i]) return FakeAnswer{.body = "{}"};
    if (errors[i]->kind == ErrorKind::kNotFound) return FakeAnswer{.status = 404};
    return fail(*errors[i]);
  }};
  CredentialStore credentials;
  std::vector<std::unique_ptr<Registry>> registries;
  std::vector<std::string> notes;
};

Error not_there() { return {.kind = ErrorKind::kNotFound}; }

TEST(FirstAnswer, TheFirstThatGivesItIsTheLastThatIsAsked) {
  Three three({std::nullopt, unreachable(), unreachable()});
  EXPECT_EQ(*three.pull(), "m0.example");
  EXPECT_EQ(three.transport.log.size(), 1U);
  EXPECT_TRUE(three.notes.empty());
}

TEST(FirstAnswer, SaysWhoIsPassedOverAndWhy) {
  Three three({unreachable(), not_there(), std::nullopt});
  EXPECT_EQ(*three.pull(), "r.example");
  ASSERT_EQ(three.notes.size(), 2U);
  EXPECT_EQ(three.notes[0], "the mirror m0.example/a/b is passed over: can't reach it");
  EXPECT_THAT(three.notes[1],
              HasSubstr("the mirror m1.example/a/b is passed over: https://m1.example: can't "
                        "pull m1.example/a/b:latest: the registry answered 404 Not Found"));
}

TEST(FirstAnswer, OneThatCantBeReachedIsAskedOnce) {
  Three three({unreachable(), not_there(), std::nullopt});
  ASSERT_TRUE(three.pull());
  ASSERT_TRUE(three.pull());
  EXPECT_EQ(std::count(three.transport.log.begin(), three.transport.log.end(),
                       "GET https://m0.example/v2/a/b/manifests/latest"),
            1);
  EXPECT_EQ(std::count(three.transport.log.begin(), three.transport.log.end(),
                       "GET https://m1.example/v2/a/b/manifests/latest"),
            2);
}

TEST(FirstAnswer, NobodyCouldBeReachedOnlyIfThatHoldsForAll) {
  EXPECT_EQ(Three({unreachable(), unreachable(), unreachable()}).pull().error().kind,
            ErrorKind::kUnreachable);
  Three three({not_there(), unreachable(), unreachable()});
  const auto none = three.pull();
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(none.error().detail, HasSubstr("the mirror m0.example/a/b is passed over"));
  EXPECT_THAT(none.error().detail, HasSubstr("the mirror m1.example/a/b is passed over"));
}

TEST(FirstAnswer, WhatIsThisMachinesFaultIsNobodyElses) {
  Three three({Error{.kind = ErrorKind::kMachine, .what = "the disk is full"}, std::nullopt, std::nullopt});
  EXPECT_EQ(three.pull().error().kind, ErrorKind::kMachine);
  EXPECT_EQ(three.transport.log.size(), 1U);
  EXPECT_TRUE(three.notes.empty());
}

}  // namespace
}  // namespace pgstrata::registry
