#include "dockerfile/expansion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace pgstrata::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Lookup in(const std::map<std::string, std::string, std::less<>>& variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

const std::map<std::string, std::string, std::less<>> kVariables = {
    {"foo", "foobarbaz"},  {"empty", ""},
    {"dir", "/srv/data"},  {"x", "xxyy"},
    {"stars", "a***yy*"},  {"path", "/a/b/c"},
    {"two", "a  b"},       {"p", "ba"},
    {"lines", "one\ntwo"}, {"\xC3\xA9t\xC3\xA9", "summer"}};

struct Case {
  const char* word;
  const char* expected;  // nullptr: an error
};

class Expansion : public testing::TestWithParam<Case> {};

TEST_P(Expansion, GivesTheReferencesResult) {
  const auto result = expand(GetParam().word, in(kVariables));
  if (GetParam().expected == nullptr) {
    EXPECT_FALSE(result.has_value()) << GetParam().word << " gave " << *result;
    return;
  }
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(*result, GetParam().expected) << GetParam().word;
}

// Section "Environment replacement" of the Dockerfile reference.
INSTANTIATE_TEST_SUITE_P(
    Reference, Expansion,
    testing::Values(Case{"$foo", "foobarbaz"}, Case{"${foo}_x", "foobarbaz_x"}, Case{"$foo_x", ""},
                    Case{"${foo:-w}", "foobarbaz"}, Case{"${empty:-w}", "w"}, Case{"${none:-w}", "w"},
                    Case{"${empty-w}", ""}, Case{"${none-w}", "w"}, Case{"${foo:+w}", "w"},
                    Case{"${empty:+w}", ""}, Case{"${none:+w}", ""}, Case{"${empty+w}", "w"},
                    Case{"${none+w}", ""}, Case{"${foo:?m}", "foobarbaz"}, Case{"${empty?m}", ""},
                    Case{"${empty:?m}", nullptr}, Case{"${none?m}", nullptr},
                    Case{"${none:-$dir/x}", "/srv/data/x"}, Case{"${none:-${empty:-${dir}}}", "/srv/data"},
                    Case{"\\$foo", "$foo"}, Case{"\\${foo}", "${foo}"}));

// Every example of the reference, and shortest against longest.
INSTANTIATE_TEST_SUITE_P(
    Patterns, Expansion,
    testing::Values(Case{"${foo#f*b}", "arbaz"}, Case{"${foo##f*b}", "az"}, Case{"${foo%b*}", "foobar"},
                    Case{"${foo%%b*}", "foo"}, Case{"${foo/ba/fo}", "fooforbaz"},
                    Case{"${foo//ba/fo}", "fooforfoz"}, Case{"${x#*x*y}", "y"}, Case{"${x#*}", "xxyy"},
                    Case{"${x##*}", ""}, Case{"${x#}", "xxyy"}, Case{"${x##*x}", "yy"},
                    Case{"${x%z}", "xxyy"}, Case{"${x%?}", "xxy"}, Case{"${stars%%\\**\\*}", "a"},
                    Case{"${stars#a\\*}", "**yy*"}, Case{"${foo#$p}", "foobarbaz"},
                    Case{"${foo//$p/B}", "fooBrBz"}, Case{"${path//\\//-}", "-a-b-c"},
                    Case{"${path/\\/a/}", "/b/c"}, Case{"${path##*/}", "c"}, Case{"${path%/*}", "/a/b"},
                    Case{"${none//a/b}", ""}, Case{"${foo/o*b/-}", "f-az"}, Case{"${empty//*/r}", "r"},
                    Case{"${x//*/r}", "r"}, Case{"${x///-}", "-x-x-y-y-"},
                    // Neither wildcard crosses a line.
                    Case{"${lines#*}", "one\ntwo"}, Case{"${lines##*}", "\ntwo"},
                    Case{"${lines%%*}", "one\n"}, Case{"${foo:#f}", nullptr}, Case{"${foo:%f}", nullptr},
                    Case{"${foo#\\a}", nullptr}, Case{"${foo//ba}", nullptr}, Case{"${foo/ba/x", nullptr}));

INSTANTIATE_TEST_SUITE_P(Quoting, Expansion,
                         testing::Values(Case{"he'll'o", "hello"}, Case{"he'llo", nullptr},
                                         Case{"he\\'llo", "he'llo"}, Case{"abc\\tdef", "abctdef"},
                                         Case{"\"abc\\tdef\"", "abc\\tdef"}, Case{"\"a\\\\b\"", "a\\b"},
                                         Case{"'a\\tb'", "a\\tb"}, Case{"end\\", "end"},
                                         Case{"end\\\\", "end\\"}, Case{"\"open", nullptr},
                                         Case{"\"open\\\"", nullptr}, Case{"\"it's\"", "it's"},
                                         Case{"'$foo'", "$foo"}, Case{"\"$foo\"", "foobarbaz"},
                                         Case{"\"\\$foo\"", "$foo"}, Case{"\"'$foo'\"", "'foobarbaz'"},
                                         Case{"'\"x\"'", "\"x\""}, Case{"a  b", "a  b"}));

