#include "layer/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>

#include "layer/tar_writer.h"
#include "snapshot/test_support.h"
#include "snapshot/upper_dir.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using snapshot::testing::directory_entry;
using snapshot::testing::FakeChain;
using snapshot::testing::file_entry;
using snapshot::testing::run_in_namespace;
using snapshot::testing::TempDir;
using snapshot::testing::typed_entry;
using snapshot::testing::Who;
using ::testing::HasSubstr;

constexpr std::int64_t kSecond = 1'000'000'000;
const std::string kBig(300000, 'b');

std::string text_for(const Entry& entry) { return entry.size == kBig.size() ? kBig : "text"; }

snapshot::ContentOpener texts() {
  return [](const Entry& entry) -> Result<filetree::Content> {
    const std::string text = text_for(entry);
    return filetree::Content{.fd = {}, .offset = 0, .size = text.size(), .text = text};
  };
}

Result<WrittenLayer> write_to(const std::string& path, ChangeSet changes) {
  const os::Fd out = TRY(os::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return write_layer(std::move(changes), texts(), {}, [&](std::span<const std::byte> bytes) {
    return os::write_all(out.get(), bytes, path);
  });
}

ChangeSet sample(bool with_devices) {
  ChangeSet changes = {directory_entry("", 0711),
                       directory_entry("closed", 0500),
                       file_entry("closed/in", "text"),
                       directory_entry("opq", 02755),
                       file_entry("opq/setuid", "text", 04755),
                       typed_entry("opq/hard", EntryType::kHardLink, "closed/in"),
                       typed_entry("opq/gone", EntryType::kWhiteout),
                       file_entry("opq/big", kBig),
                       typed_entry("sym", EntryType::kSymlink, "/nowhere"),
                       typed_entry("fifo", EntryType::kFifo)};
  changes[3].opaque = true;
  changes[2].xattrs = {{"security.capability", std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
                       {"user.a", "b"}};
  changes[5].xattrs = changes[2].xattrs;
  if (with_devices) {
    changes.push_back(typed_entry("null", EntryType::kCharDevice));
    changes.back().device_major = 1;
    changes.back().device_minor = 3;
  }
  std::int64_t time = 1000;
  for (Entry& entry : changes) {
    if (entry.type == EntryType::kWhiteout || entry.type == EntryType::kHardLink) continue;
    entry.mtime_ns = ++time * kSecond;
    entry.uid = 5;
    entry.gid = 6;
  }
  changes[5] = [&] {  // another name of the same inode
    Entry link = changes[2];
    link.path = "opq/hard";
    link.type = EntryType::kHardLink;
    link.link = "closed/in";
    link.size = 0;
    link.content = {};
    return link;
  }();
  return changes;
}

/// What an unpacked directory must scan as.
ChangeSet without_contents(ChangeSet changes) {
  for (Entry& entry : changes) {
    entry.content = {};
    entry.tar_offset = 0;
  }
  return changes;
}

class Unpack : public ::testing::TestWithParam<Who> {};
INSTANTIATE_TEST_SUITE_P(As, Unpack, ::testing::Values(Who::kRoot, Who::kUserNamespace),
                         [](const auto& who) { return who.param == Who::kRoot ? "Root" : "User"; });

// scan_upper() is checked against real overlay mounts in snapshot/overlay_test.cc.
TEST_P(Unpack, GivesBackWhatTheLayerSays) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  const bool rootless = GetParam() == Who::kUserNamespace;
  run_in_namespace(GetParam(), [&] {
    ASSERT_VALUE(layer, write_to(temp / "tar", sample(!rootless)));
    ASSERT_VALUE(blob, os::open(temp / "tar", O_RDONLY));
    FakeChain below;
    below.add(
        {directory_entry(""), directory_entry("opq"), file_entry("opq/gone", ""), file_entry("opq/x", "")});
    for (const bool verify : {false, true}) {
      const std::string target = temp / (verify ? "verified" : "quick");
      ASSERT_DONE(
          unpack_layer(layer.changes, blob.get(), target, {.rootless = rootless, .verify = verify}));
      // Below an opaque directory the whiteout means nothing any more, and scan_upper() drops it.
      ChangeSet expected = without_contents(layer.changes);
      expected.erase(std::find_if(expected.begin(), expected.end(),
                                  [](const Entry& entry) { return entry.type == EntryType::kWhiteout; }));
      ASSERT_VALUE(found, snapshot::scan_upper(target, *below.view(), {rootless}));
      EXPECT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i)
        EXPECT_EQ(found[i], expected[i]) << found[i].path << " and " << expected[i].path;
      struct stat whiteout {};
      ASSERT_EQ(::lstat((target + "/opq/gone").c_str(), &whiteout), 0);
      EXPECT_TRUE(S_ISCHR(whiteout.st_mode) && whiteout.st_rdev == 0);
      EXPECT_EQ(*os::read_file(target + "/opq/big"), kBig);
      EXPECT_EQ(*os::read_file(target + "/opq/setuid"), "text");
    }
    // The same directory written again is the same layer.
    ASSERT_VALUE(open, snapshot::files_of_directory(temp / "quick"));
    ASSERT_VALUE(found, snapshot::scan_upper(temp / "quick", *below.view(), {rootless}));
    found.insert(found.end(), typed_entry("opq/gone", EntryType::kWhiteout));
    ASSERT_VALUE(again, write_layer(found, open, {}, [](auto) { return Result<void>(); }));
    EXPECT_EQ(again.diff_id, layer.diff_id);
    EXPECT_EQ(again.changes, layer.changes);
  });
}

