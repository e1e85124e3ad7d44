#include "remotecache/directory.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "oci/manifest.h"
#include "os/test_support.h"

namespace pgstrata::remotecache {
namespace {

TEST(DirectoryDestination, TagsThatArePublishedAtOnceAllStay) {
  constexpr std::size_t kTags = 20;
  const os::testing::TempDir temp;
  std::vector<std::thread> builds;
  for (std::size_t i = 0; i < kTags; ++i)
    builds.emplace_back([&temp, i] {
      DirectoryDestination to({.directory = temp.path(), .tag = "t" + std::to_string(i), .digest = {}});
      EXPECT_TRUE(to.publish("{}"));
    });
  for (std::thread& build : builds) build.join();
  const auto index = oci::ImageIndex::from_json(os::read_file(temp / "index.json").value());
  ASSERT_TRUE(index);
  EXPECT_EQ(index->manifests.size(), kTags);
}

}  // namespace
}  // namespace pgstrata::remotecache
