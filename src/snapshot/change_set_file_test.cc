#include "snapshot/change_set_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot/test_support.h"

namespace pgstrata::snapshot {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using testing::directory_entry;
using testing::file_entry;
using testing::TempDir;
using testing::typed_entry;

Entry full_entry() {
  Entry entry = file_entry("etc/file", "text", 06755);
  entry.uid = 4000000000;
  entry.gid = 7;
  entry.mtime_ns = -1;
  entry.tar_offset = std::uint64_t{1} << 40;
  entry.xattrs = {{"user.empty", ""}, {"user.key", std::string("a\0b", 3)}};
  return entry;
}

ChangeSet sample() {
  Entry opaque = directory_entry("var");
  opaque.opaque = true;
  Entry implied = directory_entry("etc");
  implied.implied = true;
  Entry device = typed_entry("var/dev", EntryType::kBlockDevice);
  device.device_major = 259;
  device.device_minor = 1048575;
  return {directory_entry(""),
          implied,
          full_entry(),
          typed_entry("etc/link", EntryType::kSymlink, "\xff target"),
          opaque,
          device,
          typed_entry("var/gone", EntryType::kWhiteout)};
}

std::vector<std::string> paths_of(const ChangeSetFile& file, const std::vector<std::size_t>& indices) {
  std::vector<std::string> paths;
  for (const std::size_t index : indices) paths.emplace_back(file.head(index)->path);
  return paths;
}

TEST(ChangeSetFile, GivesBackEveryFieldOfEveryEntry) {
  const TempDir temp;
  ASSERT_VALUE(bytes, serialise(sample()));
  ASSERT_DONE(os::write_file(temp / "changes", bytes));
  ASSERT_VALUE(file, ChangeSetFile::open(temp / "changes"));
  ASSERT_VALUE(read, file.read_all());
  EXPECT_EQ(read, sample());
  ASSERT_DONE(file.verify());
}

TEST(ChangeSetFile, StaysReadableAfterMove) {
  ASSERT_VALUE(bytes, serialise(ChangeSet{}));  // 80 bytes
  ASSERT_VALUE(first, ChangeSetFile::from_bytes(bytes, "x"));
  const ChangeSetFile second = std::move(first);
  EXPECT_EQ(second.size(), 0U);
  ASSERT_DONE(second.verify());
}

TEST(ChangeSetFile, FindsWhatIsThereAndNothingElse) {
  ASSERT_VALUE(bytes, serialise(sample()));
  ASSERT_VALUE(file, ChangeSetFile::from_bytes(bytes, "x"));
  ASSERT_VALUE(found, file.find("etc/file"));
  EXPECT_EQ(found, full_entry());
  for (const char* absent : {"a", "etc/", "etc/fil", "etc/file/x", "zzz"}) {
    ASSERT_VALUE(nothing, file.find(absent));
    EXPECT_FALSE(nothing.has_value()) << absent;
  }
}

// '-' and '.' sort before '/', so "a-b" and "a.c" stand between "a" and its children.
TEST(ChangeSetFile, ListsChildrenAlthoughSiblingsSortBetweenThem) {
  ChangeSet changes = {directory_entry("a"),      directory_entry("a-b"),  file_entry("a-b/x", ""),
                       file_entry("a.c", ""),     directory_entry("a/b"),  directory_entry("a/b-c"),
                       file_entry("a/b-c/y", ""), file_entry("a/b/z", ""), file_entry("a/d", ""),
                       file_entry("b", "")};
  filetree::sort(changes);
  ASSERT_VALUE(bytes, serialise(changes));
  ASSERT_VALUE(file, ChangeSetFile::from_bytes(bytes, "x"));
  ASSERT_VALUE(below, file.below("a", file.all()));
  ASSERT_VALUE(children, file.children("a", below));
  EXPECT_THAT(paths_of(file, children), ::testing::ElementsAre("a/b", "a/b-c", "a/d"));
  ASSERT_VALUE(all, file.below("", file.all()));
  ASSERT_VALUE(top, file.children("", all));
  EXPECT_THAT(paths_of(file, top), ::testing::ElementsAre("a", "a-b", "a.c", "b"));
}

TEST(ChangeSetFile, RefusesWhatAMergeCouldNotRelyOn) {
  const ChangeSet unsorted = {file_entry("b", ""), file_entry("a", "")};
  const ChangeSet twice = {file_entry("a", ""), file_entry("a", "")};
  const ChangeSet orphan = {file_entry("a/b", "")};
  const ChangeSet below_file = {file_entry("a", ""), file_entry("a/b", "")};
  for (const ChangeSet& changes : {unsorted, twice, orphan, below_file}) {
    const auto bytes = serialise(changes);
    ASSERT_FALSE(bytes.has_value());
    EXPECT_EQ(bytes.error().kind, ErrorKind::kCorrupt);
  }
}

// Whatever a bad disk makes of the file: no crash, no entry that was never stored, and verify() notices.
TEST(ChangeSetFile, NoticesEveryFlippedByte) {
  ASSERT_VALUE(bytes, serialise(sample()));
  const ChangeSet original = sample();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    const auto file = ChangeSetFile::from_bytes(damaged, "x");
    if (!file) {
      EXPECT_EQ(file.error().kind, ErrorKind::kCorrupt);
      continue;
    }
    EXPECT_FALSE(file->verify().has_value()) << at;
    for (const Entry& entry : original) {
      const auto found = file->find(entry.path);
      if (found && found->has_value()) {
        EXPECT_EQ(**found, entry) << at;
      }
      const auto below = file->below(entry.path, file->all());
      if (below) static_cast<void>(file->children(entry.path, *below).has_value());
    }
    EXPECT_FALSE(file->read_all() == original) << at;
  }
}

TEST(ChangeSetFile, NoticesEveryTruncation) {
  ASSERT_VALUE(bytes, serialise(sample()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto file = ChangeSetFile::from_bytes(bytes.substr(0, size), "x");
    ASSERT_FALSE(file.has_value()) << size;
    EXPECT_EQ(file.error().kind, ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace pgstrata::snapshot
