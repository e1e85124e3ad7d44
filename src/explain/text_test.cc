#include "explain/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain/fake_build.h"

namespace pgstrata::explain {
namespace {

using testing::fake_build;
using testing::fake_explanation;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Text, EveryStepHasItsLineWithWhatBecameOfIt) {
  const std::string shown = text(fake_explanation());
  EXPECT_THAT(shown, HasSubstr("build 0a1b2c3d: failed after 3.5 s, 2026-09-21 14:13:20 UTC"));
  EXPECT_THAT(shown,
              HasSubstr("2 reused, 1 reused on other layers, 1 ran, 1 ran without a change, 1 failed, "
                        "1 not reached"));
  EXPECT_THAT(shown, HasSubstr("*   #3     3  cut-off         2.0 s  RUN make\n"));
  EXPECT_THAT(shown, HasSubstr("    #5     6  rebased                RUN test <\"&\n"));
  EXPECT_THAT(shown, HasSubstr("    #7     8  not-reached            RUN later\n"));
  EXPECT_THAT(shown, HasSubstr("    #8     9  config                 CMD true\n"));
  EXPECT_THAT(shown, HasSubstr("exit code 1\n"));
}

TEST(Text, WhatFalsifiedARunIsNamedWithBeforeAndAfter) {
  const std::string shown = text(fake_explanation());
  EXPECT_THAT(shown, HasSubstr("content of /src/<Make>%0A%FF&\":\n"));
  EXPECT_THAT(shown, HasSubstr("was a file of 3 bytes\n"));
  EXPECT_THAT(shown, HasSubstr("is  a file of 4 bytes\n"));
}

TEST(Text, TheCriticalPathIsCountedAndMarked) {
  const std::string shown = text(fake_explanation());
  EXPECT_THAT(shown, HasSubstr("critical    3.2 s"));
  EXPECT_THAT(shown, HasSubstr("spared      1.5 s"));
}

TEST(Text, OneStepInDetail) {
  const std::string shown = text(fake_explanation(), {3}, {});
  EXPECT_THAT(shown, HasSubstr("step #3, line 3, stage tools\n  RUN make\n"));
  EXPECT_THAT(shown, HasSubstr("70kB: 1 file, 2 directories, 3 removed"));
  EXPECT_THAT(shown, HasSubstr("asked for   6 paths"));
  EXPECT_THAT(shown, HasSubstr("of the context by COPY . /src (line 2): 1 read, 1 only looked up\n"
                               "      /src/<Make>%0A%FF&\"  (content)\n"));
  EXPECT_THAT(shown, HasSubstr("of FROM base AS tools (line 1): 2 read, 0 only looked up\n"));
  EXPECT_THAT(shown, HasSubstr("of the mount /m<>: 1 read, 0 only looked up\n      /m<>/one  (content)\n"));
  EXPECT_THAT(shown, HasSubstr("1 name looked for in vain\n"));
  EXPECT_THAT(shown, Not(HasSubstr("/bin/sh")));
  EXPECT_THAT(text(fake_explanation(), {5}, {}), HasSubstr("not known: its recording is <gone>"));
}

TEST(Text, AllThatWasAskedByQuestion) {
  const std::string shown = text(fake_explanation(), {3}, {.reads = true});
  EXPECT_THAT(shown, HasSubstr("  absence (1)\n    /etc/none\n"));
  EXPECT_THAT(shown, HasSubstr("  kind (2)\n    /bin/sh\n    /src/seen\n"));
  EXPECT_THAT(shown, HasSubstr("  content (3)\n    /bin/sh\n    /m<>/one\n    /src/<Make>%0A%FF&\"\n"));
  EXPECT_THAT(shown, HasSubstr("  listing (1)\n    /bin\n"));
}

TEST(Text, OfARunItsCommandIsShownAndNotItsFlags) {
  Explanation explanation = fake_explanation();
  explanation.steps[2].record.instruction =
      "RUN --mount=type=cache,target=/c  --network=none     make --jobs 2";
  explanation.steps[1].record.instruction = "COPY --chmod=644 . /src";
  EXPECT_THAT(text(explanation), HasSubstr("RUN … make --jobs 2\n"));
  EXPECT_THAT(text(explanation), HasSubstr("COPY --chmod=644 . /src\n"));
  EXPECT_THAT(text(explanation, {3}, {}), HasSubstr("--mount=type=cache"));
}

TEST(Text, NothingThatATerminalWouldObey) {
  Explanation explanation = fake_explanation();
  explanation.steps[2].record.instruction = "RUN \x1B[31mred\a";
  explanation.steps[2].record.reason = "/a\x1B]0;title\a, which it read, changed";
  explanation.build.error = "\x1B[2J";
  for (const std::string& shown : {text(explanation), text(explanation, {3}, {.reads = true})})
    EXPECT_EQ(shown.find_first_of("\x1B\a\r"), std::string::npos) << shown;
}

TEST(Text, ABuildWithoutSteps) {
  const std::string shown = text(Explanation{.build = {.id = "1", .error = "no Dockerfile"}});
  EXPECT_THAT(shown, HasSubstr("no Dockerfile"));
  EXPECT_THAT(shown, HasSubstr("no steps"));
}

TEST(Text, AListOfBuilds) {
  EXPECT_THAT(
      text(std::vector{fake_build()}),
      HasSubstr("0a1b2c3d  2026-09-21 14:13:20 UTC  failed after 3.5 s          /ctx/<b>&%FF (stage-1)\n"));
}

}  // namespace
}  // namespace pgstrata::explain
