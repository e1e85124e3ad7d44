// Foreign archives: made with GNU tar and bsdtar's cousins where those can make them, by hand where they
// can't.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "layer/archive_tree.h"
#include "layer/tar_header.h"
#include "layer/tar_reader.h"
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
using snapshot::testing::typed_entry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An archive as an attacker writes it: our headers, whatever names.
class RawTar {
 public:
  RawTar& add(Entry entry, const std::string& text = "") {
    entry.size = text.size();
    EXPECT_TRUE(append_header(bytes_, entry).has_value());
    bytes_ += text;
    bytes_.append(tar_padding(text.size()), '\0');
    return *this;
  }
  RawTar& file(const std::string& path, const std::string& text) { return add(file_entry(path, ""), text); }
  /// A file whose name append_header() refuses to write.
  RawTar& mark(const std::string& path) {
    const std::size_t at = bytes_.size();
    add(file_entry(std::string(path.size(), 'x'), ""));
    bytes_.replace(at, path.size(), path);
    return with_checksum(at);
  }
  /// A pax header for what comes next.
  RawTar& pax(const std::string& records) {
    const std::size_t at = bytes_.size();
    file("PaxHeaders/x", records);
    bytes_[at + 156] = 'x';
    return with_checksum(at);
  }
  [[nodiscard]] std::string bytes() const { return bytes_ + std::string(kTarEnd, '\0'); }

 private:
  RawTar& with_checksum(std::size_t at) {
    unsigned sum = 0;
    bytes_.replace(at + 148, 8, "        ");
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(bytes_[at + i]);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    bytes_.replace(at + 148, 7, std::string(digits) + '\0');
    return *this;
  }

  std::string bytes_;
};

Result<ArchiveTree> read_bytes(const std::string& bytes) {
  const TempDir temp;
  TRY_VOID(os::write_file(temp / "a.tar", bytes));
  return read_archive(TRY(TarReader::open(temp / "a.tar")), temp.path());
}

std::string text_of(const ArchiveTree& tree, const Entry& entry) {
  const auto content = tree.open(entry);
  EXPECT_TRUE(content.has_value());
  std::string text(content->size, '\0');
  EXPECT_EQ(::pread(content->fd.get(), text.data(), text.size(), static_cast<off_t>(content->offset)),
            static_cast<ssize_t>(text.size()));
  return text;
}

/// "path", "path/", "path=link target", "path:text"; "~" for implied, "*" for opaque, "!" for whiteouts.
std::vector<std::string> lines(const ChangeSet& changes, const ArchiveTree* tree = nullptr) {
  std::vector<std::string> out;
  for (const Entry& entry : changes) {
    out.push_back(entry.path);
    if (entry.type == EntryType::kDirectory) out.back() += '/';
    if (entry.type == EntryType::kHardLink) out.back() += "=" + entry.link;
    if (entry.type == EntryType::kWhiteout) out.back() += '!';
    if (entry.type == EntryType::kRegular && tree != nullptr) out.back() += ":" + text_of(*tree, entry);
    if (entry.implied) out.back() += '~';
    if (entry.opaque) out.back() += '*';
  }
  return out;
}

std::vector<std::string> read_lines(const RawTar& tar) {
  const auto tree = read_bytes(tar.bytes());
  if (!tree) return {"error: " + tree.error().message()};
  return lines(tree->entries, &*tree);
}

