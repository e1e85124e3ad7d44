#include "filetree/entry.h"

#include <gtest/gtest.h>

#include <functional>

namespace pgstrata::filetree {
namespace {

Entry file(const std::string& path, const std::string& text = "text") {
  Entry entry;
  entry.path = path;
  entry.mode = 0644;
  entry.size = text.size();
  entry.content = oci::sha256(text);
  return entry;
}

Entry of_type(const std::string& path, EntryType type) {
  Entry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = 0755;
  return entry;
}

oci::Digest digest(const ChangeSet& changes) { return change_set_digest(changes); }

TEST(Sort, PutsADirectoryBeforeWhatItHoldsAndItsSiblingsWhereTheirBytesSay) {
  ChangeSet changes{file("a/b"), file("a0"), file("a-b"), file("a"), file("\xff"), file("")};
  sort(changes);
  std::vector<std::string> paths;
  for (const Entry& entry : changes) paths.push_back(entry.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"", "a", "a-b", "a/b", "a0", "\xff"}));
}

TEST(ChangeSetDigest, SeesEveryPropertyOfARegularFile) {
  const std::vector<std::pair<const char*, std::function<void(Entry&)>>> edits{
      {"path", [](Entry& e) { e.path = "g"; }},
      {"type", [](Entry& e) { e.type = EntryType::kFifo; }},
      {"mode", [](Entry& e) { e.mode = 0755; }},
      {"setuid", [](Entry& e) { e.mode = 04644; }},
      {"uid", [](Entry& e) { e.uid = 1; }},
      {"gid", [](Entry& e) { e.gid = 1; }},
      {"size", [](Entry& e) { e.size = 5; }},
      {"content", [](Entry& e) { e.content = oci::sha256("test"); }},
      {"xattr",
       [](Entry& e) {
         e.xattrs = {{"user.a", "1"}};
       }},
  };
  const oci::Digest before = digest({file("f")});
  for (const auto& [name, edit] : edits) {
    Entry edited = file("f");
    edit(edited);
    EXPECT_NE(digest({edited}), before) << name;
  }
}

TEST(ChangeSetDigest, SeesWhatOtherTypesAreMadeOf) {
  for (const EntryType type : {EntryType::kSymlink, EntryType::kHardLink}) {
    Entry a = of_type("l", type);
    Entry b = a;
    a.link = "x";
    b.link = "y";
    EXPECT_NE(digest({a}), digest({b}));
  }
  for (const EntryType type : {EntryType::kCharDevice, EntryType::kBlockDevice}) {
    Entry a = of_type("d", type);
    Entry major = a;
    Entry minor = a;
    major.device_major = 1;
    minor.device_minor = 1;
    EXPECT_NE(digest({a}), digest({major}));
    EXPECT_NE(digest({major}), digest({minor}));
  }
  Entry opaque = of_type("d", EntryType::kDirectory);
  opaque.opaque = true;
  EXPECT_NE(digest({opaque}), digest({of_type("d", EntryType::kDirectory)}));
  EXPECT_NE(digest({of_type("d", EntryType::kWhiteout)}), digest({}));
}

TEST(ChangeSetDigest, LeavesOutTimesPlacesAndWhatIsNoChange) {
  Entry moved = file("f");
  moved.mtime_ns = 5;
  moved.tar_offset = 512;
  EXPECT_EQ(digest({moved}), digest({file("f")}));

  Entry directory = of_type("d", EntryType::kDirectory);
  directory.size = 4096;
  EXPECT_EQ(digest({directory}), digest({of_type("d", EntryType::kDirectory)}));

  Entry implied = of_type("d", EntryType::kDirectory);
  const auto marked_not = digest({implied, file("d/f")});
  EXPECT_NE(marked_not, digest({file("d/f")}));
  implied.implied = true;
  EXPECT_EQ(digest({implied, file("d/f")}), marked_not);
  implied.uid = 7;
  EXPECT_NE(digest({implied, file("d/f")}), marked_not);

  Entry whiteout = of_type("w", EntryType::kWhiteout);
  whiteout.mode = 0;
  EXPECT_EQ(digest({whiteout}), digest({of_type("w", EntryType::kWhiteout)}));
}

TEST(ChangeSetDigest, DifferentListsNeverRunTogether) {
  EXPECT_NE(digest({file("a"), file("b")}), digest({file("ab")}));
  Entry ab = of_type("l", EntryType::kSymlink);
  Entry ba = of_type("l", EntryType::kSymlink);
  ab.xattrs = {{"user.a", "bc"}};
  ba.xattrs = {{"user.ab", "c"}};
  EXPECT_NE(digest({ab}), digest({ba}));
  // A path of a length whose encoding needs two bytes, and one that needs one.
  EXPECT_NE(digest({file(std::string(128, 'a'))}), digest({file(std::string(127, 'a'))}));
}

TEST(ChangeSetDigest, IsTheSameHoweverManyFlushesItTakes) {
  // 2,000 entries pass the internal buffer several times; swapping two far apart must still show.
  ChangeSet many;
  for (int i = 0; i < 2000; ++i) many.push_back(file("directory/" + std::to_string(i)));
  ChangeSet swapped = many;
  std::swap(swapped[3].content, swapped[1900].content);
  EXPECT_EQ(digest(many), digest(swapped)) << "equal contents: swapping changes nothing";
  swapped[1900].content = oci::sha256("other");
  EXPECT_NE(digest(many), digest(swapped));
}

TEST(Paths, ParentAndBaseName) {
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(base_name("a/b/c"), "c");
  EXPECT_EQ(parent_path("a"), "");
  EXPECT_EQ(base_name("a"), "a");
  EXPECT_EQ(parent_path(""), "");
  EXPECT_EQ(base_name(""), "");
}

}  // namespace
}  // namespace pgstrata::filetree
