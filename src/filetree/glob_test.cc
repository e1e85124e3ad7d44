#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"
#include "filetree/glob_pattern.h"
#include "filetree/resolve.h"

namespace pgstrata::filetree {
namespace {

struct MatchCase {
  const char* pattern;
  const char* name;
  bool matches;
};

// Expectations follow from the grammar in Go's documentation of path/filepath.Match.
class MatchTest : public testing::TestWithParam<MatchCase> {};

TEST_P(MatchTest, AgreesWithFilepathMatch) {
  const auto result = match(GetParam().pattern, GetParam().name);
  ASSERT_TRUE(result) << GetParam().pattern;
  EXPECT_EQ(*result, GetParam().matches) << GetParam().pattern << " on " << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(Literals, MatchTest,
                         testing::Values(MatchCase{"", "", true}, MatchCase{"", "a", false},
                                         MatchCase{"run.sh", "run.sh", true},
                                         MatchCase{"run.sh", "run.shx", false},
                                         MatchCase{"run.sh", "runxsh", false}, MatchCase{"a]", "a]", true},
                                         MatchCase{"a-b^c", "a-b^c", true}));
INSTANTIATE_TEST_SUITE_P(
    Stars, MatchTest,
    testing::Values(MatchCase{"*", "", true}, MatchCase{"*", "anything", true},
                    MatchCase{"*", "a/b", false}, MatchCase{"*", ".hidden", true},
                    MatchCase{"**", "a/b", false}, MatchCase{"**", "ab", true},
                    MatchCase{"*.sh", "run.sh", true}, MatchCase{"*.sh", ".sh", true},
                    MatchCase{"*.sh", "run.sh.in", false}, MatchCase{"*.sh", "run.sh.sh", true},
                    MatchCase{"*.sh", "bin/run.sh", false}, MatchCase{"bin/*", "bin/run", true},
                    MatchCase{"bin/*", "bin/a/b", false}, MatchCase{"*/*", "a/b", true},
                    MatchCase{"a*b*c", "a-b-b-c", true}, MatchCase{"a*b*c", "a-c-b", false},
                    MatchCase{"a*", "a\nb", true},
                    // The first star stops before the slash, and the class that took "x" isn't tried on the
                    // slash: Go doesn't go back behind the second star.
                    MatchCase{"*[^b]*c", "xx/c", false}));
INSTANTIATE_TEST_SUITE_P(Runes, MatchTest,
                         testing::Values(MatchCase{"?", "é", true}, MatchCase{"??", "é", false},
                                         MatchCase{"?", "", false}, MatchCase{"?", "/", false},
                                         MatchCase{"a?c", "a☺c", true}, MatchCase{"?", "\xff", true},
                                         MatchCase{"??", "\xe2\x98", true}, MatchCase{"é", "é", true},
                                         MatchCase{"?", "\xed\xa0\x80", false}));
INSTANTIATE_TEST_SUITE_P(Classes, MatchTest,
                         testing::Values(MatchCase{"[a-c]", "b", true}, MatchCase{"[a-c]", "d", false},
                                         MatchCase{"[^a-c]", "d", true}, MatchCase{"[^a-c]", "b", false},
                                         MatchCase{"[abx-z]", "y", true}, MatchCase{"[!a]", "!", true},
                                         MatchCase{"[!a]", "b", false},
                                         MatchCase{"arr[[]0].txt", "arr[0].txt", true},
                                         MatchCase{"[*]", "*", true}, MatchCase{"[*]", "x", false},
                                         MatchCase{"[?]", "?", true}, MatchCase{"[\\]]", "]", true},
                                         MatchCase{"[a\\-z]", "-", true}, MatchCase{"[a\\-z]", "m", false},
                                         MatchCase{"[α-ω]", "λ", true}, MatchCase{"[z-a]", "m", false},
                                         MatchCase{"[^a]", "/", true}, MatchCase{"[a]", "", false}));
INSTANTIATE_TEST_SUITE_P(Escapes, MatchTest,
                         testing::Values(MatchCase{"\\*", "*", true}, MatchCase{"\\*", "x", false},
                                         MatchCase{"\\\\", "\\", true}, MatchCase{"\\a", "a", true},
                                         MatchCase{"\\[a]", "[a]", true}));

TEST(Match, MalformedPatternsAreErrorsWhateverTheName) {
  for (const char* pattern : {"[", "[]", "[^]", "[a", "[a-", "[a-]", "[-a]", "[]a]", "a\\", "[\\", "*[",
                              "x*[a-]*", "[\xff]", "[a-\\"}) {
    for (const char* name : {"", "a", "zzz"}) {
      const auto result = match(pattern, name);
      ASSERT_FALSE(result) << pattern;
      EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
      EXPECT_EQ(result.error().where, pattern);
    }
  }
}

TEST(Match, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  pattern += "b";
  EXPECT_FALSE(*match(pattern, std::string(5000, 'a')));
}

TEST(DecodeRune, CountsEveryInvalidByteForItself) {
  EXPECT_EQ(decode_rune("€x").value, U'€');
  EXPECT_EQ(decode_rune("€x").length, 3U);
  EXPECT_EQ(decode_rune("\U0001F600").length, 4U);
  for (const char* invalid : {"\x80", "\xc0\x80", "\xe2\x82", "\xe2(\xa1", "\xf4\x90\x80\x80", "\xf8\x88",
                              "\xe0\x80\x80", "\xed\xbf\xbf"}) {
    EXPECT_EQ(decode_rune(invalid).value, char32_t{0xFFFD});
    EXPECT_EQ(decode_rune(invalid).length, 1U);
  }
}

TEST(HasGlob, LooksPastEscapes) {
  for (const char* pattern : {"*", "a?", "x[y", "\\**"}) EXPECT_TRUE(has_glob(pattern)) << pattern;
  for (const char* pattern : {"", "a", "a]", "\\*", "\\[a\\?", "a\\"})
    EXPECT_FALSE(has_glob(pattern)) << pattern;
}

using Paths = std::vector<std::string>;

class GlobTest : public testing::Test {
 protected:
  GlobTest() {
    for (const char* path : {"a", "a-b", "lib", "lib/deep", "lib/deep/er"}) tree.directory(path);
    for (const char* path : {"a/x.sh", "a-b/x.sh", "a/y.txt", "lib/deep/x.sh", "run.sh", "go.sum", "a/b*c"})
      tree.file(path, "");
    tree.symlink("link", "lib");
    tree.symlink("run-link.sh", "run.sh");
    tree.symlink("to-deep", "link/deep");
  }
  Paths at(std::string_view pattern) {
    auto found = glob(tree, pattern);
    return found ? *found : Paths{"error: " + found.error().what};
  }
  FakeFileTree tree;
};

TEST_F(GlobTest, APatternWithoutGlobGivesItselfWithALastLinkKept) {
  EXPECT_EQ(at("a/x.sh"), (Paths{"a/x.sh"}));
  EXPECT_EQ(at("/a/../a/./x.sh"), (Paths{"a/x.sh"}));
  EXPECT_EQ(at("../../run.sh"), (Paths{"run.sh"}));
  EXPECT_EQ(at("run-link.sh"), (Paths{"run-link.sh"}));
  EXPECT_EQ(at("to-deep/x.sh"), (Paths{"lib/deep/x.sh"}));
  EXPECT_EQ(at("missing"), (Paths{}));
  EXPECT_EQ(at("."), (Paths{""}));
  EXPECT_EQ(at("a/"), (Paths{"a"}));
  EXPECT_EQ(at("a/b\\*c"), (Paths{})) << "no glob, so the backslash is part of the name";
}

TEST_F(GlobTest, MatchesComponentByComponentInTheOrderOfAWalk) {
  EXPECT_EQ(at("*.sh"), (Paths{"run-link.sh", "run.sh"}));
  EXPECT_EQ(at("*/x.sh"), (Paths{"a/x.sh", "a-b/x.sh"})) << "a before a-b, though a-b/x.sh < a/x.sh";
  EXPECT_EQ(at("a*/*"), (Paths{"a/b*c", "a/x.sh", "a/y.txt", "a-b/x.sh"}));
  EXPECT_EQ(at("a/b[*]c"), (Paths{"a/b*c"}));
  EXPECT_EQ(at("[a]/b\\*c"), (Paths{"a/b*c"})) << "behind a glob component a backslash escapes";
  EXPECT_EQ(at("*/*/*"), (Paths{"lib/deep/er", "lib/deep/x.sh"}));
  EXPECT_EQ(at("zz*"), (Paths{}));
  EXPECT_EQ(at("run.sh/*"), (Paths{}));
}

TEST_F(GlobTest, FollowsLinksBeforeTheFirstGlobComponentOnly) {
  EXPECT_EQ(at("link/*/x.sh"), (Paths{"lib/deep/x.sh"}));
  EXPECT_EQ(at("lin[k]/deep/x.sh"), (Paths{}));
  EXPECT_EQ(at("lin?"), (Paths{"link"}));
}

TEST_F(GlobTest, ReportsAMalformedPattern) { EXPECT_EQ(at("a/[x"), (Paths{"error: malformed pattern"})); }

}  // namespace
}  // namespace pgstrata::filetree
