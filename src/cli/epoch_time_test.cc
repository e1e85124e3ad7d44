#include "cli/epoch_time.h"

#include <gtest/gtest.h>

#include "remote/fake_fetcher.h"

namespace pgstrata::cli {
namespace {

// A server may say any date, and a commit have one: nanoseconds in 64 bits end in 2262.
TEST(EpochTime, ATimeThatNanosecondsCannotHoldIsRefused) {
  remote::FakeFetcher fetcher;
  const graph::Epoch epoch = remote::Source(remote::HttpSource{.url = "https://example.org/file"});
  for (const std::int64_t seconds : {std::int64_t{253'402'300'799}, INT64_MAX, INT64_MIN}) {
    fetcher.moment = seconds;
    const auto time = epoch_time(epoch, {}, fetcher);
    ASSERT_FALSE(time) << seconds;
    EXPECT_EQ(time.error().kind, ErrorKind::kUsage);
    EXPECT_NE(time.error().message().find("https://example.org/file"), std::string::npos);
  }
  fetcher.moment = 1'700'000'000;
  EXPECT_EQ(epoch_time(epoch, {}, fetcher).value(), 1'700'000'000);
  fetcher.moment = -1;
  EXPECT_EQ(epoch_time(epoch, {}, fetcher).value(), -1);
}

}  // namespace
}  // namespace pgstrata::cli