TEST(UnpackAsUser, DevicesAreRefusedWithTheRemedy) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  run_in_namespace(Who::kUserNamespace, [&] {
    ASSERT_VALUE(layer, write_to(temp / "tar", sample(true)));
    ASSERT_VALUE(blob, os::open(temp / "tar", O_RDONLY));
    const auto done = unpack_layer(layer.changes, blob.get(), temp / "target", {.rootless = true});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, ErrorKind::kMachine);
    EXPECT_THAT(done.error().message(), HasSubstr("/null"));
    EXPECT_FALSE(os::exists(temp / "target"));
  });
}

TEST(Unpack, LeavesNothingBehindWhenItFails) {
  const TempDir temp;
  ASSERT_VALUE(layer, write_to(temp / "tar", {file_entry("a", "text"), file_entry("big", kBig)}));
  ASSERT_EQ(::truncate((temp / "tar").c_str(), 2000), 0);
  ASSERT_VALUE(blob, os::open(temp / "tar", O_RDONLY));
  const auto done = unpack_layer(layer.changes, blob.get(), temp / "target", {});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(done.error().message(), HasSubstr("/big"));
  ASSERT_EQ(::unlink((temp / "tar").c_str()), 0);
  EXPECT_EQ(::rmdir(temp.path().c_str()), 0) << "something is left";
  ASSERT_EQ(::mkdir(temp.path().c_str(), 0755), 0);
}

TEST(Unpack, VerifyingFindsAChangedByteAndNamesBothDigests) {
  const TempDir temp;
  ASSERT_VALUE(layer, write_to(temp / "tar", {file_entry("a", "text")}));
  ASSERT_VALUE(blob, os::open(temp / "tar", O_RDWR));
  ASSERT_DONE(verify_blob(blob.get(), layer.diff_id, "tar"));
  ASSERT_EQ(::pwrite(blob.get(), "T", 1, 512), 1);
  const auto done = unpack_layer(layer.changes, blob.get(), temp / "target", {.verify = true});
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().why, HasSubstr(oci::sha256("text").str()));
  EXPECT_THAT(done.error().why, HasSubstr(oci::sha256("Text").str()));
  const auto blob_done = verify_blob(blob.get(), layer.diff_id, "tar");
  ASSERT_FALSE(blob_done.has_value());
  EXPECT_EQ(blob_done.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(blob_done.error().why, HasSubstr(layer.diff_id.str()));
}

TEST(Unpack, NeverWritesThroughALinkOfTheLayer) {
  const TempDir temp;
  ASSERT_EQ(::mkdir((temp / "outside").c_str(), 0755), 0);
  ASSERT_DONE(os::write_file(temp / "tar", std::string(4096, 'x')));
  ASSERT_VALUE(blob, os::open(temp / "tar", O_RDONLY));
  const ChangeSet through_link = {typed_entry("l", EntryType::kSymlink, temp / "outside"),
                                  file_entry("l/evil", "text")};
  const ChangeSet climbing = {file_entry("../evil", "text")};
  for (const ChangeSet& changes : {through_link, climbing}) {
    const auto done = unpack_layer(changes, blob.get(), temp / "target", {});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_FALSE(os::exists(temp / "outside/evil"));
  EXPECT_FALSE(os::exists(temp / "evil"));
}

TEST(Unpack, AnExistingDirectoryIsLeftAlone) {
  const TempDir temp;
  ASSERT_VALUE(layer, write_to(temp / "tar", {file_entry("a", "text")}));
  ASSERT_VALUE(blob, os::open(temp / "tar", O_RDONLY));
  ASSERT_EQ(::mkdir((temp / "target").c_str(), 0755), 0);
  ASSERT_DONE(os::write_file(temp / "target/other", ""));
  ASSERT_DONE(unpack_layer(layer.changes, blob.get(), temp / "target", {}));
  EXPECT_TRUE(os::exists(temp / "target/other"));
}

}  // namespace
}  // namespace pgstrata::layer
