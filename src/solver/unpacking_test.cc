// What unpacking leaves behind; tests/conformance/cases/add.txt has the same against BuildKit.
#include "solver/unpacking.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"

namespace pgstrata::solver {
namespace {

using filetree::Entry;
using filetree::EntryType;
using testing::ElementsAre;
using testing::HasSubstr;

Entry member(const std::string& path, EntryType type, const std::string& link = "") {
  return {.path = path, .type = type, .mode = 0640, .uid = 7, .gid = 8, .link = link, .tar_offset = 512};
}
Entry file(const std::string& path) { return member(path, EntryType::kRegular); }
Entry directory(const std::string& path) { return member(path, EntryType::kDirectory); }
Entry symlink(const std::string& path, const std::string& to) {
  return member(path, EntryType::kSymlink, to);
}
Entry hard_link(const std::string& path, const std::string& to) {
  return member(path, EntryType::kHardLink, to);
}

class UnpackingTest : public testing::Test {
 protected:
  UnpackingTest() {
    stage_.directory("d");
    stage_.file("d/file", "old").tar_offset = 1024;
    stage_.directory("d/full");
    stage_.file("d/full/x", "x");
    stage_.directory("real");
    stage_.symlink("d/absolute", "/full");
    stage_.symlink("d/relative", "full");
    stage_.symlink("d/out", "../real");
    stage_.symlink("d/gone", "new/deep");
  }

  /// Unpacked in /d: "path/" for directories, "!" before opaque ones, "path -> target" for links.
  std::vector<std::string> unpack(std::vector<Entry> members, std::optional<users::Owner> owner = {}) {
    Unpacking unpacking(
        "d", [this](std::string_view path) { return stage_.lookup(path); }, 5);
    for (Entry& entry : members) {
      const auto added = unpacking.add(std::move(entry), owner);
      if (!added) return {"error: " + added.error().message()};
    }
    unpacked_ = unpacking.take();
    std::vector<std::string> lines;
    for (const Entry& entry : unpacked_.entries) {
      const bool is_directory = entry.type == EntryType::kDirectory;
      lines.push_back((entry.opaque ? "!" : "") + entry.path + (is_directory ? "/" : "") +
                      (entry.link.empty() ? "" : " -> " + entry.link));
    }
    return lines;
  }

  filetree::FakeFileTree stage_;
  Unpacking::Unpacked unpacked_;
};

TEST_F(UnpackingTest, AMemberReplacesWhatStandsThere) {
  EXPECT_THAT(unpack({directory("file"), file("file/in")}), ElementsAre("d/file/", "d/file/in"));
  EXPECT_THAT(unpacked_.replaced, ElementsAre("d/file"));
  EXPECT_THAT(unpack({file("full")}), ElementsAre("d/full"));
  EXPECT_THAT(unpack({directory("relative"), file("relative/y")}),
              ElementsAre("d/relative/", "d/relative/y"));
}

TEST_F(UnpackingTest, ADirectoryThatWasAFileInBetweenHasNothingOfTheStage) {
  EXPECT_THAT(unpack({file("full"), directory("full")}), ElementsAre("!d/full/"));
}

TEST_F(UnpackingTest, ADirectoryOnADirectoryGivesItsAttributes) {
  EXPECT_THAT(unpack({directory("full")}), ElementsAre("d/full/"));
  EXPECT_TRUE(unpacked_.replaced.empty());
  EXPECT_EQ(unpacked_.entries[0].uid, 7U);
}

TEST_F(UnpackingTest, LinksAreFollowedOnTheWayButNotOut) {
  EXPECT_THAT(unpack({file("absolute/y")}), ElementsAre("d/full/y")) << "the destination is the root";
  EXPECT_THAT(unpack({file("relative/y")}), ElementsAre("d/full/y"));
  EXPECT_THAT(unpack({file("gone/y")}), ElementsAre("d/new/", "d/new/deep/", "d/new/deep/y"));
  EXPECT_THAT(unpack({symlink("own", "full"), file("own/y")}), ElementsAre("d/full/y", "d/own -> full"));
  EXPECT_THAT(unpack({file("out/y")}).front(), HasSubstr("leads out of the destination"));
  EXPECT_THAT(unpack({symlink("a", "b"), symlink("b", "a"), file("a/y")}).front(), HasSubstr("loop"));
  EXPECT_THAT(unpack({file("file/y")}).front(), HasSubstr("no directory"));
}

TEST_F(UnpackingTest, MissingParentsAreRootsWhateverTheOwner) {
  users::Owner owner;
  owner.uid = owner.gid = 3;
  EXPECT_THAT(unpack({file("a/b")}, owner), ElementsAre("d/a/", "d/a/b"));
  EXPECT_EQ(unpacked_.entries[0].uid, 0U);
  EXPECT_EQ(unpacked_.entries[0].mode, 0755U);
  EXPECT_EQ(unpacked_.entries[1].uid, 3U);
}

TEST_F(UnpackingTest, AHardLinkMayLeadToAFileOfTheStage) {
  EXPECT_THAT(unpack({hard_link("a", "file")}), ElementsAre("d/a", "d/file -> d/a"));
  EXPECT_THAT(unpacked_.from_stage, ElementsAre(testing::Pair("d/a", "d/file")));
  EXPECT_EQ(unpacked_.entries[0].mode, 0640U) << "the link's attributes are the file's";
  EXPECT_EQ(unpacked_.entries[0].tar_offset, 0U) << "its content isn't in the archive";
  EXPECT_THAT(unpack({file("x"), hard_link("y", "x"), file("x")}), ElementsAre("d/x", "d/y"))
      << "what replaces one name leaves the other";
  EXPECT_THAT(unpack({hard_link("a", "nowhere")}).front(), HasSubstr("which is no file"));
}

}  // namespace
}  // namespace pgstrata::solver
