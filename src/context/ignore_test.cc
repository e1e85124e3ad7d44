#include "context/ignore.h"

#include <gtest/gtest.h>

#include <chrono>

namespace pgstrata::context {
namespace {

// What a walk from the root decides for `path`, as BuildKit's client walks.
bool ignored(const std::string& text, std::string_view path) {
  const auto patterns = IgnorePatterns::parse(text, ".dockerignore");
  if (!patterns) {
    ADD_FAILURE() << patterns.error().message();
    return false;
  }
  const auto slash = path.rfind('/');
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  const auto scope = patterns->scope_of(parent);
  return !scope || patterns->ignores(path, *scope);
}

std::string parse_error(const std::string& text) {
  const auto patterns = IgnorePatterns::parse(text, "d/.dockerignore");
  return patterns ? "" : patterns.error().where + " " + patterns.error().why;
}

struct Case {
  const char* text;
  const char* path;
  bool ignored;
};
class IgnoreTest : public testing::TestWithParam<Case> {};
TEST_P(IgnoreTest, Decides) {
  EXPECT_EQ(ignored(GetParam().text, GetParam().path), GetParam().ignored)
      << GetParam().text << " on " << GetParam().path;
}

// The examples of https://docs.docker.com/build/concepts/context/#syntax and what it says of them.
INSTANTIATE_TEST_SUITE_P(
    Documented, IgnoreTest,
    testing::Values(Case{"*/temp*", "somedir/temporary.txt", true}, Case{"*/temp*", "somedir/temp", true},
                    Case{"*/temp*", "temporary.txt", false}, Case{"*/temp*", "a/b/temp", false},
                    Case{"*/*/temp*", "somedir/subdir/temporary.txt", true},
                    Case{"*/*/temp*", "somedir/temporary.txt", false}, Case{"temp?", "tempa", true},
                    Case{"temp?", "tempb", true}, Case{"temp?", "temp", false},
                    Case{"**/*.go", "main.go", true}, Case{"**/*.go", "a/b/c/main.go", true},
                    Case{"**/*.go", "main.gob", false}, Case{"*.md\n!README.md", "README.md", false},
                    Case{"*.md\n!README.md", "other.md", true},
                    Case{"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
                    Case{"*.md\n!README*.md\nREADME-secret.md", "README-x.md", false},
                    Case{"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
                    Case{"/foo/bar", "foo/bar", true}, Case{"foo/bar/", "foo/bar", true},
                    Case{"# comment\n#x", "#x", false}, Case{".", "a", false}));

INSTANTIATE_TEST_SUITE_P(Lines, IgnoreTest,
                         testing::Values(Case{"\xEF\xBB\xBF"
                                              "secret",
                                              "secret", true},
                                         Case{"a\n\xEF\xBB\xBF"
                                              "b",
                                              "b", false},
                                         Case{"  a  \r\n\tb\t", "a", true},
                                         Case{"  a  \r\n\tb\t", "b", true}, Case{" #a", "#a", true},
                                         Case{"\xC2\xA0"
                                              "a\xE3\x80\x80",
                                              "a", true},
                                         Case{"a b", "a b", true}, Case{"x/../a", "a", true},
                                         Case{"./a//b/.", "a/b", true}, Case{"../a", "a", false},
                                         Case{"/../a", "a", true}, Case{"*\n! a", "a", false},
                                         Case{"*\n!/a", "a", false}, Case{"*\n/!a", "a", false},
                                         Case{"!!a", "!a", false}, Case{"\\!a", "!a", true},
                                         Case{"\\#a", "#a", true}, Case{"/", "a", false},
                                         Case{"\n\n \na", "a", true}));

INSTANTIATE_TEST_SUITE_P(
    Parents, IgnoreTest,
    testing::Values(Case{"docs", "docs/a/b", true}, Case{"docs", "docs2", false},
                    Case{"docs", "a/docs", false}, Case{"docs\n!docs/README.md", "docs/README.md", false},
                    Case{"docs\n!docs/README.md", "docs/other.md", true},
                    Case{"docs/*\n!docs/a", "docs/a/b", false}, Case{"docs/*\n!docs/a", "docs/b/c", true},
                    Case{"*\n!src", "src/deep/file", false}, Case{"*\n!src\nsrc/tmp", "src/tmp/x", true},
                    Case{"!a\n*", "a", true}, Case{"a\n!a/b\na/b/c", "a/b/c/d", true},
                    Case{"a\n!a/b\na/b/c", "a/b/x", false},
                    // The "!foo" is skipped for foo itself, which nothing ignored so far, and so isn't
                    // remembered for foo/x.
                    Case{"*/x\n!foo", "foo/x", true}));

INSTANTIATE_TEST_SUITE_P(
    DoubleStars, IgnoreTest,
    testing::Values(Case{"**", "a", true}, Case{"**", "a/b", true}, Case{"**/", "a/b", true},
                    Case{"**/tmp", "tmp", true}, Case{"**/tmp", "a/b/tmp", true},
                    Case{"**/tmp", "a/xtmp", false}, Case{"**tmp", "a/xtmp", true},
                    Case{"**/a/b", "x/a/b", true}, Case{"**/a/b", "xa/b", false}, Case{"a/**", "a", false},
                    Case{"a/**", "a/b/c", true}, Case{"a/**", "ab", false}, Case{"a**", "ab/c", true},
                    Case{"a**", "a", true}, Case{"a/**/b", "a/b", true}, Case{"a/**/b", "a/x/y/b", true},
                    Case{"a/**/b", "a/xb", false}, Case{"a**/b", "axb", false}, Case{"a**b", "ax/b", true},
                    Case{"**/a/**", "x/a/y", true}, Case{"**/a/**", "x/a", false},
                    Case{"**/*.t?t", "x/y.txt", true}, Case{"**/node_modules", "p/node_modules/q/r", true},
                    Case{"**/a*/b", "x/ay/b", true}, Case{"**/x", "new\nline/x", true},
                    Case{"**/x*", "new\nline/x", false}, Case{"a?/**", "ab/c", true},
                    Case{"***", "a/b", true}, Case{"**/*/**", "a/b", true}, Case{"**/*/**", "a", false}));

INSTANTIATE_TEST_SUITE_P(Characters, IgnoreTest,
                         testing::Values(Case{"a.b", "axb", false},
                                         Case{"a+(b)|{c}$*", "a+(b)|{c}$d", true},
                                         Case{"[a-c]x", "bx", true}, Case{"[^a-c]x", "bx", false},
                                         Case{"[^a]x", "/x", true}, Case{"arr[[]0]*", "arr[0].txt", true},
                                         Case{"a\\*b", "a*b", true}, Case{"a\\*b", "axb", false},
                                         Case{"a]", "a]", true}, Case{"?", "é", true},
                                         Case{"??", "é", false}, Case{"*??", "€", false},
                                         Case{"?x", "\xffx", true}, Case{"\xff*", "\xff\xfe", true}));

// moby/patternmatcher makes a regular expression of a pattern with wildcards, and some characters mean more
// there than in filepath.Match.
INSTANTIATE_TEST_SUITE_P(
    RegularExpressions, IgnoreTest,
    testing::Values(Case{"\\d*", "5x", true}, Case{"\\d*", "dx", false}, Case{"a^b", "a^b", true},
                    Case{"a^*", "a^b", false}, Case{"^*", "ab", true}, Case{"[*]*", "]x", true},
                    Case{"[*]*", "[]x", true}, Case{"[*]*", "*x", false}, Case{"[?]", "[]", true},
                    Case{"[?]", "?", false}, Case{"[[:alpha:]]*", "a1", true},
                    Case{"[[:alpha:]]*", "1a", false}, Case{"[[:^alpha:]]", "1", true},
                    Case{"\\x41*", "Ab", true}, Case{"\\101", "A", true}, Case{"\\Qa*", "a[^/]*$b", true},
                    Case{"\\Qa*", "ab", false}, Case{"[\\d]x", "7x", true}, Case{"[\\d]x", "dx", false},
                    Case{"[\\D]x", "dx", true}, Case{"x\\b*", "x-", true}, Case{"x\\b*", "xy", false},
                    Case{"\\_a", "_a", true}, Case{"a\\.b", "a.b", true}, Case{"a\\.b", "axb", false},
                    Case{"[$.]x", "$x", true}, Case{"[a.]x", "bx", false}, Case{"[**]", "*", true},
                    Case{"[**]", "a", false}, Case{"**/[ab]", "x/y/a", true}, Case{"**/[ab]", "b", true},
                    Case{"**/[ab]", "x/c", false}, Case{"[ab]/**", "a/x/y", true},
                    Case{"[ab]/**", "a", false}, Case{"a**/[b]", "ax/b", true},
                    Case{"a**/[b]", "axb", false}, Case{"**^", "x^", true}));

TEST(Ignore, RefusesWhatGosRegularExpressionsRefuse) {
  for (const char* text : {"\\y", "[z-a]", "\\pL", "\\1", "\\8", "\\x4g", "\\C", "[[:nope:]]", "\\\u00e9"})
    EXPECT_NE(parse_error(text), "") << text;
  EXPECT_NE(parse_error("\\y").find("there is no escape \\y"), std::string::npos);
}

TEST(Ignore, NamesTheLineOfABadPattern) {
  EXPECT_EQ(parse_error("a\n\n!\n").substr(0, 17), "d/.dockerignore:3");
  EXPECT_EQ(parse_error("[").substr(0, 17), "d/.dockerignore:1");
  for (const char* text : {"!", "! ", "!/", "a[", "a\\", "[]", "![a-]"})
    EXPECT_NE(parse_error(text), "") << text;
  EXPECT_NE(parse_error(std::string(64 * 1024, 'a')), "");
  EXPECT_EQ(parse_error(std::string(64 * 1024 - 1, 'a')), "");
  EXPECT_EQ(parse_error(""), "");
}

bool walks(const std::string& text, std::string_view directory) {
  return IgnorePatterns::parse(text, "")->may_include_below(directory);
}

TEST(Ignore, PrunesWhatNoExceptionReaches) {
  EXPECT_FALSE(walks("a", "a"));
  EXPECT_FALSE(walks("*\n!b/c", "a"));
  EXPECT_TRUE(walks("*\n!b/c", "b"));
  EXPECT_FALSE(walks("*\n!b/c", "b/x"));
  EXPECT_FALSE(walks("*\n!bc", "b"));
  EXPECT_TRUE(walks("*\n!b/**", "b"));
  EXPECT_TRUE(walks("*\n!**/*.sh", "a/b"));
  EXPECT_TRUE(walks("*\n!b/*/c", "b/x"));
  EXPECT_FALSE(walks("*\n!b/*/c", "a"));
  EXPECT_TRUE(walks("*\n!b*/c", "bx"));
}

// BuildKit takes "/*/**" for a prefix, stops at b/x and so never sees b/x/y, which the pattern matches.
TEST(Ignore, StopsWhereBuildKitStops) {
  EXPECT_TRUE(ignored("b\n!b/*/**", "b/x/y"));
  EXPECT_FALSE(walks("b\n!b/*/**", "b/x"));
  EXPECT_TRUE(walks("b\n!b/*/**", "b"));
}

// The pruning may only say no if no path below is included: tried on all short paths.
TEST(Ignore, PruningNeverHidesAnIncludedPath) {
  const std::vector<std::string> names{"a", "b", "ab"};
  for (const char* text : {"*\n!a/b", "**\n!*/b", "a\nb\n!**/ab", "*\n!a*", "*\n!a/**/b", "a\n!a\na",
                           "*\n!?/a/b", "*\n!a/[ab]/b", "**\n!a**b"}) {
    const auto patterns = *IgnorePatterns::parse(text, "");
    for (const auto& x : names)
      for (const auto& y : names)
        for (const auto& z : names) {
          const std::string top = x;
          const std::string middle = x + "/" + y;
          const std::string leaf = middle + "/" + z;
          const auto top_scope = patterns.enter(top, patterns.root());
          const auto middle_scope = patterns.enter(middle, top_scope);
          if (patterns.ignores(leaf, middle_scope)) continue;
          EXPECT_TRUE(!top_scope.ignored() || patterns.may_include_below(top)) << text << ": " << leaf;
          EXPECT_TRUE(!middle_scope.ignored() || patterns.may_include_below(middle))
              << text << ": " << leaf;
        }
  }
}

TEST(Ignore, ManyStarsTakeNoExponentialTime) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "**/*a";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(ignored(text, std::string(2000, 'a') + "b"));
  text += "[b]";
  EXPECT_FALSE(ignored(text, std::string(2000, 'a') + "c"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace pgstrata::context
