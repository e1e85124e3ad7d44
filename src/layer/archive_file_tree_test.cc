#include "layer/archive_file_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::layer {
namespace {

using filetree::Entry;
using filetree::EntryType;
using testing::ElementsAre;

Entry directory(std::string path) {
  return {.path = std::move(path), .type = EntryType::kDirectory, .mode = 0755};
}

/// a/one, its further names a/two and b/three, and a link; a file's bytes are its path.
std::unique_ptr<ArchiveFileTree> tree() {
  ArchiveTree archive;
  archive.entries = {
      directory("a"),
      {.path = "a/one", .mode = 0644, .uid = 7, .size = 5, .mtime_ns = 5'000'000'000},
      {.path = "a/two", .type = EntryType::kHardLink, .link = "a/one"},
      directory("b"),
      {.path = "b/link", .type = EntryType::kSymlink, .mtime_ns = 9'000'000'000, .link = "../a"},
      {.path = "b/three", .type = EntryType::kHardLink, .link = "a/one"}};
  archive.open = [](const Entry& entry) -> Result<filetree::Content> {
    return filetree::Content{.size = entry.path.size(), .text = entry.path};
  };
  return ArchiveFileTree::make(std::move(archive), "an archive").value();
}

std::vector<std::string> paths(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  for (const Entry& entry : entries) result.push_back(entry.path);
  return result;
}

TEST(ArchiveFileTree, HasARootEvenIfTheArchiveNamesNone) {
  EXPECT_EQ(tree()->lookup("").value()->type, EntryType::kDirectory);
  const auto empty = ArchiveFileTree::make({}, "").value();
  EXPECT_TRUE(empty->list("").value().empty());
  EXPECT_THAT(paths(empty->walk("").value()), ElementsAre(""));
}

TEST(ArchiveFileTree, LooksUpAndLists) {
  const auto archive = tree();
  EXPECT_EQ(archive->lookup("nothing").value(), std::nullopt);
  EXPECT_EQ(archive->lookup("b/three").value()->type, EntryType::kRegular);
  EXPECT_EQ(archive->lookup("b/three").value()->uid, 7U);
  EXPECT_THAT(paths(archive->list("").value()), ElementsAre("a", "b"));
  EXPECT_THAT(paths(archive->list("b").value()), ElementsAre("b/link", "b/three"));
}

TEST(ArchiveFileTree, OfALinksNamesThoseOfTheWalkCount) {
  const auto archive = tree();
  const auto all = archive->walk("").value();
  EXPECT_THAT(paths(all), ElementsAre("", "a", "a/one", "a/two", "b", "b/link", "b/three"));
  EXPECT_EQ(all[6].type, EntryType::kHardLink);
  EXPECT_EQ(all[6].link, "a/one");
  const auto part = archive->walk("b").value();
  EXPECT_THAT(paths(part), ElementsAre("b", "b/link", "b/three"));
  EXPECT_EQ(part[2].type, EntryType::kRegular);
  EXPECT_EQ(part[2].content, oci::sha256("a/one"));
  EXPECT_EQ(archive->open(part[2]).value().text, "a/one");
  EXPECT_EQ(archive->walk("none").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pgstrata::layer
