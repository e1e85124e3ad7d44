#include "registry/challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Challenge, OfDockersTokenServer) {
  const auto found = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")");
  EXPECT_THAT(found, ElementsAre(Challenge{.scheme = "bearer",
                                           .parameters = {{"realm", "https://auth.docker.io/token"},
                                                          {"service", "registry.docker.io"},
                                                          {"scope", "repository:a/b:pull,push"}}}));
}

TEST(Challenge, SeveralInOneHeader) {
  const auto found = parse_challenges(R"(Negotiate, Basic Realm = "a \"b\", c" , bearer realm=x)");
  EXPECT_THAT(found, ElementsAre(Challenge{.scheme = "negotiate", .parameters = {}},
                                 Challenge{.scheme = "basic", .parameters = {{"realm", "a \"b\", c"}}},
                                 Challenge{.scheme = "bearer", .parameters = {{"realm", "x"}}}));
  EXPECT_THAT(parse_challenges("Negotiate YII/x==, Basic realm=\"r\""),
              ElementsAre(Challenge{.scheme = "negotiate", .parameters = {}},
                          Challenge{.scheme = "basic", .parameters = {{"realm", "r"}}}));
}

TEST(Challenge, TheFirstOfTwoEqualNamesCounts) {
  EXPECT_EQ(parse_challenges("Bearer realm=a,realm=b").at(0).parameter("realm"), "a");
  EXPECT_EQ(parse_challenges("Bearer realm=a").at(0).parameter("scope"), "");
}

TEST(Challenge, WhatCantBeReadEndsTheList) {
  EXPECT_THAT(parse_challenges(""), IsEmpty());
  EXPECT_THAT(parse_challenges("realm=\"x\""), IsEmpty());
  EXPECT_THAT(parse_challenges("\"Bearer\""), IsEmpty());
  EXPECT_THAT(parse_challenges("Bearer realm=\"never closed"),
              ElementsAre(Challenge{.scheme = "bearer", .parameters = {}}));
  EXPECT_THAT(parse_challenges("Bearer realm=\"ends in \\"),
              ElementsAre(Challenge{.scheme = "bearer", .parameters = {}}));
}

}  // namespace
}  // namespace pgstrata::registry
