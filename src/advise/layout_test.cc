#include "advise/layout.h"

#include <gtest/gtest.h>

namespace pgstrata::advise {
namespace {

dockerfile::Dockerfile parsed(const std::string& text) {
  auto dockerfile = dockerfile::parse(text, "Dockerfile");
  EXPECT_TRUE(dockerfile.has_value()) << dockerfile.error().message();
  return std::move(*dockerfile);
}

/// The COPY (1) after the RUN (2).
Layout swapped() {
  return {{.instruction = 0}, {.instruction = 2}, {.instruction = 1, .place = Place::kAfter}};
}

TEST(Layout, OfTheOriginalIsTheSameText) {
  for (const std::string text :
       {"# syntax=docker/dockerfile:1\n\n# why\nFROM a AS b\n\n\nCOPY . /x\n# end\n",
        "FROM a\nRUN <<E\necho\nE\nCMD x", "FROM a\r\nRUN x \\\r\n  y\r\n", "\n\nFROM a\n"}) {
    const auto dockerfile = parsed(text);
    EXPECT_EQ(render(dockerfile, original_layout(dockerfile)).text, text);
  }
}

TEST(Layout, AMovedInstructionTakesItsCommentsAlong) {
  const auto dockerfile = parsed("FROM a\n# all scripts\n# of it\nCOPY . /x\nRUN x \\\n  y\n");
  EXPECT_EQ(render(dockerfile, swapped()).text,
            "FROM a\nRUN x \\\n  y\n# all scripts\n# of it\nCOPY . /x\n");
}

TEST(Layout, EmptyLinesStayWhereTheyAre) {
  const auto dockerfile = parsed("FROM a\n\nCOPY . /x\n\nRUN x\n\nUSER y\n");
  Layout layout = swapped();
  layout.push_back({.instruction = 3});
  EXPECT_EQ(render(dockerfile, layout).text, "FROM a\n\nRUN x\nCOPY . /x\n\nUSER y\n");
}

TEST(Layout, NewLinesStandDirectlyAboveWhatTheyAreFor) {
  const auto dockerfile = parsed("FROM a\n\nCOPY . /x\n# installs\nRUN x\n\nUSER y\n");
  const Layout layout = {{.instruction = 0},
                         {.instruction = 1, .place = Place::kBefore, .lines = {"COPY a \\", "    b /x/"}},
                         {.instruction = 2},
                         {.instruction = 1, .place = Place::kAfter},
                         {.instruction = 3}};
  const Rendered rendered = render(dockerfile, layout);
  EXPECT_EQ(rendered.text, "FROM a\n\nCOPY a \\\n    b /x/\n# installs\nRUN x\nCOPY . /x\n\nUSER y\n");
  EXPECT_EQ(rendered.items, (std::map<int, std::size_t>{{1, 0}, {3, 1}, {4, 1}, {6, 2}, {7, 3}, {9, 4}}));
}

TEST(Layout, LinesInPlaceOfAnInstructionCanKeepItsComments) {
  const auto dockerfile = parsed("FROM a\n# why\nCOPY . /x\nRUN x\n");
  const Layout layout = {
      {.instruction = 0},
      {.instruction = 2},
      {.instruction = 1, .place = Place::kAfter, .lines = {"COPY b /x/"}, .comments = true}};
  EXPECT_EQ(render(dockerfile, layout).text, "FROM a\nRUN x\n# why\nCOPY b /x/\n");
}

TEST(Layout, KeepsAMissingNewlineAtTheEndAndTheKindOfLineEnds) {
  EXPECT_EQ(render(parsed("FROM a\nCOPY . /x\nRUN x"), swapped()).text, "FROM a\nRUN x\nCOPY . /x");
  EXPECT_EQ(render(parsed("FROM a\r\nCOPY . /x\r\nRUN x"), swapped()).text, "FROM a\r\nRUN x\r\nCOPY . /x");
}

}  // namespace
}  // namespace pgstrata::advise
