#include "remotecache/place.h"

#include <gtest/gtest.h>

namespace pgstrata::remotecache {
namespace {

std::string refused(const Error& error) { return error.why + "; " + error.next; }

TEST(CacheTo, ADirectoryAndARegistry) {
  const CacheTo local =
      parse_cache_to("type=local,dest=/tmp/cache,tag=ci,mode=min,ignore-error=true").value();
  EXPECT_EQ(std::get<DirectoryPlace>(local.place).directory, "/tmp/cache");
  EXPECT_EQ(std::get<DirectoryPlace>(local.place).tag, "ci");
  EXPECT_EQ(local.mode, Mode::kMin);
  EXPECT_TRUE(local.ignore_error);
  const CacheTo there = parse_cache_to("type=registry,ref=localhost:5000/team/cache").value();
  EXPECT_EQ(std::get<RegistryPlace>(there.place).reference.str(), "localhost:5000/team/cache:latest");
  EXPECT_EQ(there.mode, Mode::kMax);
  EXPECT_FALSE(there.ignore_error);
}

TEST(CacheFrom, ABareNameIsARegistrys) {
  const Place place = parse_cache_from("localhost:5000/cache:main").value();
  EXPECT_EQ(std::get<RegistryPlace>(place).reference.str(), "localhost:5000/cache:main");
  EXPECT_EQ(in_words(parse_cache_from("type=local,src=a,digest=" + oci::sha256("x").str()).value()), "a");
}

TEST(CacheTo, WhatItCannotBe) {
  EXPECT_EQ(refused(parse_cache_to("type=gha").error()),
            "there is no type \"gha\"; the types are local and registry");
  EXPECT_EQ(refused(parse_cache_to("type=local,src=a").error()),
            "type=local has no key \"src\"; its keys are type, dest, tag, mode, ignore-error");
  EXPECT_EQ(refused(parse_cache_to("type=local").error()), "type=local needs dest; add dest=DIRECTORY");
  EXPECT_EQ(refused(parse_cache_to("type=registry,ref=a,mode=mid").error()),
            "there is no mode \"mid\"; use min or max");
  EXPECT_EQ(refused(parse_cache_to("type=registry,ref=a/b@" + oci::sha256("x").str()).error()),
            "nothing can be put under a digest; name a tag: ref=REGISTRY/NAME:TAG");
  EXPECT_EQ(refused(parse_cache_from("type=local,dest=a").error()),
            "type=local has no key \"dest\"; its keys are type, src, tag, digest");
  EXPECT_EQ(parse_cache_from("type=local,src=a,digest=md5:1").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace pgstrata::remotecache
