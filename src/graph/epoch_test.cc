// What SOURCE_DATE_EPOCH names, and what the Dockerfile sees of it.
#include "graph/epoch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/arguments.h"
#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::HasSubstr;
using testing::Optional;
using testing::VariantWith;

class EpochTest : public testing::Test {
 protected:
  Result<std::optional<Epoch>> read(const std::string& text) {
    auto parsed = dockerfile::parse(text, "Dockerfile");
    if (!parsed) return fail(std::move(parsed).error());
    return read_epoch(*parsed, plan_.request);
  }
  std::optional<Epoch> epoch(const std::string& text) {
    auto found = read(text);
    if (found) return std::move(*found);
    ADD_FAILURE() << found.error().message();
    return std::nullopt;
  }
  remote::Source source(const std::string& text) {
    const auto found = epoch(text);
    const auto* source = found ? std::get_if<remote::Source>(&*found) : nullptr;
    if (source != nullptr) return *source;
    ADD_FAILURE() << "no source";
    return {};
  }
  Error error(const std::string& text) {
    auto found = read(text);
    if (!found) return std::move(found).error();
    ADD_FAILURE() << "was read: " << text;
    return {};
  }
  std::map<std::string, std::string>& arguments() { return plan_.request.build_args; }

  FakePlan plan_;
};

TEST_F(EpochTest, IsANumberOfSecondsFromTheCommandLineOrTheFirstArg) {
  EXPECT_EQ(epoch("FROM scratch\nARG SOURCE_DATE_EPOCH=5\n"), std::nullopt);
  EXPECT_EQ(epoch("ARG SOURCE_DATE_EPOCH\nFROM scratch\n"), std::nullopt);
  EXPECT_THAT(epoch("ARG A=7\nARG SOURCE_DATE_EPOCH=1$A\nFROM scratch\n"),
              Optional(VariantWith<std::int64_t>(17)));
  arguments()["SOURCE_DATE_EPOCH"] = "5";
  EXPECT_THAT(epoch("ARG SOURCE_DATE_EPOCH=7\nFROM scratch\n"), Optional(VariantWith<std::int64_t>(5)));
  arguments()["SOURCE_DATE_EPOCH"] = "";
  EXPECT_EQ(epoch("ARG SOURCE_DATE_EPOCH=7\nFROM scratch\n"), std::nullopt);
}

TEST_F(EpochTest, ContextsComeBeforeStages) {
  const std::string stage = "FROM scratch AS docs\nADD https://h/f /\n";
  EXPECT_TRUE(std::holds_alternative<MainContextEpoch>(*epoch("ARG SOURCE_DATE_EPOCH=context\n" + stage)));
  EXPECT_TRUE(std::holds_alternative<remote::Source>(*epoch("ARG SOURCE_DATE_EPOCH=Docs\n" + stage)));
  plan_.request.named_contexts = {"docs"};
  const auto named = epoch("ARG SOURCE_DATE_EPOCH=docs\n" + stage);
  EXPECT_EQ(std::get<NamedContextEpoch>(*named).name, "docs");
}

TEST_F(EpochTest, AStageIsItsOneAdd) {
  const std::string begin = "ARG SOURCE_DATE_EPOCH=src\nARG HOST=h\nFROM base\nFROM scratch AS src\n";
  arguments()["TAG"] = "v2";
  const auto git = std::get<remote::GitSource>(
      source(begin + "ARG TAG=v1\nADD https://$HOST/r.git#$TAG /r\nFROM base\nRUN a\n"));
  EXPECT_EQ(git.remote, "https://h/r.git");
  EXPECT_EQ(git.ref, "v2");
  const std::string sum = "sha256:" + std::string(64, 'a');
  const auto http =
      std::get<remote::HttpSource>(source(begin + "ADD --checksum=" + sum + " https://$HOST/a/f.tar /\n"));
  EXPECT_EQ(http.url, "https://h/a/f.tar");
  EXPECT_EQ(http.filename, "f.tar");
  EXPECT_EQ(http.checksum, sum);
}

