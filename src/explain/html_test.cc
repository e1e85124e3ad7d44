#include "explain/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain/fake_build.h"
#include "explain/html_parts.h"

namespace pgstrata::explain {
namespace {

using testing::fake_explanation;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, WhatWouldBeMarkupIsText) {
  EXPECT_EQ(escaped("a<b>&\"c"), "a&lt;b&gt;&amp;&quot;c");
  EXPECT_EQ(escaped("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(escaped(std::string_view("\xFF\0\x1B", 3)), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Html, NoNameOfAnotherGetsOntoThePageUnescaped) {
  Explanation explanation = fake_explanation();
  const std::string evil = "</code><script>alert(1)</script>\"'&\xFF";
  explanation.build.id = explanation.build.error = explanation.build.target = explanation.build.unrecorded =
      evil;
  for (Step& step : explanation.steps) {
    history::Step& record = step.record;
    record.stage = record.instruction = record.reason = record.error = evil;
    if (record.context) record.context = evil;
    record.falsified = history::Falsified{.path = evil,
                                          .mount = evil,
                                          .questions = filetree::kAskedKind,
                                          .before = evil,
                                          .after = evil + "2"};
    step.reads =
        Reads{{.origin = FromMount{evil}, .asked = {{.path = evil, .questions = filetree::kAskedContent}}},
              {.origin = FromContext{2}, .asked = {{.path = evil, .questions = filetree::kAskedContent}}}};
  }
  const std::string page = html(explanation);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(page.find('\xFF'), std::string::npos);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
}

TEST(Html, EveryStepHasACardAndARow) {
  const std::string page = html(fake_explanation());
  for (int number = 1; number <= 8; ++number)
    EXPECT_THAT(page, HasSubstr("id=\"step-" + std::to_string(number) + "\"")) << number;
  for (const int row : {1, 2, 3, 4, 5, 6})
    EXPECT_THAT(page, HasSubstr("class=\"row\" href=\"#step-" + std::to_string(row) + "\"")) << row;
  EXPECT_THAT(page, Not(HasSubstr("class=\"row\" href=\"#step-7\"")));
  EXPECT_THAT(page, HasSubstr("1 read, 1 only looked up of the context by COPY . /src (line 2)"));
}

TEST(Html, BarsStandWhereTheirTimeIs) {
  // make began after 0.3 s of 3.5 s, and took 2 s; it is on the critical path.
  EXPECT_THAT(timeline(fake_explanation()),
              HasSubstr("<span class=\"bar cut-off critical\" style=\"left:8.571%;width:57.143%\">"));
}

TEST(Html, TheLargestLayerComesFirst) {
  const std::string rows = layers(fake_explanation());
  EXPECT_LT(rows.find("#step-3"), rows.find("#step-2"));
  EXPECT_LT(rows.find("#step-2"), rows.find("#step-4"));
  EXPECT_THAT(rows, HasSubstr("width:100.000%"));
}

TEST(Html, NothingIsLoadedFromElsewhere) {
  const std::string page = html(fake_explanation());
  for (const char* reference : {"http:", "https:", "src=", "url(", "@import", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(reference)));
}

TEST(Html, ABuildWithoutStepsIsAPageToo) {
  const std::string page = html(Explanation{.build = {.id = "1", .outcome = history::Outcome::kFailed}});
  EXPECT_THAT(page, HasSubstr("failed after"));
  EXPECT_THAT(page, Not(HasSubstr("<section>")));
}

}  // namespace
}  // namespace pgstrata::explain
