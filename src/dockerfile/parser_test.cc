#include "dockerfile/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/dump.h"

namespace pgstrata::dockerfile {
namespace {

using testing::HasSubstr;

std::string parsed(const std::string& text) {
  const auto dockerfile = parse(text, "Dockerfile");
  return dockerfile ? dump(*dockerfile) : "error: " + dockerfile.error().message();
}

struct Pair {
  const char* name;
  std::string text;
  std::string dump;
};
void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.name; }

class Accepted : public testing::TestWithParam<Pair> {};
TEST_P(Accepted, IsReadAs) { EXPECT_EQ(parsed(GetParam().text), GetParam().dump); }

std::string name_of(const testing::TestParamInfo<Pair>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Lines, Accepted,
    testing::Values(
        Pair{"KeywordsInAnyCase", "from a\nRuN x\n", "1 FROM base=\"a\"\n2 RUN shell=[\"x\"]\n"},
        Pair{"ByteOrderMarkAndCarriageReturns",
             "\xEF\xBB\xBF"
             "FROM a\r\nRUN b \\\r\n c\r\n",
             "1 FROM base=\"a\"\n2-3 RUN shell=[\"b  c\"]\n"},
        Pair{"LeadingBlanksAndNoFinalNewline", "  FROM a\n\t RUN b",
             "1 FROM base=\"a\"\n2 RUN shell=[\"b\"]\n"},
        Pair{"CommentsWithinContinuations", "FROM a\nRUN b \\\n# no\n   # no\n  c\n",
             "1 FROM base=\"a\"\n2-5 RUN shell=[\"b   c\"]\n"},
        Pair{"HashWithinALineIsNoComment", "FROM a\nRUN echo # x\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"echo # x\"]\n"},
        Pair{"BlanksBehindTheEscape", "FROM a\nRUN b \\ \t\n c\n",
             "1 FROM base=\"a\"\n2-3 RUN shell=[\"b  c\"]\n"},
        Pair{"EscapedEscapeDoesNotContinue", "FROM a\nRUN b \\\\\nUSER c\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"b \\\\\\\\\"]\n3 USER name=\"c\"\n"},
        Pair{"EmptyContinuationLine", "FROM a\nRUN b \\\n\n c\n",
             "1 FROM base=\"a\"\n2-4 RUN shell=[\"b  c\"]\n4 empty continuation\n"},
        Pair{"ContinuationAtTheEnd", "FROM a\nRUN b \\", "1 FROM base=\"a\"\n2 RUN shell=[\"b\"]\n"},
        Pair{"InstructionBehindALoneEscape", "FROM a\n\\\nRUN b\n",
             "1 FROM base=\"a\"\n2-3 RUN shell=[\"b\"]\n"},
        Pair{"BacktickAsEscape", "# escape=`\nFROM a\nRUN c:\\dir\\ `\n x\n",
             "# escape=`\n2 FROM base=\"a\"\n3-4 RUN shell=[\"c:\\\\dir\\\\  x\"]\n"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Directives, Accepted,
    testing::Values(Pair{"SyntaxIsKept", "# syntax = docker/dockerfile:1\nFROM a\n",
                         "# syntax=docker/dockerfile:1\n2 FROM base=\"a\"\n"},
                    Pair{"KeysInAnyCase", "#SYNTAX=x\n# Escape = `\nFROM a\n",
                         "# syntax=x\n# escape=`\n3 FROM base=\"a\"\n"},
                    Pair{"NotBehindAComment", "# hello\n# escape=`\nFROM a\nRUN b\\\nc\n",
                         "3 FROM base=\"a\"\n4-5 RUN shell=[\"bc\"]\n"},
                    Pair{"NotBehindAnUnknownKey", "# key=x\n# escape=`\nFROM a\n", "3 FROM base=\"a\"\n"},
                    Pair{"NotBehindABlankLine", "\n# escape=`\nFROM a\n", "3 FROM base=\"a\"\n"},
                    Pair{"SyntaxBehindAShebang", "#!/usr/bin/env x\n# syntax=y\nFROM a\n",
                         "# syntax=y\n3 FROM base=\"a\"\n"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Heredocs, Accepted,
    testing::Values(
        Pair{"OneWithoutCommand", "FROM a\nRUN <<EOF\none\n\ttwo\nEOF\nUSER x\n",
             "1 FROM base=\"a\"\n2-5 RUN shell=[\"<<EOF\"] <<EOF\"one\\n\\ttwo\\n\"\n6 USER name=\"x\"\n"},
        Pair{"QuotedWordIsLiteral", "FROM a\nRUN cat <<'E F' x\n$a\nE F\n",
             "1 FROM base=\"a\"\n2-4 RUN shell=[\"cat <<'E F' x\"] <<'E F'\"$a\\n\"\n"},
        Pair{"SeveralInOrder", "FROM a\nRUN 3<<A <<-B cat\n1\nA\n\t2\n\tB\n",
             "1 FROM base=\"a\"\n2-6 RUN shell=[\"3<<A <<-B cat\"] 3<<A\"1\\n\" <<-B\"\\t2\\n\"\n"},
        Pair{"HereStringIsTheShells", "FROM a\nRUN cat <<< x\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"cat <<< x\"]\n"},
        Pair{"NotInJson", "FROM a\nRUN [\"<<EOF\"]\n", "1 FROM base=\"a\"\n2 RUN exec=[\"<<EOF\"]\n"},
        Pair{"NotInOtherInstructions", "FROM a\nCMD <<EOF\n",
             "1 FROM base=\"a\"\n2 CMD shell=[\"<<EOF\"]\n"},
        Pair{"NotWithinQuotes", "FROM a\nRUN echo \"<<EOF\"\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"echo \\\"<<EOF\\\"\"]\n"},
        Pair{"CopySources", "FROM a\nCOPY <<f.txt b <<-\"g\" /d/\nx\nf.txt\n\ty\n\tg\n",
             "1 FROM base=\"a\"\n2-6 COPY sources=[\"b\"] inline=\"f.txt:\"\"x\\n\" literal=\"g:\"\"y\\n\" "
             "destination=\"/d/\"\n"},
        Pair{"WithinOnbuild", "FROM a\nONBUILD RUN <<EOF\nx\nEOF\n",
             "1 FROM base=\"a\"\n2-4 ONBUILD expression=\"RUN <<EOF\\nx\\nEOF\"\n"},
        Pair{"CommentsAndContinuationsAreText", "FROM a\nRUN <<E\n# x\ny \\\nE\n",
             "1 FROM base=\"a\"\n2-5 RUN shell=[\"<<E\"] <<E\"# x\\ny \\\\\\n\"\n"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Forms, Accepted,
    testing::Values(Pair{"JsonWithEscapes", "FROM a\nRUN [ \"a\\n\", \"\\u00e9\\ud83d\\ude00\", \"\" ] \n",
                         "1 FROM base=\"a\"\n2 RUN exec=[\"a\\n\" \"\xC3\xA9\xF0\x9F\x98\x80\" \"\"]\n"},
                    Pair{"NotQuiteJsonIsShell", "FROM a\nRUN ['a', 'b']\nRUN [ -f x ] && y\nRUN [\"a\",]\n",
                         "1 FROM base=\"a\"\n2 RUN shell=[\"['a', 'b']\"]\n3 RUN shell=[\"[ -f x ] && "
                         "y\"]\n4 RUN shell=[\"[\\\"a\\\",]\"]\n"},
                    Pair{"TextBehindJsonIsShell", "FROM a\nRUN [\"a\"] b\n",
                         "1 FROM base=\"a\"\n2 RUN shell=[\"[\\\"a\\\"] b\"]\n"},
                    Pair{"EmptyJson", "FROM a\nCMD []\nENTRYPOINT [ ]\n",
                         "1 FROM base=\"a\"\n2 CMD exec=[]\n3 ENTRYPOINT exec=[]\n"},
                    Pair{"CopyInJson", "FROM a\nCOPY [\"a b\", \"c\", \"/d e/\"]\n",
                         "1 FROM base=\"a\"\n2 COPY sources=[\"a b\" \"c\"] destination=\"/d e/\"\n"},
                    Pair{"Shell", "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\n",
                         "1 FROM base=\"a\"\n2 SHELL words=[\"/bin/bash\" \"-c\"]\n"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Instructions, Accepted,
    testing::Values(
        Pair{"From", "ARG V=1\nFROM --platform=$P a:$V AS Build\n",
             "1 ARG \"V\"=\"1\"\n2 FROM base=\"a:$V\" platform=\"$P\" name=\"build\"\n"},
        Pair{"RunFlags",
             "FROM a\nRUN --mount=type=bind,\"source=a,b\",target=/x --mount=type=cache,target=/c "
             "--network=none "
             "--security=insecure --device=v/c=d,required make --all\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"make --all\"] mount=[\"type=bind\" \"source=a\" \"b\" "
             "\"target=/x\"] "
             "mount=[\"type=cache\" \"target=/c\"] network=none security=insecure device=\"v/c=d\" "
             "required\n"},
        Pair{"FlagsEndAtTwoDashes", "FROM a\nRUN -- --mount=x\n",
             "1 FROM base=\"a\"\n2 RUN shell=[\"--mount=x\"]\n"},
        Pair{"CopyFlags",
             "FROM a\nCOPY --from=0 --chown=u:g --chmod=u=rwX,go=rX --link --parents=true --exclude=*.a "
             "--exclude=b "
             "x y /z\n",
             "1 FROM base=\"a\"\n2 COPY from=\"0\" sources=[\"x\" \"y\"] destination=\"/z\" chown=\"u:g\" "
             "chmod=\"u=rwX,go=rX\" link parents exclude=[\"*.a\" \"b\"]\n"},
        Pair{"AddFlags",
             "FROM a\nADD --keep-git-dir --checksum=sha256:00 --unpack=FALSE https://e.org/a.git#v1 /d\n",
             "1 FROM base=\"a\"\n2 ADD sources=[\"https://e.org/a.git#v1\"] destination=\"/d\" "
             "keep_git_dir=true "
             "checksum=\"sha256:00\" unpack=false\n"},
        Pair{"EnvPairs", "FROM a\nENV a=1 b=\"x y\" c=x\\ y d='$e' f=\n",
             "1 FROM base=\"a\"\n2 ENV \"a\"=\"1\" \"b\"=\"\\\"x y\\\"\" \"c\"=\"x\\\\ y\" \"d\"=\"'$e'\" "
             "\"f\"=\"\"\n"},
        Pair{"EnvLegacy", "FROM a\nENV ONE TWO= THREE=world\nLABEL a  b c\n",
             "1 FROM base=\"a\"\n2 ENV \"ONE\" \"TWO= THREE=world\"\n3 LABEL \"a\" \"b c\"\n"},
        Pair{"ArgsWithAndWithoutDefault", "FROM a\nARG a b=1 c=\n",
             "1 FROM base=\"a\"\n2 ARG \"a\" \"b\"=\"1\" \"c\"=\"\"\n"},
        Pair{"ExposeIsSorted", "FROM a\nEXPOSE 9000-9002/udp  80\n",
             "1 FROM base=\"a\"\n2 EXPOSE ports=[\"80\" \"9000-9002/udp\"]\n"},
        Pair{"VolumeBothForms", "FROM a\nVOLUME /a /b\nVOLUME [\"/c d\"]\n",
             "1 FROM base=\"a\"\n2 VOLUME paths=[\"/a\" \"/b\"]\n3 VOLUME paths=[\"/c d\"]\n"},
        Pair{"WholeLines", "FROM a\nUSER a:b\nWORKDIR /a b\nSTOPSIGNAL SIGTERM\nMAINTAINER A B <c>\n",
             "1 FROM base=\"a\"\n2 USER name=\"a:b\"\n3 WORKDIR path=\"/a b\"\n4 STOPSIGNAL "
             "signal=\"SIGTERM\"\n"
             "5 MAINTAINER name=\"A B <c>\"\n"},
        Pair{
            "Healthcheck",
            "FROM a\nHEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=500ms --start-interval=2s "
            "--retries=3 "
            "CMD curl x\nHEALTHCHECK cmd [\"a\", \"b\"]\nHEALTHCHECK NONE\n",
            "1 FROM base=\"a\"\n2 HEALTHCHECK test=[\"CMD-SHELL\" \"curl x\"] interval=1m30s timeout=1.5s "
            "start_period=500ms start_interval=2s retries=\"3\"\n3 HEALTHCHECK test=[\"CMD\" \"a\" \"b\"]\n"
            "4 HEALTHCHECK test=[\"NONE\"]\n"},
        Pair{"Onbuild", "FROM a\nONBUILD  RUN --mount=x  y\n",
             "1 FROM base=\"a\"\n2 ONBUILD expression=\"RUN --mount=x  y\"\n"}),
    name_of);

struct Bad {
  const char* name;
  std::string text;
  std::string where;
  std::string what;
  std::string next = "";
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class Refused : public testing::TestWithParam<Bad> {};
TEST_P(Refused, WithPlaceAndReason) {
  const auto dockerfile = parse(GetParam().text, "Dockerfile");
  ASSERT_FALSE(dockerfile.has_value()) << dump(*dockerfile);
  EXPECT_EQ(dockerfile.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dockerfile.error().where, GetParam().where);
  EXPECT_THAT(dockerfile.error().what, HasSubstr(GetParam().what));
  EXPECT_THAT(dockerfile.error().next, HasSubstr(GetParam().next));
}

std::string bad_name(const testing::TestParamInfo<Bad>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Files, Refused,
    testing::Values(
        Bad{"Empty", "", "Dockerfile", "empty"},
        Bad{"OnlyComments", "# a\n\n", "Dockerfile", "no instructions"},
        Bad{"NoStage", "ARG a\n", "Dockerfile", "no stages"},
        Bad{"RunBeforeFrom", "ARG a\nRUN b\nFROM c\n", "Dockerfile:2:1", "before the first FROM"},
        Bad{"UnknownInstruction", "FROM a\n  RUNN b\n", "Dockerfile:2:3", "unknown instruction: RUNN",
            "did you mean RUN?"},
        Bad{"LowerCaseSuggestion", "FROM a\ncopi b c\n", "Dockerfile:2:1", "unknown instruction: copi",
            "did you mean COPY?"},
        Bad{"ForgottenEscape", "FROM a\nRUN b &&\n  apt-get update\n", "Dockerfile:3:3",
            "unknown instruction: apt-get", "end that one with the escape character"},
        Bad{"OtherFrontend", "// syntax=x/y\nfoo\n", "Dockerfile:1:11", "no Dockerfile"},
        Bad{"EscapeTwice", "# escape=`\n# escape=`\nFROM a\n", "Dockerfile:2:10", "only one escape"},
        Bad{"EscapeUnknown", "# escape=x\nFROM a\n", "Dockerfile:1:10", "invalid escape"},
        Bad{"CheckOption", "# check=foo=bar\nFROM a\n", "Dockerfile:1:9", "invalid check option"},
        Bad{"LineTooLong", "FROM a\nRUN " + std::string(65532, 'x') + "\n", "Dockerfile:2:1",
            "longer than"},
        Bad{"HeredocOpen", "FROM a\nRUN <<EOF\nx\n", "Dockerfile:2:1", "unterminated heredoc", "EOF"},
        Bad{"HeredocAsDestination", "FROM a\nCOPY a <<b\nb\n", "Dockerfile:2:8",
            "heredoc as a destination"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Flags, Refused,
    testing::Values(
        Bad{"Unknown", "FROM a\nCOPY --form=b c d\n", "Dockerfile:2:6", "unknown flag: --form",
            "did you mean --from?"},
        Bad{"UnknownOnALaterLine", "FROM a\nRUN --network=none \\\n  --moun=x y\n", "Dockerfile:3:3",
            "unknown flag: --moun", "--mount"},
        Bad{"Duplicate", "FROM a\nCOPY --from=b --from=c d e\n", "Dockerfile:2:15", "duplicate flag"},
        Bad{"WithoutValue", "FROM a\nCOPY --from b c\n", "Dockerfile:2:6", "missing a value"},
        Bad{"BooleanWithoutValue", "FROM a\nCOPY --link= b c\n", "Dockerfile:2:6", "missing a value"},
        Bad{"NotABoolean", "FROM a\nCOPY --link=yes b c\n", "Dockerfile:2:6", "expecting boolean"},
        Bad{"NotAllowedHere", "FROM a\nENV --x=y a=b\n", "Dockerfile:2:5", "unknown flag: --x", "no flags"},
        Bad{"CopyHasNoChecksum", "FROM a\nCOPY --checksum=x a b\n", "Dockerfile:2:6", "unknown flag"},
        Bad{"Network", "FROM a\nRUN --network=bridge x\n", "Dockerfile:2:5", "invalid network mode"},
        Bad{"Security", "FROM a\nRUN --security=x y\n", "Dockerfile:2:5", "not valid"},
        Bad{"MountFromVariable", "FROM a\nRUN --mount=from=$x,target=/y z\n", "Dockerfile:2:5",
            "'from' doesn't support"},
        Bad{"MountQuotes", "FROM a\nRUN --mount=type=bind,so\\\"urce=x y\n", "Dockerfile:2:5", "quote"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Arguments, Refused,
    testing::Values(
        Bad{"FromTwo", "FROM a b\n", "Dockerfile:1:1", "one or three"},
        Bad{"FromNone", "FROM\n", "Dockerfile:1:1", "one or three"},
        Bad{"StageName", "FROM a AS 1x\n", "Dockerfile:1:11", "invalid name for build stage"},
        Bad{"CopyOne", "FROM a\nCOPY b\n", "Dockerfile:2:1", "at least two arguments, but only one was"},
        Bad{"JsonOfNumbers", "FROM a\nRUN [\"a\", 1]\n", "Dockerfile:2:5", "strings only"},
        Bad{"JsonOfLists", "FROM a\nVOLUME [[\"a\"]]\n", "Dockerfile:2:8", "strings only"},
        Bad{"EnvOneWord", "FROM a\nENV b\n", "Dockerfile:2:1", "must have two arguments", "ENV b="},
        Bad{"EnvNothing", "FROM a\nENV\n", "Dockerfile:2:1", "at least one argument"},
        Bad{"EnvMissingEquals", "FROM a\nENV b=1 c\n", "Dockerfile:2:9", "no = in \"c\""},
        Bad{"EnvBlankName", "FROM a\nENV =1\n", "Dockerfile:2:5", "can not be blank"},
        Bad{"ArgBlankName", "FROM a\nARG =1\n", "Dockerfile:2:5", "can not be blank"},
        Bad{"ShellForm", "FROM a\nSHELL /bin/sh -c\n", "Dockerfile:2:1", "JSON form"},
        Bad{"UserNothing", "FROM a\nUSER\n", "Dockerfile:2:1", "exactly one argument"},
        Bad{"HealthcheckType", "FROM a\nHEALTHCHECK CDM x\n", "Dockerfile:2:13", "unknown type \"CDM\"",
            "did you mean CMD?"},
        Bad{"HealthcheckNoneWithArgument", "FROM a\nHEALTHCHECK NONE x\n", "Dockerfile:2:1",
            "takes no arguments"},
        Bad{"HealthcheckNoCommand", "FROM a\nHEALTHCHECK CMD\n", "Dockerfile:2:1", "missing command"},
        Bad{"HealthcheckDuration", "FROM a\nHEALTHCHECK --interval=5 CMD x\n", "Dockerfile:2:13",
            "invalid duration"},
        Bad{"HealthcheckTooShort", "FROM a\nHEALTHCHECK --interval=5us CMD x\n", "Dockerfile:2:13",
            "less than 1ms"},
        Bad{"HealthcheckRetries", "FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "Dockerfile:2:13",
            "cannot be negative"},
        Bad{"OnbuildOnbuild", "FROM a\nONBUILD ONBUILD RUN x\n", "Dockerfile:2:1", "chaining"},
        Bad{"OnbuildFrom", "FROM a\nONBUILD from b\n", "Dockerfile:2:1", "FROM isn't allowed"},
        Bad{"VolumeEmpty", "FROM a\nVOLUME [\"\"]\n", "Dockerfile:2:1", "empty string"}),
    bad_name);

TEST(ParserErrors, ShowTheLineWithACaret) {
  const auto dockerfile = parse("FROM a\n\tCOPY --form=b c d\n", "build/Containerfile");
  ASSERT_FALSE(dockerfile.has_value());
  EXPECT_EQ(dockerfile.error().where, "build/Containerfile:2:7");
  EXPECT_EQ(dockerfile.error().detail, "2 | \tCOPY --form=b c d\n  | \t     ^");
}

TEST(ParserDirectives, CheckIsReadInFull) {
  const auto dockerfile = parse("# check=skip=A,B;error=true;experimental=all\nFROM a\n", "Dockerfile");
  ASSERT_TRUE(dockerfile.has_value()) << dockerfile.error().message();
  const auto& check = dockerfile->directives.check;
  ASSERT_TRUE(check.has_value());
  EXPECT_THAT(check->skip, testing::ElementsAre("A", "B"));
  EXPECT_TRUE(check->error);
  EXPECT_TRUE(check->experimental_all);
  EXPECT_FALSE(check->skip_all);
}

// BuildKit takes the directive's first word.
TEST(ParserDirectives, CheckEndsAtABlank) {
  const auto dockerfile = parse("# check=skip=A, B;error=true\nFROM a\n", "Dockerfile");
  ASSERT_TRUE(dockerfile.has_value()) << dockerfile.error().message();
  EXPECT_THAT(dockerfile->directives.check->skip, testing::ElementsAre("A", ""));
  EXPECT_FALSE(dockerfile->directives.check->error);
}

TEST(ParserLimits, TheLongestAllowedLineIsRead) {
  EXPECT_TRUE(parse("FROM a\nRUN " + std::string(65531, 'x') + "\n", "Dockerfile").has_value());
}

TEST(ParserLimits, DeepJsonNeedsNoStack) {
  EXPECT_THAT(parsed("FROM a\nRUN [" + std::string(30000, '[') + std::string(30000, ']') + "]\n"),
              HasSubstr("shell=[\"[["));
  EXPECT_THAT(parsed("FROM a\nRUN [" + std::string(900, '[') + std::string(900, ']') + "]\n"),
              HasSubstr("strings only"));
}

TEST(Triggers, AreSingleInstructions) {
  const auto run = parse_trigger("RUN <<EOF\nx\nEOF");
  ASSERT_TRUE(run.has_value()) << run.error().message();
  EXPECT_EQ(dump(*run), "1-3 RUN shell=[\"<<EOF\"] <<EOF\"x\\n\"\n");
  EXPECT_FALSE(parse_trigger("RUN a\nRUN b").has_value());
  EXPECT_FALSE(parse_trigger("FROM a").has_value());
  EXPECT_FALSE(parse_trigger("").has_value());
}

// Comments are those directly above; "#" alone parts them from what is above it, directives are none.
TEST(Comments, BelongToTheInstructionBelow) {
  const auto dockerfile =
      parse("# check=skip=all\n# one\n#\n# two\n\n  # three\nFROM a\nRUN b \\\n # no\n c\nUSER d\n",
            "Dockerfile");
  ASSERT_TRUE(dockerfile.has_value());
  EXPECT_EQ(dockerfile->instructions[0].comments, (std::vector<std::string>{"two", "# three"}));
  EXPECT_TRUE(dockerfile->instructions[1].comments.empty());
  EXPECT_TRUE(dockerfile->instructions[2].comments.empty());
}

TEST(Places, OfAWordInAContinuedInstruction) {
  const auto dockerfile = parse("FROM a\nCOPY one \\\n  # two\n  two \\\n /\n", "Dockerfile");
  ASSERT_TRUE(dockerfile.has_value());
  const SourceRange place = dockerfile->instructions[1].place_of("two");
  EXPECT_EQ(place.line, 4);
  EXPECT_EQ(place.column, 3);
  EXPECT_EQ(dockerfile->instructions[1].place_of("nowhere").line, 2);
}

TEST(UntilError, WhatStandsBeforeIsKept) {
  const Parsed parsed = parse_until_error("FROM a\nUSER b\nNOSUCH c\nUSER d\n", "Dockerfile");
  EXPECT_EQ(dump(parsed.dockerfile), "1 FROM base=\"a\"\n2 USER name=\"b\"\n");
  ASSERT_TRUE(parsed.error.has_value());
  EXPECT_EQ(parsed.error->where, "Dockerfile:3:1");
}

}  // namespace
}  // namespace pgstrata::dockerfile
