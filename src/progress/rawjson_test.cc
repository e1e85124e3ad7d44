#include "progress/rawjson.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "progress/fake_output.h"

namespace pgstrata::progress {
namespace {

class RawJson : public testing::Test {
 protected:
  /// What was written, read by a JSON parser that isn't ours.
  std::vector<nlohmann::json> objects() {
    std::vector<nlohmann::json> result;
    for (const auto& line : output_.take_writes()) {
      EXPECT_TRUE(line.ends_with('\n'));
      EXPECT_EQ(line.find('\n'), line.size() - 1);
      result.push_back(nlohmann::json::parse(line, nullptr, false));
      EXPECT_FALSE(result.back().is_discarded()) << line;
    }
    return result;
  }

  FakeOutput output_;
  FakeClock clock_;
  std::unique_ptr<Sink> sink_ = make_rawjson_sink(output_, clock_);
};

TEST_F(RawJson, WritesOneObjectPerEvent) {
  sink_->step_declared({.id = 4, .name = "RUN \"make\" \\ \x01", .line = 12});
  clock_.advance(0.5);
  sink_->step_started(4);
  sink_->step_finished(4, {.outcome = Rebased{}, .reason = "it reads none of it", .seconds = 0.25});
  sink_->message(Level::kWarning, "w");
  sink_->build_finished(Error{.what = "no", .where = "Dockerfile:1", .next = "do\nit"}, 1.5);
  const auto lines = objects();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0]["event"], "step");
  EXPECT_EQ(lines[0]["name"], "RUN \"make\" \\ \x01");
  EXPECT_EQ(lines[0]["line"], 12);
  EXPECT_EQ(lines[0]["time"], 0.0);
  EXPECT_EQ(lines[1]["event"], "started");
  EXPECT_EQ(lines[1]["time"], 0.5);
  EXPECT_EQ(lines[2]["status"], "rebased");
  EXPECT_EQ(lines[2]["reason"], "it reads none of it");
  EXPECT_EQ(lines[2]["seconds"], 0.25);
  EXPECT_EQ(lines[3]["level"], "warning");
  EXPECT_EQ(lines[4]["result"], "failed");
  EXPECT_EQ(lines[4]["error"]["next"], "do\nit");
}

TEST_F(RawJson, KeepsOutputWhole) {
  sink_->step_output(1, Stream::kStdout, "x\xE6\x97");  // 日 is E6 97 A5
  sink_->step_output(1, Stream::kStderr, "e");
  sink_->step_output(1, Stream::kStdout, "\xA5\xFF\n");
  sink_->step_output(1, Stream::kStdout, "\xE6");
  sink_->step_finished(1, {.outcome = Failed{"exit code 1"}});
  const auto lines = objects();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0]["data"], "x");
  EXPECT_EQ(lines[1]["data"], "e");
  EXPECT_EQ(lines[1]["stream"], "stderr");
  EXPECT_EQ(lines[2]["data"], "日\xEF\xBF\xBD\n");
  EXPECT_EQ(lines[3]["data"], "\xEF\xBF\xBD");
  EXPECT_EQ(lines[4]["error"], "exit code 1");
}

}  // namespace
}  // namespace pgstrata::progress