TEST_F(EpochTest, AStageThatDoesMoreIsRefusedWithItsPlace) {
  const std::string begin = "ARG SOURCE_DATE_EPOCH=src\n";
  const auto where = [&](const std::string& text, const char* why) {
    const Error found = error(begin + text);
    EXPECT_THAT(found.what, HasSubstr(why));
    return found.where;
  };
  EXPECT_EQ(where("FROM base AS src\nADD https://h/f /\n", "FROM an image"), "Dockerfile:2:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD https://h/f /\nENV a=b\n", "has ENV"), "Dockerfile:4:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD https://h/f /\nADD https://h/g /\n", "several"),
            "Dockerfile:4:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD https://h/f https://h/g /\n", "more than one"),
            "Dockerfile:3:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD <<f /\na\nf\n", "more than one"), "Dockerfile:3:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD file /\n", "local file"), "Dockerfile:3:1");
  EXPECT_EQ(where("FROM scratch AS src\nARG A\n", "no ADD"), "Dockerfile:2:1");
  EXPECT_EQ(where("FROM scratch AS src\nADD --checksum=md5:1 https://h/f /\n", "checksum"),
            "Dockerfile:3:16");
}

TEST_F(EpochTest, AnythingElseIsInvalid) {
  const Error unknown = error("ARG A=1\nARG SOURCE_DATE_EPOCH=soon\nFROM scratch\n");
  EXPECT_EQ(unknown.where, "Dockerfile:2:23");
  EXPECT_EQ(unknown.what, "invalid SOURCE_DATE_EPOCH: soon");
  arguments()["SOURCE_DATE_EPOCH"] = "99999999999";
  EXPECT_THAT(error("FROM scratch\n").what, HasSubstr("out of range"));
  arguments()["SOURCE_DATE_EPOCH"] = "99999999999999999999999";
  EXPECT_THAT(error("FROM scratch\n").what, HasSubstr("out of range"));
  arguments()["SOURCE_DATE_EPOCH"] = "-1";
  EXPECT_THAT(error("FROM scratch\n").what, HasSubstr("out of range"));
}

TEST_F(EpochTest, TheDockerfileSeesTheNumber) {
  const std::string text =
      "ARG SOURCE_DATE_EPOCH=context\nARG COPY=$SOURCE_DATE_EPOCH\nFROM base\nARG COPY\nARG "
      "SOURCE_DATE_EPOCH\n"
      "LABEL copy=$COPY epoch=${SOURCE_DATE_EPOCH-none}\n";
  settle_epoch(plan_.request, 12);
  EXPECT_EQ(plan_.graph(text).target.config.config.labels["epoch"], "12");
  EXPECT_EQ(plan_.graph(text).target.config.config.labels["copy"], "context");
  // One that has a default of its own keeps it.
  EXPECT_EQ(plan_
                .graph("ARG SOURCE_DATE_EPOCH=context\nFROM base\nARG SOURCE_DATE_EPOCH=3\n"
                       "LABEL epoch=$SOURCE_DATE_EPOCH\n")
                .target.config.config.labels["epoch"],
            "3");
  settle_epoch(plan_.request, std::nullopt);
  EXPECT_EQ(plan_.graph(text).target.config.config.labels["epoch"], "none");
}

TEST_F(EpochTest, OfTheCommandLineTheArgumentIsReplacedOrGone) {
  arguments()["SOURCE_DATE_EPOCH"] = "context";
  settle_epoch(plan_.request, 12);
  EXPECT_EQ(arguments()["SOURCE_DATE_EPOCH"], "12");
  settle_epoch(plan_.request, std::nullopt);
  EXPECT_FALSE(arguments().contains("SOURCE_DATE_EPOCH"));
}

}  // namespace
}  // namespace pgstrata::graph
