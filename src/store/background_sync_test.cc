#include "store/background_sync.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "os/file.h"

namespace pgstrata::store {
namespace {

TEST(BackgroundSync, TheListOfImagesAsItWasBeforeIsKept) {
  char name[] = "/tmp/pgstrata-sync-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string root = name;
  ASSERT_TRUE(os::make_directories(root + "/tmp"));
  ASSERT_TRUE(os::write_file(root + "/index.json", "before"));
  BackgroundSync sync;
  ASSERT_TRUE(sync.start(root));
  ASSERT_TRUE(os::replace_file(root + "/index.json", "after", /*durable=*/false));
  // The disk may be busy.
  for (int i = 0; i < 6000 && !os::exists(root + "/index.json.synced"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(os::read_file(root + "/index.json.synced").value(), "before");
  EXPECT_TRUE(std::filesystem::is_symlink(root + "/synced"));
  EXPECT_TRUE(os::names_in(root + "/tmp")->empty());
  EXPECT_TRUE(os::remove_tree(root));
}

}  // namespace
}  // namespace pgstrata::store
