#include "remotecache/form.h"

#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"

namespace pgstrata::remotecache {
namespace {

filetree::ChangeSet some_files(const std::string& text) {
  filetree::FakeFileTree tree;
  tree.directory("etc");
  tree.file("etc/conf", text);
  return tree.walk("").value();
}

std::string list_of(const filetree::ChangeSet& files) {
  return packed_list(snapshot::serialise(files).value(), "test").value();
}

TEST(ListOfFiles, ComesBackAsItWas) {
  const filetree::ChangeSet files = some_files("text");
  const auto bytes = unpacked_list(list_of(files), filetree::change_set_digest(files));
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*bytes, snapshot::serialise(files).value());
}

TEST(ListOfFiles, OfAnotherChangeSetIsRefused) {
  const auto bytes =
      unpacked_list(list_of(some_files("text")), filetree::change_set_digest(some_files("other")));
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().why.find("it is the change set sha256:"), std::string::npos);
}

TEST(ListOfFiles, CutOffOrFlippedIsRefused) {
  const filetree::ChangeSet files = some_files("text");
  const oci::Digest name = filetree::change_set_digest(files);
  const std::string whole = list_of(files);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpacked_list(std::string_view(whole).substr(0, size), name)) << size;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto bytes = unpacked_list(flipped, name);
    // A bit of the frame's header may say nothing of the content.
    if (!bytes) continue;
    EXPECT_EQ(*bytes, snapshot::serialise(files).value()) << bit;
  }
}

TEST(ListOfFiles, ADamagedOneIsNotGivenAway) {
  std::string bytes = snapshot::serialise(some_files("text")).value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_FALSE(packed_list(bytes, "test"));
}

}  // namespace
}  // namespace pgstrata::remotecache
