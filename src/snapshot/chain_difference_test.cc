#include "snapshot/chain_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

#include "snapshot/test_support.h"

namespace pgstrata::snapshot {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using filetree::Observation;
using filetree::Observations;
using filetree::Questions;
using testing::directory_entry;
using ::testing::ElementsAre;
using testing::file_entry;
using ::testing::IsEmpty;
using testing::typed_entry;

/// Layers that know their names, so that two chains can share some.
using Layer = std::pair<oci::Digest, std::shared_ptr<ChangeSetFile>>;

Layer layer(ChangeSet changes) {
  filetree::sort(changes);
  const oci::Digest name = filetree::change_set_digest(changes);
  auto file = ChangeSetFile::from_bytes(serialise(changes).value(), "layer");
  return {name, std::make_shared<ChangeSetFile>(std::move(file).value())};
}

NamedChain chain(const std::vector<Layer>& layers) {
  NamedChain named;
  for (const Layer& one : layers) named.push_back({.change_set = one.first, .changes = one.second.get()});
  return named;
}

Observations difference(const std::vector<Layer>& before, const std::vector<Layer>& after) {
  auto found = chain_difference(chain(before), chain(after));
  EXPECT_TRUE(found) << found.error().message();
  return found.value_or(Observations{});
}

/// What another size changes: look-ups show the size as well, since a read stops at an end that is known.
constexpr Questions kBytes = filetree::kAskedContent | filetree::kAskedMeta | filetree::kAskedKind;

Entry opaque(const std::string& path) {
  Entry entry = directory_entry(path);
  entry.opaque = true;
  return entry;
}

const Layer& base() {
  static const Layer made = layer({directory_entry("d"), file_entry("d/one", "1"), file_entry("d/two", "2"),
                                   directory_entry("d/deep"), file_entry("d/deep/x", "x"),
                                   file_entry("f", "text"), typed_entry("l", EntryType::kSymlink, "f")});
  return made;
}

TEST(ChainDifference, EqualChainsDontDiffer) { EXPECT_THAT(difference({base()}, {base()}), IsEmpty()); }

TEST(ChainDifference, TimesPlayNoPart) {
  Entry touched = file_entry("f", "text");
  touched.mtime_ns = 7;
  EXPECT_THAT(difference({base()}, {base(), layer({touched})}), IsEmpty());
}

TEST(ChainDifference, NamesTheQuestionsThatHaveAnotherAnswer) {
  const auto changed = [](Entry entry) {
    return difference({base()}, {base(), layer({std::move(entry)})});
  };
  EXPECT_THAT(changed(file_entry("f", "TEXT")), ElementsAre(Observation{"f", filetree::kAskedContent}));
  EXPECT_THAT(changed(file_entry("f", "longer")), ElementsAre(Observation{"f", kBytes}));
  EXPECT_THAT(changed(file_entry("f", "text", 0600)), ElementsAre(Observation{"f", filetree::kAskedKind}));
  EXPECT_THAT(changed(typed_entry("l", EntryType::kSymlink, "d")),
              ElementsAre(Observation{"l", filetree::kAskedTarget}));
  Entry with_attribute = file_entry("f", "text");
  with_attribute.xattrs = {{"user.note", "x"}};
  EXPECT_THAT(changed(with_attribute), ElementsAre(Observation{"f", filetree::kAskedXattrs}));
}

TEST(ChainDifference, WhatComesOrGoesChangesTheListingOfItsDirectory) {
  EXPECT_THAT(difference({base()}, {base(), layer({directory_entry("d"), file_entry("d/new", "n")})}),
              ElementsAre(Observation{"d", filetree::kAskedListing},
                          Observation{"d/new", filetree::kAskedAnything}));
  EXPECT_THAT(
      difference({base()}, {base(), layer({typed_entry("f", EntryType::kWhiteout)})}),
      ElementsAre(Observation{"", filetree::kAskedListing}, Observation{"f", filetree::kAskedAnything}));
}

TEST(ChainDifference, WhatHidesADirectoryChangesEverythingInIt) {
  const Observations gone = difference({base()}, {base(), layer({opaque("d")})});
  EXPECT_THAT(gone, ElementsAre(Observation{"d", filetree::kAskedListing},
                                Observation{"d/deep", filetree::kAskedAnything},
                                Observation{"d/deep/x", filetree::kAskedAnything},
                                Observation{"d/one", filetree::kAskedAnything},
                                Observation{"d/two", filetree::kAskedAnything}));
}

TEST(ChainDifference, ALayerThatBothHaveHidesTheDifferenceBelowIt) {
  const Layer above = layer({opaque("d"), file_entry("d/one", "new")});
  const Layer edited = layer({directory_entry("d"), file_entry("d/one", "edited")});
  EXPECT_THAT(difference({base(), above}, {base(), edited, above}), IsEmpty());
}

TEST(ChainDifference, AWhiteoutThatOnlyOneChainHasIsSeenThroughALaterDirectory) {
  const Layer removes = layer({typed_entry("d", EntryType::kWhiteout)});
  const Layer later = layer({directory_entry("d"), file_entry("d/later", "l")});
  const Observations found = difference({base(), removes, later}, {base(), later});
  EXPECT_THAT(found, ::testing::Contains(Observation{"d/one", filetree::kAskedAnything}));
  EXPECT_THAT(found, ::testing::Contains(Observation{"d", filetree::kAskedListing}));
}

TEST(ChainDifference, OneLayerMayStandTwiceInAChain) {
  const Layer first = layer({file_entry("f", "first")});
  const Layer second = layer({file_entry("f", "second")});
  EXPECT_THAT(difference({first, second}, {first, second, first}), ElementsAre(Observation{"f", kBytes}));
}

TEST(ChainDifference, AHardLinkChangesWithTheFileItShows) {
  const auto linked = [](const std::string& text) {
    return layer({file_entry("a", text), typed_entry("b", EntryType::kHardLink, "a")});
  };
  EXPECT_THAT(
      difference({linked("1")}, {linked("2")}),
      ElementsAre(Observation{"a", filetree::kAskedContent}, Observation{"b", filetree::kAskedContent}));
}

TEST(ChainDifference, AnotherNameForAFileIsMetadataOfTheFirst) {
  const Layer alone = layer({file_entry("a", "1")});
  const Layer two = layer({file_entry("a", "1"), typed_entry("b", EntryType::kHardLink, "a")});
  const Questions names = filetree::kAskedMeta | filetree::kAskedKind;
  EXPECT_THAT(difference({alone}, {two}), ::testing::Contains(Observation{"a", names}));
  const Layer copies = layer({file_entry("a", "1"), file_entry("b", "1")});
  EXPECT_THAT(difference({copies}, {two}), ElementsAre(Observation{"a", names}, Observation{"b", names}));
  const Layer three = layer({file_entry("a", "1"), typed_entry("b", EntryType::kHardLink, "a"),
                             typed_entry("c", EntryType::kHardLink, "a")});
  EXPECT_THAT(difference({two}, {three}), ::testing::Contains(Observation{"a", filetree::kAskedMeta}));
}

// ---- Against the definition: everything looked up in both trees.

class RandomLayers {
 public:
  explicit RandomLayers(unsigned seed) : random_(seed) {}

