#include "layer/layer_in_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layer/archive_tree.h"
#include "snapshot/test_support.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using snapshot::testing::directory_entry;
using snapshot::testing::FakeChain;
using snapshot::testing::file_entry;
using snapshot::testing::TempDir;
using ::testing::ElementsAre;

void shell(const TempDir& temp, const std::string& command) {
  ASSERT_EQ(std::system(("cd " + temp.path() + " && " + command).c_str()), 0) << command;
}

/// "path", "path/", "path=link target"; "~" for implied, "*" for opaque, "!" for whiteouts.
std::vector<std::string> lines(const ChangeSet& changes) {
  std::vector<std::string> out;
  for (const Entry& entry : changes) {
    out.push_back(entry.path);
    if (entry.type == EntryType::kDirectory) out.back() += '/';
    if (entry.type == EntryType::kHardLink) out.back() += "=" + entry.link;
    if (entry.type == EntryType::kWhiteout) out.back() += '!';
    if (entry.implied) out.back() += '~';
    if (entry.opaque) out.back() += '*';
  }
  return out;
}

Result<ChangeSet> changes_of(const std::string& tar, const filetree::FileTree& below) {
  auto entries = TRY(read_in_place(tar));
  if (!entries) return fail({.what = "not in place"});
  return changes_in_place(*std::move(entries), below);
}

TEST(LayerInPlace, ContentsAreWhereTheOffsetsSay) {
  const TempDir temp;
  shell(temp,
        "mkdir -p t/dir && echo one >t/a && head -c 300000 /dev/urandom >t/dir/big && : >t/empty && "
        "ln t/a t/z && ln -s a t/link && echo long >t/$(printf 'n%.0s' $(seq 200)) && "
        "tar --format=gnu -C t -cf gnu.tar . && tar --format=pax -C t -cf pax.tar . && "
        "tar --format=ustar --exclude='nnn*' -C t -cf ustar.tar .");
  const snapshot::ChainView nothing({}, "nothing");
  for (const char* name : {"gnu.tar", "pax.tar", "ustar.tar"}) {
    const auto changes = changes_of(temp / name, nothing);
    ASSERT_TRUE(changes) << changes.error().message();
    const std::string tar = os::read_file(temp / name).value();
    int files = 0;
    for (const Entry& entry : *changes) {
      if (entry.type != EntryType::kRegular) continue;
      ++files;
      EXPECT_EQ(oci::sha256(std::string_view(tar).substr(entry.tar_offset, entry.size)), entry.content)
          << name << " " << entry.path;
      EXPECT_EQ(entry.content, oci::sha256(os::read_file(temp / ("t/" + entry.path)).value()))
          << name << " " << entry.path;
    }
    EXPECT_GE(files, 3) << name;
  }
}

TEST(LayerInPlace, HolesCannotBeReadInPlace) {
  const TempDir temp;
  shell(temp,
        "truncate -s 1M holes && printf x | dd of=holes bs=1 seek=500000 conv=notrunc status=none && "
        "tar --sparse -cf sparse.tar holes && tar -cf plain.tar holes");
  const auto sparse = read_in_place(temp / "sparse.tar");
  ASSERT_TRUE(sparse);
  EXPECT_FALSE(sparse->has_value());
  EXPECT_TRUE(read_in_place(temp / "plain.tar")->has_value());
}

/// The layers of one image may stand in another on other layers: their change sets have to fit there, too.
TEST(LayerInPlace, MarksStayWhateverIsBelow) {
  const TempDir temp;
  shell(temp,
        "mkdir -p t/etc t/full t/replaced && : >t/etc/.wh.gone && : >t/full/.wh..wh..opq && "
        ": >t/.wh.replaced && echo new >t/replaced/new && : >t/.wh..wh.plnk && "
        "chmod 711 t/etc && cd t && tar -cf ../a.tar etc full .wh.replaced replaced .wh..wh.plnk");
  FakeChain chain;
  chain.add({directory_entry("", 0755), directory_entry("etc", 0711), file_entry("etc/gone", ""),
             directory_entry("full"), file_entry("full/x", "")});
  const snapshot::ChainView nothing({}, "nothing");
  const auto on_nothing = changes_of(temp / "a.tar", nothing);
  const auto on_chain = changes_of(temp / "a.tar", *chain.view());
  ASSERT_TRUE(on_nothing);
  ASSERT_TRUE(on_chain);
  EXPECT_THAT(lines(*on_nothing), ElementsAre("etc/", "etc/gone!", "full/*", "replaced/*", "replaced/new"));
  EXPECT_EQ(*on_nothing, *on_chain);
}

TEST(LayerInPlace, MissingParentsAreThoseBelow) {
  const TempDir temp;
  shell(temp,
        "mkdir -p t/etc/deep t/new && echo x >t/etc/deep/file && echo y >t/new/file && cd t && "
        "tar -cf ../a.tar etc/deep/file new/file");
  FakeChain chain;
  chain.add({directory_entry("", 0755), directory_entry("etc", 0711), directory_entry("etc/deep", 01777)});
  const auto changes = changes_of(temp / "a.tar", *chain.view());
  ASSERT_TRUE(changes);
  EXPECT_THAT(lines(*changes), ElementsAre("etc/~", "etc/deep/~", "etc/deep/file", "new/", "new/file"));
  EXPECT_EQ((*changes)[0].mode, 0711U);
  EXPECT_EQ((*changes)[1].mode, 01777U);
  EXPECT_EQ((*changes)[3].mode, 0755U);
}

}  // namespace
}  // namespace pgstrata::layer
