#include "context/stat_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "context/test_directory.h"

namespace pgstrata::context {
namespace {

CacheRecord record(const std::string& name, std::uint64_t inode = 1) {
  return {
      name,
      {.stamp = {.device = 1, .inode = inode, .ctime_ns = -3, .mtime_ns = 4, .size = 5, .mode = 0100644},
       .has_xattrs = inode % 2 == 0,
       .racy = inode % 3 == 0,
       .content = oci::sha256(name)}};
}

class StatCacheTest : public testing::Test {
 protected:
  TestDirectory directory;
  std::string path = directory.at("sub/cache");

  void save(const std::vector<std::string>& directories) {
    StatCache cache(path);
    for (const std::string& name : directories)
      cache.replace(
          name, CacheBlock::encode({record("a", 1), record("b", 2), record("\xff\n", 3)}, name.empty()));
    ASSERT_TRUE(cache.save());
  }
};

TEST_F(StatCacheTest, KeepsEveryFieldOfARecord) {
  save({"", "d/e"});
  const StatCache cache(path);
  const auto block = cache.directory("");
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->size(), 3U);
  EXPECT_TRUE(block->complete());
  EXPECT_EQ(block->file(0), record("a", 1).file);
  EXPECT_EQ(block->file(1), record("b", 2).file);
  EXPECT_EQ(block->file(2), record("\xff\n", 3).file);
  EXPECT_EQ(block->name(2), "\xff\n");
  EXPECT_EQ(block->find("b"), 1U);
  EXPECT_EQ(block->find("aa"), 3U);
  ASSERT_NE(cache.directory("d/e"), nullptr);
  EXPECT_FALSE(cache.directory("d/e")->complete());
  EXPECT_EQ(cache.directory("d"), nullptr);
}

TEST_F(StatCacheTest, MergesChangesWithWhatItLoaded) {
  save({"a", "b", "c"});
  StatCache cache(path);
  cache.replace("b", CacheBlock::encode({record("new", 9)}, true));
  cache.replace("bb", CacheBlock::encode({}, true));
  cache.replace("z", CacheBlock::encode({record("z", 1)}, true));
  cache.forget_others("a", {});
  EXPECT_EQ(cache.directory("a"), nullptr);
  ASSERT_TRUE(cache.save());
  const StatCache again(path);
  EXPECT_EQ(again.directory("a"), nullptr);
  EXPECT_EQ(again.directory("b")->name(0), "new");
  EXPECT_EQ(again.directory("bb")->size(), 0U);
  EXPECT_EQ(again.directory("c")->size(), 3U);
  EXPECT_EQ(again.directory("z")->size(), 1U);
}

TEST_F(StatCacheTest, ForgetsOnlyBelowTheTopAndNotWhatIsKept) {
  save({"a", "a-b", "a/x", "a/x/y", "b"});
  StatCache cache(path);
  cache.forget_others("a", {"a", "a/x"});
  for (const char* kept : {"a", "a-b", "a/x", "b"}) EXPECT_NE(cache.directory(kept), nullptr) << kept;
  EXPECT_EQ(cache.directory("a/x/y"), nullptr);
}

TEST_F(StatCacheTest, WritesOnlyWhenSomethingChanged) {
  save({"a"});
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  StatCache cache(path);
  ASSERT_TRUE(cache.save());
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mode & 07777, 0600U) << "names of a private context are private";
}

// A reader must not see half of what another process writes, nor lose what it has opened.
TEST_F(StatCacheTest, AnotherProcessMayReplaceTheFileMeanwhile) {
  save({"a"});
  const StatCache reader(path);
  {
    StatCache writer(path);
    writer.replace("a", CacheBlock::encode({record("other", 9)}, true));
    ASSERT_TRUE(writer.save());
  }
  EXPECT_EQ(reader.directory("a")->size(), 3U);
  EXPECT_EQ(StatCache(path).directory("a")->name(0), "other");
}

// Every single flipped bit and every truncation must cost at most what it hits, and never tell a lie.
TEST_F(StatCacheTest, NeverBelievesDamage) {
  for (const std::string& file : {path, path + ".blocks"}) {
    save({"", "d"});
    const std::string intact = *os::read_file(file);
    const auto check = [&](const std::string& bytes, const std::string& what) {
      ::unlink(file.c_str());  // truncating a file makes ext4 write it out at once
      ASSERT_TRUE(os::write_file(file, bytes));
      const StatCache cache(path);
      for (const char* name : {"", "d"}) {
        const auto block = cache.directory(name);
        if (block == nullptr) continue;
        ASSERT_EQ(block->size(), 3U) << what;
        EXPECT_EQ(block->complete(), *name == '\0') << what;
        EXPECT_EQ(block->file(0), record("a", 1).file) << what;
        EXPECT_EQ(block->file(1), record("b", 2).file) << what;
        EXPECT_EQ(block->file(2), record("\xff\n", 3).file) << what;
        EXPECT_EQ(block->name(2), "\xff\n") << what;
      }
    };
    for (std::size_t i = 0; i < intact.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = intact;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
        check(damaged, file + ": bit " + std::to_string(8 * i) + "+" + std::to_string(bit));
      }
    for (std::size_t size = 0; size < intact.size(); ++size)
      check(intact.substr(0, size), file + ": size " + std::to_string(size));
    check("", file + ": empty");
    check(std::string(1 << 16, '\0'), file + ": zeros");
    check("SQLite format 3" + intact, file + ": foreign");
    ::unlink(file.c_str());
  }
}