TEST(HostileArchive, NamesThatClimbOutAreRefused) {
  for (const char* name : {"../x", "a/../../x", "..", "/../etc/passwd"}) {
    const auto tree = read_bytes(RawTar().file(name, "x").bytes());
    ASSERT_FALSE(tree.has_value()) << name;
    EXPECT_EQ(tree.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(tree.error().message(), HasSubstr(name));
  }
}

TEST(HostileArchive, AbsoluteAndUncleanNamesAreMadeRelative) {
  EXPECT_THAT(read_lines(RawTar().file("/etc//./passwd", "x").file("./b", "y").file("a/../c", "z")),
              ElementsAre("b:y", "c:z", "etc/~", "etc/passwd:x"));
}

TEST(HostileArchive, ANameThatNoFileCanHaveIsRefused) {
  std::string name;
  while (name.size() < 4092) name += "a/";
  EXPECT_EQ(read_lines(RawTar().file(name + "bc", "x")).back(), name + "bc:x");
  name += "bcd";
  const auto tree = read_bytes(RawTar().file(name, "x").bytes());
  ASSERT_FALSE(tree.has_value());
  EXPECT_EQ(tree.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(tree.error().message(), HasSubstr("its name has 4095 bytes; 4094 is the limit"));
  EXPECT_LT(tree.error().message().size(), 300U);
}

// libarchive passes over what it can't read of it, and gives the name and the size of the header before.
TEST(HostileArchive, RecordsThatCannotBeReadAreDamage) {
  EXPECT_THAT(read_lines(RawTar().pax("12 path=nam\n").file("old", "x")), ElementsAre("nam:x"));
  for (const std::string records : {"99 path=name\n", "path=name\n", "5 path=name\n"}) {
    const auto tree = read_bytes(RawTar().pax(records).file("old", "x").bytes());
    ASSERT_FALSE(tree.has_value()) << records;
    EXPECT_EQ(tree.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(tree.error().message(), HasSubstr("a damaged archive"));
  }
}

TEST(HostileArchive, AHardLinkToTheOutsideIsRefused) {
  for (const char* target : {"/etc/shadow", "../../etc/shadow", "later"}) {
    const RawTar tar = RawTar().add(typed_entry("link", EntryType::kHardLink, target)).file("later", "x");
    EXPECT_THAT(read_lines(tar).front(), HasSubstr("hard link")) << target;
  }
}

TEST(HostileArchive, NothingIsWrittenThroughALink) {
  const RawTar link = RawTar().add(typed_entry("a", EntryType::kSymlink, "/etc")).file("a/passwd", "x");
  EXPECT_THAT(read_lines(link).front(), HasSubstr("/a/passwd: unsafe entry in an archive"));
  EXPECT_THAT(read_lines(RawTar().file("f", "").file("f/x", "")).front(), HasSubstr("below /f"));
}

TEST(HostileArchive, ADirectoryMayReplaceALinkOnlyByName) {
  const RawTar tar = RawTar()
                         .add(typed_entry("a", EntryType::kSymlink, "/etc"))
                         .add(directory_entry("a"))
                         .file("a/passwd", "mine");
  EXPECT_THAT(read_lines(tar), ElementsAre("a/", "a/passwd:mine"));
}

TEST(HostileArchive, OfEqualNamesTheLaterWinsAndOlderLinksKeepTheOlderFile) {
  const RawTar tar = RawTar()
                         .file("a", "old")
                         .add(typed_entry("b", EntryType::kHardLink, "a"))
                         .add(typed_entry("c", EntryType::kHardLink, "b"))
                         .file("a", "new")
                         .add(directory_entry("d"))
                         .file("d/x", "")
                         .file("d", "now a file");
  EXPECT_THAT(read_lines(tar), ElementsAre("a:new", "b:old", "c=b", "d:now a file"));
}

TEST(HostileArchive, TheRootStaysADirectory) {
  EXPECT_THAT(read_lines(RawTar().add(typed_entry(".", EntryType::kSymlink, "/etc"))).front(),
              HasSubstr("the root is no directory"));
}

TEST(HostileArchive, DamageIsAnErrorNotAnEnd) {
  const std::string bytes = RawTar().file("a", std::string(5000, 'x')).file("b", "y").bytes();
  for (const std::size_t size : {std::size_t{600}, std::size_t{5000}, std::size_t{5700}}) {
    const auto tree = read_bytes(bytes.substr(0, size));
    ASSERT_FALSE(tree.has_value()) << size;
    EXPECT_EQ(tree.error().kind, ErrorKind::kCorrupt);
  }
  std::string flipped = bytes;
  flipped[512 * 11 + 3] = '?';  // in the second header, so that its checksum is wrong
  EXPECT_FALSE(read_bytes(flipped).has_value());
}

TEST(TarReader, KeepsLongNamesThatAreNoUtf8) {
  const std::string name = std::string(120, 'n') + "\xff\xfe";
  const std::string utf8 = std::string(120, 'n') + "\xe2\x82\xac";
  const RawTar tar =
      RawTar().file(name, "1").file(utf8, "2").add(typed_entry("s", EntryType::kSymlink, name));
  EXPECT_THAT(read_lines(tar), ElementsAre(utf8 + ":2", name + ":1", "s"));
  EXPECT_EQ(read_bytes(tar.bytes())->entries[2].link, name);
}

int shell(const TempDir& temp, const std::string& command) {
  return std::system(("cd " + temp.path() + " && { " + command + " ; } >/dev/null").c_str());
}

TEST(TarReader, ReadsEveryCompressionAndDialect) {
  const TempDir temp;
  const std::string directory(70, 'd');
  const std::string long_name = directory + "/" + std::string(90, 'l');
  ASSERT_EQ(
      shell(temp, "mkdir -p s/" + directory + " && echo text >s/" + long_name + " && ln -s target s/link"),
      0);
  const std::map<std::string, std::string> commands = {{"gnu", "tar -C s -H gnu -cf gnu ."},
                                                       {"pax", "tar -C s -H posix -cf pax ."},
                                                       {"ustar", "tar -C s -H ustar -cf ustar ."},
                                                       {"gz", "tar -C s -czf gz ."},
                                                       {"bz2", "tar -C s -cjf bz2 ."},
                                                       {"xz", "tar -C s -cJf xz ."},
                                                       {"zst", "tar -C s -c . | zstd -q >zst"}};
  for (const auto& [name, command] : commands) {
    ASSERT_EQ(shell(temp, command), 0) << name;
    ASSERT_VALUE(reader, TarReader::open(temp / name));
    ASSERT_VALUE(tree, read_archive(std::move(reader), temp.path()));
    EXPECT_THAT(lines(tree.entries, &tree),
                ElementsAre("/", directory + "/", long_name + ":text\n", "link"))
        << name;
    ASSERT_VALUE(is_archive, is_tar(temp / name));
    EXPECT_TRUE(is_archive) << name;
  }
}

TEST(TarReader, ATimeThatNanosecondsCannotHoldIsTheEpoch) {
  const TempDir temp;
  ASSERT_EQ(
      shell(temp,
            "echo >f && tar --mtime=@99999999999 -cf late f && tar -H posix --mtime=@1.5 -cf early f"),
      0);
  const std::map<std::string, std::int64_t> archives = {{"late", 0}, {"early", 1'500'000'000}};
  for (const auto& [name, expected] : archives) {
    ASSERT_VALUE(reader, TarReader::open(temp / name));
    ASSERT_VALUE(tree, read_archive(std::move(reader), temp.path()));
    EXPECT_EQ(tree.entries.back().mtime_ns, expected) << name;
  }
}

TEST(TarReader, HolesAreZeros) {
  const TempDir temp;
  ASSERT_EQ(shell(temp,
                  "printf begin >f && truncate -s 1M f && printf end >>f && tar -Scf sparse.tar f && "
                  "test $(stat -c %s sparse.tar) -lt 100000"),
            0);
  ASSERT_VALUE(reader, TarReader::open(temp / "sparse.tar"));
  ASSERT_VALUE(tree, read_archive(std::move(reader), temp.path()));
  const std::string text = text_of(tree, tree.entries.at(0));
  EXPECT_EQ(text, "begin" + std::string((1 << 20) - 5, '\0') + "end");
}

TEST(TarReader, TellsArchivesFromOtherFiles) {
  const TempDir temp;
  ASSERT_DONE(os::write_file(temp / "script", "#!/bin/sh\n" + std::string(2000, 'x')));
  ASSERT_DONE(os::write_file(temp / "empty", ""));
  ASSERT_EQ(shell(temp, "gzip -k script"), 0);
  for (const char* name : {"script", "empty", "script.gz"}) {
    ASSERT_VALUE(is_archive, is_tar(temp / name));
    EXPECT_FALSE(is_archive) << name;
  }
  EXPECT_FALSE(is_tar(temp / "absent").has_value());
}

// As BuildKit tells them apart (solver/llbsolver/file/unpack.go): by the first header alone.
TEST(TarReader, ADamagedArchiveIsAnArchiveIfItsFirstHeaderCanBeRead) {
  const TempDir temp;
  const std::string long_name(150, 'l');
  ASSERT_EQ(shell(temp, "head -c 20000 /dev/urandom >f && cp f " + long_name +
                            " && tar -czf gz f && tar -H posix -czf pax " + long_name +
                            " && tar -czf gnu " + long_name + " && gzip f"),
            0);
  for (const char* name : {"gz", "pax", "gnu"}) {
    ASSERT_EQ(
        shell(temp, "head -c 10000 " + std::string(name) + " >cut; cp " + name +
                        " bad; printf x | dd of=bad bs=1 seek=9000 conv=notrunc status=none; head -c 60 " +
                        name + " >stump"),
        0);
    EXPECT_TRUE(is_tar(temp / "cut").value()) << name;
    EXPECT_TRUE(is_tar(temp / "bad").value()) << name;
    EXPECT_FALSE(is_tar(temp / "stump").value()) << name;
  }
  ASSERT_EQ(shell(temp, "head -c 10000 f.gz >cut"), 0);
  EXPECT_FALSE(is_tar(temp / "cut").value());
}

// As Go's reader has it, by which BuildKit unpacks.
TEST(TarReader, AFileThatEndsWithinABlockIsDamagedUnlessTheEndWasThere) {
  const TempDir temp;
  ASSERT_EQ(shell(temp, "echo x >f && tar -cf t f && head -c 2047 t >cut && { cat t; printf x; } >longer"),
            0);
  EXPECT_TRUE(is_tar(temp / "cut").value()) << "its first header can be read";
  ASSERT_VALUE(cut, TarReader::open(temp / "cut"));
  EXPECT_FALSE(read_archive(std::move(cut), temp.path()).has_value());
  ASSERT_VALUE(longer, TarReader::open(temp / "longer"));
  EXPECT_TRUE(read_archive(std::move(longer), temp.path()).has_value());
}

TEST(TarReader, OneCompressionIsUndone) {
  const TempDir temp;
  ASSERT_EQ(shell(temp, "echo x >f && tar -cf - f | xz | gzip >twice && tar -czf once f"), 0);
  EXPECT_FALSE(is_tar(temp / "twice").value());
  EXPECT_TRUE(is_tar(temp / "once").value());
}

struct Imported {
  WrittenLayer layer;
  std::string tar;
};

Result<Imported> import(const RawTar& archive, const filetree::FileTree& below) {
  const TempDir temp;
  TRY_VOID(os::write_file(temp / "a.tar", archive.bytes()));
  Imported imported;
  const ByteSink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    imported.tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  TarReader reader = TRY(TarReader::open(temp / "a.tar"));
  imported.layer = TRY(import_layer(std::move(reader), below, {.spool_directory = temp.path()}, sink));
  return imported;
}

TEST(ImportLayer, TurnsMarksIntoWhiteoutsAndOpaqueDirectories) {
  FakeChain chain;
  chain.add({directory_entry("", 0700), directory_entry("etc", 0711), file_entry("etc/gone", ""),
             directory_entry("full"), file_entry("full/x", ""), directory_entry("hollow"),
             directory_entry("replaced"), file_entry("replaced/old", "")});
  const RawTar tar = RawTar()
                         .mark("etc/.wh.gone")
                         .mark("etc/.wh.never-was")
                         .add(directory_entry("full"))
                         .mark("full/.wh..wh..opq")
                         .mark("full/.wh.x")  // hidden already
                         .add(directory_entry("hollow"))
                         .mark("hollow/.wh..wh..opq")
                         .mark(".wh..wh.plnk")
                         .mark(".wh.replaced")
                         .add(directory_entry("replaced"))
                         .file("replaced/new", "");
  ASSERT_VALUE(imported, import(tar, *chain.view()));
  EXPECT_THAT(lines(imported.layer.changes),
              ElementsAre("etc/~", "etc/gone!", "full/*", "hollow/~", "replaced/*", "replaced/new"));
  // What the archive doesn't name is taken from below.
  EXPECT_EQ(imported.layer.changes[0].mode, 0711U);
  EXPECT_EQ(imported.layer.diff_id, oci::sha256(imported.tar));
}

TEST(ImportLayer, IsAFixedPoint) {
  const snapshot::ChainView nothing({}, "nothing");
  const RawTar tar = RawTar()
                         .file("z", "1")
                         .add(typed_entry("a", EntryType::kHardLink, "z"))
                         .add(directory_entry("deep/er", 0700))
                         .add(directory_entry(".", 0711));
  ASSERT_VALUE(first, import(tar, nothing));
  EXPECT_THAT(lines(first.layer.changes), ElementsAre("/", "a", "deep/", "deep/er/", "z=a"));
  const TempDir temp;
  ASSERT_DONE(os::write_file(temp / "a.tar", first.tar));
  ASSERT_VALUE(reader, TarReader::open(temp / "a.tar"));
  const ByteSink nowhere = [](std::span<const std::byte>) -> Result<void> { return {}; };
  ASSERT_VALUE(second, import_layer(std::move(reader), nothing, {.spool_directory = temp.path()}, nowhere));
  EXPECT_EQ(second.diff_id, first.layer.diff_id);
  EXPECT_EQ(second.changes, first.layer.changes);
}

}  // namespace
}  // namespace pgstrata::layer