  Layer next() {
    std::map<std::string, Entry> entries;
    for (std::uint32_t left = roll(5) + 1; left > 0; --left) add(entries, path());
    ChangeSet changes;
    for (auto& [path, entry] : entries) changes.push_back(entry);
    return layer(std::move(changes));
  }
  std::uint32_t roll(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

 private:
  std::string path() {
    std::string made;
    for (std::uint32_t depth = roll(3) + 1; depth > 0; --depth)
      made += (made.empty() ? "" : "/") + std::string(1, static_cast<char>('a' + roll(3)));
    return made;
  }
  void add(std::map<std::string, Entry>& entries, const std::string& path) {
    std::vector<std::string> missing;
    for (std::string parent(filetree::parent_path(path)); !parent.empty();
         parent = std::string(filetree::parent_path(parent))) {
      const auto known = entries.find(parent);
      if (known == entries.end())
        missing.push_back(parent);
      else if (known->second.type != EntryType::kDirectory)
        return;
    }
    for (const std::string& parent : missing) entries[parent] = directory_entry(parent);
    const auto below = entries.lower_bound(path + "/");
    const bool has_children = below != entries.end() && below->first.starts_with(path + "/");
    switch (has_children ? 0 : roll(6)) {
      case 0:
        entries[path] = directory_entry(path, roll(2) == 0 ? 0755 : 0700);
        break;
      case 1:
        entries[path] = opaque(path);
        break;
      case 2:
        entries[path] = typed_entry(path, EntryType::kWhiteout);
        break;
      case 3:
        entries[path] = typed_entry(path, EntryType::kSymlink, roll(2) == 0 ? "a" : "b");
        break;
      default:
        entries[path] = file_entry(path, std::string(roll(3), 'x'));
    }
  }
  std::mt19937 random_;
};

void add_tree(const ChainView& view, const std::string& top, std::map<std::string, Entry>& all) {
  const auto children = view.list(top).value();
  for (const Entry& child : children) {
    all[child.path] = child;
    if (child.type == EntryType::kDirectory) add_tree(view, child.path, all);
  }
}

std::map<std::string, Entry> tree_of(const std::vector<Layer>& layers) {
  std::vector<LayerView> views;
  for (const Layer& one : layers) views.push_back({.changes = one.second.get(), .open = {}});
  const ChainView view(std::move(views), "chain");
  std::map<std::string, Entry> all;
  all[""] = view.lookup("").value().value();
  add_tree(view, "", all);
  return all;
}

/// What chain_difference() promises, by the slow way.
std::map<std::string, Questions> by_definition(const std::map<std::string, Entry>& before,
                                               const std::map<std::string, Entry>& after) {
  std::map<std::string, Questions> found;
  std::set<std::string> paths;
  for (const auto& side : {before, after})
    for (const auto& [path, entry] : side) paths.insert(path);
  for (const std::string& path : paths) {
    const bool was = before.contains(path);
    const bool is = after.contains(path);
    if (!was || !is || before.at(path).type != after.at(path).type) {
      found[path] = filetree::kAskedAnything;
      found[std::string(filetree::parent_path(path))] |= filetree::kAskedListing;
      continue;
    }
    const Entry& a = before.at(path);
    const Entry& b = after.at(path);
    Questions asked = 0;
    if (a.mode != b.mode) asked |= filetree::kAskedKind;
    if (a.size != b.size) asked |= kBytes;
    if (a.link != b.link) asked |= filetree::kAskedTarget;
    if (asked != 0) found[path] |= asked;
  }
  return found;
}

TEST(ChainDifference, IsWhatLookingEverythingUpWouldFind) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    RandomLayers random(seed);
    std::vector<Layer> before;
    for (std::uint32_t left = random.roll(4) + 1; left > 0; --left) before.push_back(random.next());
    std::vector<Layer> after = before;
    for (std::uint32_t edits = random.roll(3); edits > 0; --edits) {
      const auto at = after.begin() + random.roll(static_cast<std::uint32_t>(after.size()) + 1);
      if (at != after.end() && random.roll(3) == 0)
        after.erase(at);
      else
        after.insert(at, random.next());
      if (after.size() > 1 && random.roll(4) == 0) std::swap(after.front(), after.back());
    }
    std::map<std::string, Questions> found;
    for (const auto& [path, questions] : difference(before, after)) found[path] = questions;
    ASSERT_EQ(found, by_definition(tree_of(before), tree_of(after))) << "seed " << seed;
  }
}

