#include "store/previous_layer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "os/file.h"

namespace pgstrata::store {
namespace {

using filetree::Entry;

/// A layer of the files "a" ("first") and "b" ("second") whose tar is just their bytes behind 16 others.
class PreviousLayerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-previous-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    ASSERT_TRUE(os::write_file(directory_ + "/tar", "0123456789abcdeffirstsecond"));
    Entry root;
    root.type = filetree::EntryType::kDirectory;
    const std::string bytes =
        snapshot::serialise(std::vector{root, file("a", "first", 16), file("b", "second", 21)}).value();
    changes_.emplace(snapshot::ChangeSetFile::from_bytes(bytes, "test").value());
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(directory_)); }

  static Entry file(const std::string& path, const std::string& text, std::uint64_t offset = 0) {
    Entry entry;
    entry.path = path;
    entry.size = text.size();
    entry.content = oci::sha256(text);
    entry.tar_offset = offset;
    return entry;
  }
  PreviousLayer previous() { return {*changes_, os::open(directory_ + "/tar", O_RDONLY).value()}; }
  /// Opens from the source as "SOURCE", so that a test sees where bytes come from.
  static Result<filetree::Content> source(const Entry&) {
    filetree::Content content;
    content.text = "SOURCE";
    return content;
  }

  std::string directory_;
  std::optional<snapshot::ChangeSetFile> changes_;
};

TEST_F(PreviousLayerTest, UnchangedFilesComeFromItsTar) {
  PreviousLayer layer = previous();
  const auto open = layer.before(source);
  EXPECT_EQ(open(file("a", "first"))->text, "first");
  EXPECT_EQ(open(file("b", "second"))->text, "second");
}

TEST_F(PreviousLayerTest, ChangedAndNewFilesComeFromTheSource) {
  PreviousLayer layer = previous();
  const auto open = layer.before(source);
  EXPECT_EQ(open(file("a", "other"))->text, "SOURCE");
  EXPECT_EQ(open(file("aa", "new"))->text, "SOURCE");
  EXPECT_EQ(open(file("b", "second"))->text, "second");
  EXPECT_EQ(open(file("c", "last"))->text, "SOURCE");
}

TEST_F(PreviousLayerTest, ATruncatedTarIsPassedOver) {
  ASSERT_TRUE(os::write_file(directory_ + "/tar", "0123456789abcdefir"));
  PreviousLayer layer = previous();
  EXPECT_EQ(layer.before(source)(file("a", "first"))->text, "SOURCE");
}

}  // namespace
}  // namespace pgstrata::store