// An edit must not cost the writing of everything that was known before.
TEST_F(StatCacheTest, AppendsTheBlocksThatChangedUntilHalfIsDead) {
  save({"a", "b", "c", "d"});
  const auto size = [&] { return os::read_file(path + ".blocks")->size(); };
  const std::size_t whole = size();
  const std::size_t block = whole / 4;
  std::vector<std::size_t> sizes;
  for (int edit = 0; edit < 6; ++edit) {
    StatCache cache(path);
    cache.replace("b", CacheBlock::encode({record("a", 1), record("b", 2), record("\xff\n", 3)}, false));
    ASSERT_TRUE(cache.save());
    sizes.push_back(size());
  }
  EXPECT_THAT(sizes, testing::ElementsAre(whole + block, whole + 2 * block, whole + 3 * block,
                                          whole + 4 * block, whole, whole + block));
  const StatCache again(path);
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_NE(again.directory(name), nullptr) << name;
    EXPECT_EQ(again.directory(name)->file(1), record("b", 2).file) << name;
  }
}

// Two builds of one context at once: what one of them wrote anew isn't where the other one's index says.
TEST_F(StatCacheTest, BlocksRewrittenUnderAnIndexAreNotBelieved) {
  save({"a", "b"});
  const std::string old_index = *os::read_file(path);
  const std::string old_blocks = *os::read_file(path + ".blocks");
  {
    StatCache writer(path);
    writer.replace("a", CacheBlock::encode({record("other", 9)}, true));
    writer.forget_others("b", {});
    ASSERT_TRUE(writer.save());
  }
  const std::string new_blocks = *os::read_file(path + ".blocks");
  ASSERT_TRUE(os::write_file(path + ".blocks", old_blocks));
  EXPECT_EQ(StatCache(path).directory("a"), nullptr);
  ASSERT_TRUE(os::write_file(path, old_index));
  ASSERT_TRUE(os::write_file(path + ".blocks", new_blocks + old_blocks));
  const StatCache mixed(path);
  EXPECT_EQ(mixed.directory("a"), nullptr);
  EXPECT_EQ(mixed.directory("b"), nullptr);
}

TEST_F(StatCacheTest, DamageToOneBlockLeavesTheOthers) {
  save({"a", "b"});
  std::string bytes = *os::read_file(path + ".blocks");
  bytes.back() ^= 1;
  ASSERT_TRUE(os::write_file(path + ".blocks", bytes));
  StatCache cache(path);
  EXPECT_NE(cache.directory("a"), nullptr);
  EXPECT_EQ(cache.directory("b"), nullptr);
  cache.replace("c", CacheBlock::encode({}, true));
  ASSERT_TRUE(cache.save()) << "the damaged block isn't carried on";
  const StatCache again(path);
  EXPECT_NE(again.directory("a"), nullptr);
  EXPECT_EQ(again.directory("b"), nullptr);
  EXPECT_NE(again.directory("c"), nullptr);
}

TEST(CacheBlock, ParseRefusesWhatEncodeNeverWrites) {
  const std::string good = CacheBlock::encode({record("a"), record("b")}, true).bytes();
  EXPECT_TRUE(CacheBlock::parse(good, 2, true));
  EXPECT_FALSE(CacheBlock::parse(good, 1, true));
  EXPECT_FALSE(CacheBlock::parse(good, 3, true));
  EXPECT_FALSE(CacheBlock::parse(good + "x", 2, true));
  EXPECT_FALSE(CacheBlock::parse(CacheBlock::encode({record("b"), record("a")}, true).bytes(), 2, true));
  EXPECT_FALSE(CacheBlock::parse(CacheBlock::encode({record("a"), record("a")}, true).bytes(), 2, true));
  EXPECT_FALSE(CacheBlock::parse("", 0xFFFFFFFF, true));
  EXPECT_TRUE(CacheBlock::parse("", 0, true));
}

TEST(IsRacy, DependsOnTheClocksGrain) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_TRUE(is_racy(5 * kSecond + 1, 5 * kSecond + 1));
  EXPECT_TRUE(is_racy(5 * kSecond + 1, 5 * kSecond + 10'000'000)) << "the same tick of a slow clock";
  EXPECT_FALSE(is_racy(5 * kSecond + 1, 5 * kSecond + 40'000'000));
  EXPECT_TRUE(is_racy(5 * kSecond, 6 * kSecond)) << "a file system that keeps whole seconds";
  EXPECT_FALSE(is_racy(5 * kSecond, 8 * kSecond));
  EXPECT_TRUE(is_racy(9 * kSecond, 5 * kSecond)) << "the clock was set back";
}

}  // namespace
}  // namespace pgstrata::context