// A layer that a step made; `mtime` of its one file in seconds. The first step ran from 1000 s on, the
// other from 2000.
NamedLayer made_by_step(const ChangeSetFile& changes, const Entry& file, std::int64_t began) {
  const filetree::StepTimes step{.build = began - 50, .began = began, .ended = began + 100'000'000'000};
  const std::vector<Entry> entries{file};
  return {.change_set = filetree::change_set_digest(entries),
          .times = filetree::times_digest(entries, step),
          .step = step,
          .changes = &changes};
}

Observations times_difference(std::int64_t mtime_before, std::int64_t mtime_after) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  Entry before = file_entry("made", "x");
  Entry after = before;
  before.mtime_ns = mtime_before * kSecond;
  after.mtime_ns = mtime_after * kSecond;
  const Layer one = layer({before});
  const Layer other = layer({after});
  const auto found = chain_difference({{.change_set = base().first, .changes = base().second.get()},
                                       made_by_step(*one.second, before, 1000 * kSecond)},
                                      {{.change_set = base().first, .changes = base().second.get()},
                                       made_by_step(*other.second, after, 2000 * kSecond)});
  EXPECT_TRUE(found) << found.error().message();
  return found.value_or(Observations{});
}

TEST(ChainDifference, TimesThatAStepGaveCountIfTheyMeanAnotherThing) {
  EXPECT_THAT(times_difference(1001, 2001), IsEmpty()) << "both made it";
  EXPECT_THAT(times_difference(7, 7), IsEmpty()) << "both kept its time";
  EXPECT_THAT(times_difference(7, 2001), ElementsAre(Observation{"made", filetree::kAskedContent}));
  EXPECT_THAT(times_difference(7, 8), ElementsAre(Observation{"made", filetree::kAskedContent}));
}

}  // namespace
}  // namespace pgstrata::snapshot