INSTANTIATE_TEST_SUITE_P(
    Names, Expansion,
    testing::Values(Case{"he$1x", "hex"}, Case{"$12a", "a"}, Case{"$.", "$."}, Case{"$", "$"},
                    Case{"a$ b", "a$ b"}, Case{"$@x", "x"}, Case{"${@}", ""}, Case{"${1:-w}", "w"},
                    Case{"$\xC3\xA9t\xC3\xA9", "summer"}, Case{"$x\xE2\x80\x94", "xxyy\xE2\x80\x94"},
                    Case{"${}", nullptr}, Case{"${{x}", nullptr}, Case{"${:-w}", nullptr},
                    Case{"${x", nullptr}, Case{"${x:", nullptr}, Case{"${x=w}", nullptr},
                    Case{"${x:=w}", nullptr}, Case{"${x.y}", nullptr}, Case{"${none}}", "}"},
                    // Bytes that aren't UTF-8 are kept.
                    Case{"\xFF$x\xC3", "\xFFxxyy\xC3"}));

TEST(ExpansionErrors, SayWhichVariableIsMissing) {
  const auto result = expand("${VERSION:?set it}", in({}));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().what, "VERSION: set it");
  EXPECT_THAT(result.error().next, HasSubstr("--build-arg VERSION="));
  EXPECT_THAT(expand("${V?}", in({})).error().what, HasSubstr("not allowed to be unset"));
  EXPECT_THAT(expand("${V:?}", in({{"V", ""}})).error().what, HasSubstr("not allowed to be empty"));
}

TEST(ExpansionRulesTest, TheEscapeCharacterIsADirective) {
  EXPECT_EQ(*expand("C:\\dir`$foo", in(kVariables), {.escape = '`'}), "C:\\dir$foo");
}

TEST(ExpansionRulesTest, HeredocsHaveNoQuotes) {
  EXPECT_EQ(*expand("it's \"$p\"", in(kVariables), {.quotes = false}), "it's \"ba\"");
}

TEST(ExpansionRulesTest, ProgressKeepsQuotesAndWhatTheShellWillExpand) {
  EXPECT_EQ(*expand("echo \"$p\" '$p' $other ${other:-x}", in(kVariables),
                    {.keep_quotes = true, .keep_unset = true}),
            "echo \"ba\" '$p' $other ${other:-x}");
}

// In double quotes a backslash before an ordinary letter is itself, in a pattern too.
TEST(ExpansionRulesTest, BackslashesInQuotedPatterns) {
  EXPECT_EQ(*expand("${w#\"C:\\d\"}", in({{"w", "C:\\dir"}})), "ir");
}

TEST(ExpandWords, SplitsAfterExpansionButNotWithinQuotes) {
  EXPECT_THAT(*expand_words("x$two \"$two\" c", in(kVariables)), ElementsAre("xa", "b", "a  b", "c"));
  EXPECT_THAT(*expand_words("a\\ b '' c", in(kVariables)), ElementsAre("a b", "c"));
  EXPECT_THAT(*expand_words("  ", in(kVariables)), IsEmpty());
}

// A flaw of BuildKit's lexer (frontend/dockerfile/shell/lex.go, one buffer for both words), which decides
// what EXPOSE makes of such a line.
TEST(ExpandWords, LoseWhatComesBeforeAnAlternative) {
  EXPECT_THAT(*expand_words("80 81${unset:-82}83", in(kVariables)), ElementsAre("80", "8283"));
  EXPECT_EQ(*expand("81${unset:-82}83", in(kVariables)), "818283");
}

TEST(ExpansionLimits, NestingIsBounded) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "${a:-";
  const auto result = expand(deep, in({}));
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().what, HasSubstr("nested"));
}

TEST(ExpansionLimits, AValueCannotGrowWithoutBound) {
  std::string value = "0123456789";
  Result<std::string> grown = value;
  for (int i = 0; grown && i < 100; ++i) {
    value = *grown;
    grown = expand("$a$a", in({{"a", value}}));
  }
  ASSERT_FALSE(grown.has_value());
  EXPECT_THAT(grown.error().what, HasSubstr("grows"));
  EXPECT_LE(value.size(), kMaxGrowth + 4);
}

// Each of these alone is allowed.
TEST(ExpansionLimits, AllPatternsOfAWordTogetherAreBounded) {
  const std::string value(100000, 'a');
  const std::string one = "${v%%" + std::string(90, 'a') + "*b}";
  EXPECT_EQ(expand("${w:-x}" + one, in({{"v", value}}))->size(), value.size() + 1);
  std::string word;
  for (int i = 0; i < 20; ++i) word += "${w:+" + one + "}";
  const auto expanded = expand(word, in({{"v", value}, {"w", ""}}));
  ASSERT_FALSE(expanded.has_value());
  EXPECT_THAT(expanded.error().what, HasSubstr("too long"));
}

// A backtracking matcher needs longer than the universe has.
TEST(ExpansionLimits, PatternsDoNotBacktrack) {
  const std::string value(20000, 'a');
  EXPECT_EQ(*expand("${v##*a*a*a*a*a*a*a*a*a*a*b}", in({{"v", value}})), value);
  EXPECT_EQ(*expand("${v//*a*a*a*a*a*a*a*a*a*b/x}", in({{"v", value}})), value);
}

}  // namespace
}  // namespace pgstrata::dockerfile
