#include "snapshot/chain_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot/test_support.h"

namespace pgstrata::snapshot {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using testing::directory_entry;
using ::testing::ElementsAre;
using testing::FakeChain;
using testing::file_entry;
using testing::typed_entry;

/// "path" for files, "path/" for directories, "path=target" for hard links.
std::vector<std::string> walk(const ChainView& view, std::string_view top = "") {
  std::vector<std::string> lines;
  const auto entries = view.walk(top);
  EXPECT_TRUE(entries.has_value());
  for (const Entry& entry : *entries) {
    lines.push_back(entry.path);
    if (entry.type == EntryType::kDirectory) lines.back() += '/';
    if (entry.type == EntryType::kHardLink) lines.back() += "=" + entry.link;
  }
  return lines;
}

TEST(ChainView, AnEmptyChainIsARootDirectory) {
  const ChainView view({}, "empty");
  ASSERT_VALUE(root, view.lookup(""));
  EXPECT_EQ(root, directory_entry("", 0755));
  ASSERT_VALUE(absent, view.lookup("etc"));
  EXPECT_FALSE(absent.has_value());
  EXPECT_THAT(walk(view), ElementsAre("/"));
}

TEST(ChainView, MergesDirectoriesAndShowsTheTopmostAttributes) {
  FakeChain chain;
  chain.add({directory_entry("etc", 0700), file_entry("etc/a", "old"), file_entry("etc/b", "b")});
  chain.add({directory_entry("etc", 0755), file_entry("etc/a", "newer"), file_entry("etc/c", "c")});
  const auto view = chain.view();
  EXPECT_THAT(walk(*view), ElementsAre("/", "etc/", "etc/a", "etc/b", "etc/c"));
  EXPECT_EQ((*view->lookup("etc"))->mode, 0755U);
  EXPECT_EQ((*view->lookup("etc/a"))->size, 5U);
  ASSERT_VALUE(list, view->list("etc"));
  EXPECT_EQ(list.size(), 3U);
}

TEST(ChainView, AWhiteoutHidesATreeAndALaterLayerStartsAnew) {
  FakeChain chain;
  chain.add({directory_entry("d"), file_entry("d/old", "1"), file_entry("f", "2")});
  chain.add({typed_entry("d", EntryType::kWhiteout), typed_entry("f", EntryType::kWhiteout)});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/"));
  chain.add({directory_entry("d"), file_entry("d/new", "3")});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/", "d/", "d/new"));
  EXPECT_FALSE((*chain.view()->lookup("d/old")).has_value());
}

TEST(ChainView, AnOpaqueDirectoryHidesWhatIsBelowButNotWhatComesAbove) {
  Entry opaque = directory_entry("d");
  opaque.opaque = true;
  FakeChain chain;
  chain.add({directory_entry("d"), file_entry("d/old", "1")});
  chain.add({opaque, file_entry("d/new", "2")});
  chain.add({directory_entry("d"), file_entry("d/newest", "3")});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/", "d/", "d/new", "d/newest"));
  EXPECT_FALSE((*chain.view()->lookup("d/old")).has_value());
}

TEST(ChainView, ChangesOfTypeHideEverythingThatWasHiddenBefore) {
  FakeChain chain;
  chain.add({directory_entry("x"), file_entry("x/deep", "1")});
  chain.add({file_entry("x", "a file now")});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/", "x"));
  EXPECT_FALSE((*chain.view()->lookup("x/deep")).has_value());
  chain.add({directory_entry("x"), file_entry("x/other", "2")});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/", "x/", "x/other"));
  EXPECT_FALSE((*chain.view()->lookup("x/deep")).has_value());
}

TEST(ChainView, AHardLinkOutlivesTheNameItWasLinkedTo) {
  FakeChain chain;
  Entry link = typed_entry("b", EntryType::kHardLink, "a");
  chain.add({file_entry("a", "text", 0600), link, typed_entry("c", EntryType::kHardLink, "a")});
  EXPECT_THAT(walk(*chain.view()), ElementsAre("/", "a", "b=a", "c=a"));
  chain.add({typed_entry("a", EntryType::kWhiteout)});
  const auto view = chain.view();
  EXPECT_THAT(walk(*view), ElementsAre("/", "b", "c=b"));
  ASSERT_VALUE(found, view->lookup("b"));
  Entry expected = file_entry("b", "text", 0600);
  EXPECT_EQ(found, expected);
  EXPECT_THAT(walk(*view, "c"), ElementsAre("c"));
}

TEST(ChainView, OpensTheFileOfTheLayerThatShowsIt) {
  const auto says = [](std::string text) {
    return [text](const Entry& entry) -> Result<filetree::Content> {
      return filetree::Content{.fd = {}, .offset = 0, .size = 0, .text = text + entry.path};
    };
  };
  FakeChain chain;
  chain.add({file_entry("a", "1"), file_entry("b", "2"), typed_entry("c", EntryType::kHardLink, "b")},
            says("bottom:"));
  chain.add({file_entry("b", "3")}, says("top:"));
  const auto view = chain.view();
  EXPECT_EQ(view->open(file_entry("a", ""))->text, "bottom:a");
  EXPECT_EQ(view->open(file_entry("b", ""))->text, "top:b");
  EXPECT_EQ(view->open(file_entry("c", ""))->text, "bottom:b");
  const auto absent = view->open(file_entry("d", ""));
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().kind, ErrorKind::kNotFound);
}

TEST(ChainView, LooksUpNothingThroughALink) {
  FakeChain chain;
  chain.add(
      {directory_entry("usr"), file_entry("usr/x", ""), typed_entry("lib", EntryType::kSymlink, "usr")});
  EXPECT_FALSE((*chain.view()->lookup("lib/x")).has_value());
  EXPECT_EQ((*chain.view()->lookup("lib"))->link, "usr");
}

}  // namespace
}  // namespace pgstrata::snapshot
