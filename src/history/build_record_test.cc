#include "history/build_record.h"

#include <gtest/gtest.h>

#include "os/test_support.h"

namespace pgstrata::history {
namespace {

oci::Digest digest(const std::string& text) { return oci::sha256(text); }

/// Every field has a value of its own.
Build sample() {
  return {.id = "0123abcd",
          .began = 1'790'000'000'123'456'789,
          .seconds = 4.5,
          .context = "/home/\xFFme/image",
          .dockerfile = "/home/me/image/Dockerfile",
          .target = "final",
          .outcome = Outcome::kFailed,
          .error = "Dockerfile:4: RUN make failed: exit code 2",
          .image = digest("image"),
          .unrecorded = "--read-set=off",
          .steps = {{.vertex = 0,
                     .kind = Kind::kSource,
                     .stage = "final",
                     .line = 1,
                     .instruction = "FROM debian",
                     .name = "[1/3] FROM debian",
                     .status = Status::kHit,
                     .reason = "the base image is in the store",
                     .base = {digest("base one"), digest("base two")}},
                    {.vertex = 1,
                     .kind = Kind::kFile,
                     .stage = "final",
                     .line = 2,
                     .instruction = "COPY . /src",
                     .name = "[2/3] COPY . /src",
                     .status = Status::kRan,
                     .reason = "Makefile changed",
                     .started = 0.25,
                     .seconds = 0.5,
                     .layer = Layer{.diff_id = digest("d"), .change_set = digest("c"), .size = 4096},
                     .parent = 0,
                     .context = ""},
                    {.vertex = 2,
                     .kind = Kind::kExec,
                     .stage = "final",
                     .line = 3,
                     .instruction = "RUN --mount=type=bind,target=/m make",
                     .name = "[3/3] RUN make",
                     .status = Status::kFailed,
                     .reason = "/src/Makefile, which it read, changed",
                     .error = "exit code 2",
                     .falsified = Falsified{.path = "src/na\xFFme 100%",
                                            .mount = "/m",
                                            .questions = filetree::kAskedContent | filetree::kAskedRead,
                                            .before = "3 bytes",
                                            .after = "4 bytes"},
                     .started = 0.75,
                     .seconds = 3.5,
                     .parent = 1,
                     .inputs = {0, 1},
                     .run = RunKey{.op = digest("op"), .inputs = digest("inputs")},
                     .binds = {"/m%", ""}},
                    {.kind = Kind::kConfig,
                     .stage = "final",
                     .line = 4,
                     .instruction = "CMD make",
                     .status = Status::kConfig}}};
}

TEST(BuildRecord, ComesBackAsItWasWritten) {
  const Build build = sample();
  ASSERT_VALUE(read, from_json(to_json(build), "x"));
  EXPECT_EQ(read, build);
}

TEST(BuildRecord, ABuildWithoutStepsComesBack) {
  const Build build{.id = "1", .outcome = Outcome::kCancelled};
  ASSERT_VALUE(read, from_json(to_json(build), "x"));
  EXPECT_EQ(read, build);
}

TEST(BuildRecord, TextThatIsNotUtf8IsShownAndNoError) {
  Build build = sample();
  build.steps[2].instruction = "RUN echo \xFE";
  ASSERT_VALUE(read, from_json(to_json(build), "x"));
  EXPECT_EQ(read.steps[2].instruction, "RUN echo \xEF\xBF\xBD");
}

TEST(BuildRecord, ANewerOneSaysWhatToDo) {
  const auto read = from_json(R"({"version": 2, "steps": {}})", "/store/builds/x.json");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(read.error().message().find("has version 2, and this pgstrata reads version 1"),
            std::string::npos);
  EXPECT_EQ(read.error().where, "/store/builds/x.json");
  EXPECT_NE(read.error().next.find("the pgstrata that wrote it"), std::string::npos);
}

TEST(BuildRecord, DamageIsToldWithTheFile) {
  const std::string good = to_json(sample());
  // Cut anywhere, it isn't JSON any more.
  for (std::size_t length = 0; length + 2 < good.size(); length += 97) {
    const auto read = from_json(good.substr(0, length), "the file");
    ASSERT_FALSE(read.has_value()) << length;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(read.error().where, "the file");
  }
  const auto with = [](const std::string& steps) {
    return R"({"version":1,"outcome":"built","steps":)" + steps + "}";
  };
  EXPECT_TRUE(from_json(with("[]"), "x").has_value());
  for (const std::string steps :
       {"{}", "[1]", R"([{"kind":"exec","status":"danced"}])", R"([{"kind":"exec"}])",
        R"([{"kind":"exec","status":"ran","vertex":-1}])",
        R"([{"kind":"exec","status":"ran","line":"one"}])",
        R"([{"kind":"exec","status":"ran","started":"now"}])",
        R"([{"kind":"exec","status":"ran","layer":{"diff_id":"sha256:12"}}])",
        R"([{"kind":"exec","status":"ran","falsified":{"path":"%G0"}}])",
        R"([{"kind":"exec","status":"ran","falsified":{"path":"a","questions":256}}])"}) {
    const auto read = from_json(with(steps), "x");
    ASSERT_FALSE(read.has_value()) << steps;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt) << steps;
  }
}

TEST(BuildRecord, AStepCanNotStandOnALaterOne) {
  Build build = sample();
  build.steps[1].parent = 1;
  EXPECT_FALSE(from_json(to_json(build), "x").has_value());
  build.steps[1].parent = 2;
  EXPECT_FALSE(from_json(to_json(build), "x").has_value());
  build.steps[1].parent = 0;
  build.steps[2].inputs = {7};
  EXPECT_FALSE(from_json(to_json(build), "x").has_value());
}

TEST(BuildRecord, TheChainBelowAStepIsTheBaseAndTheLayersBetween) {
  const Build build = sample();
  EXPECT_EQ(build.chain_below(build.steps[2]),
            (std::vector{digest("base one"), digest("base two"), digest("d")}));
  EXPECT_EQ(build.chain_below(build.steps[1]), (std::vector{digest("base one"), digest("base two")}));
  EXPECT_EQ(build.chain_below(build.steps[0]), std::vector<oci::Digest>());
  Build unfinished = sample();
  unfinished.steps[1].layer.reset();
  EXPECT_EQ(unfinished.chain_below(unfinished.steps[2]), std::nullopt);
}

}  // namespace
}  // namespace pgstrata::history
