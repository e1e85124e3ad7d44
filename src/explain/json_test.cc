#include "explain/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "explain/fake_build.h"

namespace pgstrata::explain {
namespace {

using testing::fake_build;
using testing::fake_explanation;
using Json = nlohmann::json;

TEST(Json, StepsWithWhatIsKnownOfThem) {
  const Json document = Json::parse(json(fake_explanation(), {}, false));
  EXPECT_EQ(document["build"]["context"], "/ctx/<b>&%FF");
  EXPECT_EQ(document["build"]["began"], "2026-09-21T14:13:20Z");
  EXPECT_EQ(document["critical_seconds"], 3.25);
  ASSERT_EQ(document["steps"].size(), 8U);
  const Json& make = document["steps"][2];
  EXPECT_EQ(make["status"], "cut-off");
  EXPECT_EQ(make["needs"], Json({2}));
  EXPECT_EQ(make["falsified"]["path"], "/src/<Make>%0A%FF&\"");
  EXPECT_EQ(make["falsified"]["questions"], Json({"kind", "content"}));
  EXPECT_EQ(make["layer"]["entries"]["removed"], 3);
  EXPECT_EQ(document["steps"][4]["reads_unknown"], "its recording is <gone>");
  EXPECT_FALSE(document["steps"][1].contains("reads"));
}

TEST(Json, OriginsAreCountedAndTheContextsPathsNamed) {
  const Json reads = Json::parse(json(fake_explanation(), {3}, false))["steps"][0]["reads"];
  ASSERT_EQ(reads.size(), 4U);
  EXPECT_EQ(reads[0]["from"], "context");
  EXPECT_EQ(reads[0]["step"], 2);
  EXPECT_EQ(reads[0]["read"], 1);
  EXPECT_EQ(reads[0]["looked_up"], 1);
  EXPECT_EQ(reads[0]["observations"].size(), 1U);
  EXPECT_FALSE(reads[1].contains("observations"));
  EXPECT_EQ(reads[2]["mount"], "/m<>");
  EXPECT_EQ(reads[2]["observations"][0]["path"], "/one");
  EXPECT_EQ(reads[3]["from"], "nowhere");
}

TEST(Json, AllThatWasAskedIfItIsWanted) {
  const Json reads = Json::parse(json(fake_explanation(), {3}, true))["steps"][0]["reads"];
  EXPECT_EQ(reads[0]["observations"].size(), 2U);
  EXPECT_EQ(reads[1]["observations"][1]["questions"], Json({"kind", "content"}));
  EXPECT_EQ(reads[3]["observations"][0]["path"], "/etc/none");
}

TEST(Json, AListOfBuilds) {
  const Json list = Json::parse(json(std::vector{fake_build()}));
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["outcome"], "failed");
}

}  // namespace
}  // namespace pgstrata::explain
