#include "remote/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::remote {
namespace {

using testing::HasSubstr;

GitSource git(const std::string& text) {
  const auto source = parse_source(text);
  EXPECT_TRUE(source && *source && std::holds_alternative<GitSource>(**source)) << text;
  return std::get<GitSource>(**source);
}

std::string refusal(const std::string& text) {
  const auto source = parse_source(text);
  return source ? "accepted" : source.error().what;
}

TEST(Source, LocalPaths) {
  for (const char* local : {"a", "./git@host:x", "/a/b.git", "github.com/a/b", "a:b", "dir/x@y:z",
                            "@host:x", "u@:x", "ftp://host/x", "://x", "", "C:\\x"})
    EXPECT_EQ(parse_source(local).value(), std::nullopt) << local;
}

TEST(Source, Urls) {
  for (const char* url :
       {"http://h/f", "https://h/a.git/f", "HTTPS://h/f", "http://h/f?x=.git", "http://h"}) {
    const auto source = parse_source(url).value();
    ASSERT_TRUE(source && std::holds_alternative<HttpSource>(*source)) << url;
    EXPECT_EQ(std::get<HttpSource>(*source).url, url);
  }
}

TEST(Source, Repositories) {
  EXPECT_EQ(git("https://h/a.git#v1:x/y"),
            (GitSource{.remote = "https://h/a.git", .ref = "v1", .subdir = "x/y"}));
  EXPECT_EQ(git("git@h:a/b#main"), (GitSource{.remote = "git@h:a/b", .ref = "main"}));
  EXPECT_EQ(git("ssh://git@h:22/a#:s").subdir, "s");
  EXPECT_EQ(git("git://h/a").remote, "git://h/a");
  EXPECT_EQ(git("http://h/a.git#feature%2Fx:../../s/").ref, "feature/x");
  EXPECT_EQ(git("http://h/a.git#feature%2Fx:../../s/").subdir, "s");
  EXPECT_EQ(git("git@h:a.git?branch=b&subdir=s").ref, "refs/heads/b");
}

TEST(Source, Queries) {
  const GitSource all =
      git("https://h/a.git?tag=v1&subdir=/s/&commit=ab&keep-git-dir&submodules=0&mtime=commit");
  EXPECT_EQ(all.remote, "https://h/a.git");
  EXPECT_EQ(all.ref, "refs/tags/v1");
  EXPECT_EQ(all.subdir, "s");
  EXPECT_EQ(all.checksum, "ab");
  EXPECT_EQ(all.keep_git_dir, true);
  EXPECT_FALSE(all.submodules);
  EXPECT_TRUE(all.commit_times);
  EXPECT_EQ(git("https://h/a.git?ref=x#x").ref, "x");
}

TEST(Source, BadQueries) {
  EXPECT_THAT(refusal("https://h/a.git?rev=x"), HasSubstr("unexpected query \"rev\""));
  EXPECT_THAT(refusal("https://h/a.git?ref="), HasSubstr("has no value"));
  EXPECT_THAT(refusal("https://h/a.git?ref=a&ref=b"), HasSubstr("multiple values"));
  EXPECT_THAT(refusal("https://h/a.git?ref=a#b"), HasSubstr("ref conflicts"));
  EXPECT_THAT(refusal("https://h/a.git?tag=a&branch=a"), HasSubstr("ref conflicts"));
  EXPECT_THAT(refusal("https://h/a.git?submodules=maybe"), HasSubstr("invalid submodules value"));
  EXPECT_THAT(refusal("https://h/a.git?mtime=now"), HasSubstr("invalid mtime value"));
  EXPECT_THAT(refusal("https://h/a.git#-x"), HasSubstr("invalid git ref"));
  EXPECT_THAT(refusal("https://u:secret@h/a.git#-x"), HasSubstr("https://u:xxxxx@h/a.git"));
}

TEST(Source, TheNameOfADownload) {
  EXPECT_EQ(url_filename("http://h/a/b.tar?c=/d#/e"), "b.tar");
  EXPECT_EQ(url_filename("http://h/a/"), "a");
  EXPECT_EQ(url_filename("http://h/a%20b"), "a b");
  for (const char* url : {"http://h", "http://h/", "http://h?x", "http://h/.", "http://h/x/.."})
    EXPECT_EQ(url_filename(url), "__unnamed__") << url;
  EXPECT_EQ(url_filename("http://h/%2e%2e"), "__unnamed__");
}

TEST(Source, Hosts) {
  EXPECT_EQ(url_host("http://u:p@Example.org:80/x"), "example.org");
  EXPECT_EQ(url_host("http://[::1]:80/x"), "::1");
  EXPECT_EQ(url_host("https://h?x"), "h");
}

TEST(Source, AsAnybodyCouldWriteIt) {
  const auto written = [](const char* text) { return uri(parse_source(text).value().value()); };
  EXPECT_EQ(written("https://x.example/a?b=c"), "https://x.example/a?b=c");
  EXPECT_EQ(written("https://token@x.example/a@b"), "https://x.example/a@b");
  EXPECT_EQ(written("https://u:p@x.example/r.git#v1:sub"), "https://x.example/r.git#v1:sub");
  EXPECT_EQ(written("https://x.example/r.git#:sub"), "https://x.example/r.git#:sub");
  EXPECT_EQ(written("git@x.example:r.git#v1"), "git@x.example:r.git#v1");
}

TEST(Source, CredentialsAreHidden) {
  EXPECT_EQ(without_credentials("http://u:p@h/x"), "http://u:xxxxx@h/x");
  EXPECT_EQ(without_credentials("http://u@h/x@y:z"), "http://u@h/x@y:z");
  EXPECT_EQ(without_credentials("git@h:x"), "git@h:x");
}

}  // namespace
}  // namespace pgstrata::remote
