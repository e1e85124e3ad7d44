#include "history/builds.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "os/test_support.h"

namespace pgstrata::history {
namespace {

using os::testing::TempDir;

void add_build(const TempDir& root, std::int64_t began, const std::string& context,
               const std::string& id = "") {
  Build build{.id = id, .began = began, .context = context};
  ASSERT_DONE(add(root.path(), build));
  EXPECT_EQ(build.id.size(), 8U);
}

TEST(Builds, TheNewestIsFoundAndTheNewestOfAContext) {
  const TempDir root;
  add_build(root, 1, "/a");
  add_build(root, 3, "/b");
  add_build(root, 2, "/a");
  ASSERT_VALUE(newest, find(root.path(), {}));
  EXPECT_EQ(newest.began, 3);
  ASSERT_VALUE(of_a, find(root.path(), {.context = "/a"}));
  EXPECT_EQ(of_a.began, 2);
  const auto of_c = find(root.path(), {.context = "/c"});
  ASSERT_FALSE(of_c.has_value());
  EXPECT_EQ(of_c.error().kind, ErrorKind::kNotFound);
}

TEST(Builds, AnIdMayBeShortenedAsLongAsItNamesOne) {
  const TempDir root;
  add_build(root, 1, "/a", "abc00000");
  add_build(root, 2, "/a", "abd00000");
  ASSERT_VALUE(found, find(root.path(), {.id = "abc"}));
  EXPECT_EQ(found.id, "abc00000");
  const auto several = find(root.path(), {.id = "ab"});
  ASSERT_FALSE(several.has_value());
  EXPECT_EQ(several.error().kind, ErrorKind::kUsage);
  const auto none = find(root.path(), {.id = "b"});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
}

TEST(Builds, AStoreWithoutBuildsSaysSo) {
  const TempDir root;
  const auto found = find(root.path(), {});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::kNotFound);
  ASSERT_VALUE(all, list(root.path()));
  EXPECT_TRUE(all.empty());
}

TEST(Builds, TheOldestGo) {
  const TempDir root;
  const auto count = static_cast<std::int64_t>(kKept) + 3;
  for (std::int64_t began = 1; began <= count; ++began) add_build(root, began, "/a");
  ASSERT_VALUE(all, list(root.path()));
  ASSERT_EQ(all.size(), kKept);
  EXPECT_EQ(all.front().began, count);
  EXPECT_EQ(all.back().began, 4);
}

TEST(Builds, ADamagedFileIsToldAndTheOthersAreListed) {
  const TempDir root;
  add_build(root, 1, "/a", "00000001");
  add_build(root, 2, "/a", "00000002");
  ASSERT_VALUE(names, files(root.path()));
  ASSERT_DONE(os::write_file(names[1], "{\"version\":1,"));
  std::vector<Error> unreadable;
  ASSERT_VALUE(all, list(root.path(), &unreadable));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, "00000001");
  ASSERT_EQ(unreadable.size(), 1U);
  EXPECT_EQ(unreadable[0].where, names[1]);
  const auto newest = find(root.path(), {});
  ASSERT_FALSE(newest.has_value());
  EXPECT_EQ(newest.error().kind, ErrorKind::kCorrupt);
  EXPECT_TRUE(find(root.path(), {.id = "00000001"}).has_value());
}

TEST(Builds, OtherFilesAreLeftAlone) {
  const TempDir root;
  ASSERT_DONE(os::make_directories(root / "builds"));
  ASSERT_DONE(os::write_file(root / "builds/notes.json", "{}"));
  add_build(root, 1, "/a");
  ASSERT_VALUE(all, list(root.path()));
  EXPECT_EQ(all.size(), 1U);
  EXPECT_TRUE(os::exists(root / "builds/notes.json"));
}

}  // namespace
}  // namespace pgstrata::history
