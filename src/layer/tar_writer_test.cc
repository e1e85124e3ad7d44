#include "layer/tar_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "layer/tar_header.h"
#include "layer/tar_reader.h"
#include "snapshot/test_support.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Content;
using filetree::Entry;
using filetree::EntryType;
using snapshot::testing::directory_entry;
using snapshot::testing::file_entry;
using snapshot::testing::TempDir;
using snapshot::testing::typed_entry;
using ::testing::HasSubstr;

constexpr std::int64_t kNanoseconds = 1'000'000'000;
using Texts = std::map<std::string, std::string>;

snapshot::ContentOpener from_texts(Texts texts) {
  return [texts](const Entry& entry) -> Result<Content> {
    const std::string& text = texts.at(entry.path);
    return Content{.fd = {}, .offset = 0, .size = text.size(), .text = text};
  };
}

ByteSink into(std::string& out) {
  return [&out](std::span<const std::byte> bytes) -> Result<void> {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
}

struct Sample {
  ChangeSet entries;
  Texts texts;
};

/// One of everything that a layer can hold.
Sample everything() {
  Sample sample;
  const auto add_file = [&](Entry entry, const std::string& text) {
    sample.texts[entry.path] = text;
    sample.entries.push_back(std::move(entry));
  };
  const std::string long_name(200, 'n');
  const std::string deep = "deep/" + std::string(90, 'd');
  sample.entries = {directory_entry("", 0711), directory_entry("deep"), directory_entry(deep),
                    directory_entry("dev", 01777), directory_entry("opq")};
  sample.entries.back().opaque = true;
  add_file(file_entry("empty", ""), "");
  add_file(file_entry("setuid", "#!", 06755), "#!");
  add_file(file_entry(deep + "/" + long_name, "long"), "long");
  add_file(file_entry("caf\xc3\xa9", "utf-8"), "utf-8");
  add_file(file_entry("odd\xff\n name", "raw"), "raw");
  add_file(file_entry(std::string(120, 'u') + "\xc3\xa9", "long utf-8"), "long utf-8");
  const std::string block(512, 'b');
  add_file(file_entry("exactly-a-block", block), block);
  Entry big_ids = file_entry("ids", "x");
  big_ids.uid = 4294967294;
  big_ids.gid = 2097152;
  big_ids.mtime_ns = -5 * kNanoseconds;
  add_file(big_ids, "x");
  Entry capable = file_entry("xattrs", "x");
  capable.xattrs = {{"security.capability", std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
                    {"user.empty", ""},
                    {"user.text", "two\nlines=1"}};
  add_file(capable, "x");
  sample.entries.push_back(typed_entry("hard", EntryType::kHardLink, "empty"));
  sample.entries.push_back(typed_entry("sym", EntryType::kSymlink, "../over/" + std::string(150, 's')));
  sample.entries.push_back(typed_entry("dev/fifo", EntryType::kFifo));
  sample.entries.push_back(typed_entry("dev/null", EntryType::kCharDevice));
  sample.entries.back().device_major = 1;
  sample.entries.back().device_minor = 3;
  sample.entries.push_back(typed_entry("dev/disk", EntryType::kBlockDevice));
  sample.entries.back().device_major = 259;
  sample.entries.back().device_minor = 1048575;
  sample.entries.push_back(typed_entry("opq/gone", EntryType::kWhiteout));
  return sample;
}

Result<WrittenLayer> write(const Sample& sample, std::string& tar, const WriteOptions& options = {}) {
  return write_layer(sample.entries, from_texts(sample.texts), options, into(tar));
}

/// The names in a tar, in order.
std::vector<std::string> names_in(const std::string& tar) {
  const TempDir temp;
  EXPECT_TRUE(os::write_file(temp / "x.tar", tar).has_value());
  std::vector<std::string> names;
  auto reader = TarReader::open(temp / "x.tar");
  while (reader) {
    const auto entry = reader->next();
    if (!entry || !entry->has_value()) break;
    names.push_back((*entry)->path);
  }
  return names;
}

TEST(TarWriter, LibarchiveReadsBackEveryField) {
  const TempDir temp;
  const Sample sample = everything();
  std::string tar;
  ASSERT_VALUE(layer, write(sample, tar));
  ASSERT_DONE(os::write_file(temp / "x.tar", tar));
  ASSERT_VALUE(reader, TarReader::open(temp / "x.tar"));
  std::size_t matched = 0;
  for (Entry expected : layer.changes) {
    ASSERT_VALUE(found, reader.next());
    ASSERT_TRUE(found.has_value());
    if (expected.type == EntryType::kWhiteout) {
      EXPECT_EQ(found->path, "opq/.wh.gone");
      continue;
    }
    if (expected.type == EntryType::kRegular) {
      std::string text(expected.size + 1, '\0');
      ASSERT_VALUE(size, reader.read(std::as_writable_bytes(std::span(text))));
      EXPECT_EQ(text.substr(0, size), sample.texts.at(expected.path));
      EXPECT_EQ(tar.substr(expected.tar_offset, expected.size), sample.texts.at(expected.path));
    }
    expected.content = {};
    expected.tar_offset = 0;
    if (expected.opaque) {
      ASSERT_VALUE(marker, reader.next());
      EXPECT_EQ(marker->path, "opq/.wh..wh..opq");
      expected.opaque = false;
    }
    EXPECT_EQ(*found, expected) << expected.path;
    ++matched;
  }
  ASSERT_VALUE(end, reader.next());
  EXPECT_FALSE(end.has_value());
  EXPECT_EQ(matched, sample.entries.size() - 1);
}

TEST(TarWriter, GnuTarListsTheSame) {
  const TempDir temp;
  std::string tar;
  ASSERT_VALUE(layer, write(everything(), tar));
  ASSERT_DONE(os::write_file(temp / "x.tar", tar));
  const std::string command = "cd " + temp.path() +
                              " && TZ=UTC0 LC_ALL=C tar --numeric-owner --full-time --quoting-style=escape "
                              "-tvf x.tar >list 2>errors";
  ASSERT_EQ(std::system(command.c_str()), 0);
  ASSERT_VALUE(errors, os::read_file(temp / "errors"));
  EXPECT_EQ(errors, "");
  ASSERT_VALUE(list, os::read_file(temp / "list"));
  EXPECT_THAT(list, HasSubstr("-rwsr-sr-x 0/0"));
  EXPECT_THAT(list, HasSubstr("4294967294/2097152"));
  EXPECT_THAT(list, HasSubstr("1969-12-31 23:59:55 ids"));
  EXPECT_THAT(list, HasSubstr("259,1048575"));
  EXPECT_THAT(list, HasSubstr("odd\\377\\n name"));
  EXPECT_THAT(list, HasSubstr("hard link to empty"));
  EXPECT_THAT(list, HasSubstr("deep/" + std::string(90, 'd') + "/" + std::string(200, 'n')));
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), static_cast<long>(layer.changes.size() + 1));
}

// The bytes of a minimal layer, spelled out from the ustar table of POSIX: they are the product, and an
// accidental change would give every image a new digest.
TEST(TarWriter, WritesTheHeaderOfTheStandard) {
  Entry entry = file_entry("f", "hi", 0644);
  entry.uid = 1000;
  entry.mtime_ns = 1700000000 * kNanoseconds + 999999999;
  std::string tar;
  ASSERT_VALUE(layer, write({{entry}, {{"f", "hi"}}}, tar));
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  put(0, "f");
  put(100, "0000644");
  put(108, "0001750");  // 1000
  put(116, "0000000");
  put(124, "00000000002");
  put(136, "14524770400");  // 1700000000: the fraction is dropped, not rounded
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  put(329, "0000000");
  put(337, "0000000");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, std::string(digits) + '\0' + ' ');
  EXPECT_EQ(tar, header + "hi" + std::string(510, '\0') + std::string(1024, '\0'));
  EXPECT_EQ(layer.diff_id, oci::sha256(tar));
  EXPECT_EQ(layer.size, tar.size());
  EXPECT_EQ(layer.changes[0].content, oci::sha256("hi"));
  EXPECT_EQ(layer.changes[0].tar_offset, 512U);
  EXPECT_EQ(layer.change_set_digest, filetree::change_set_digest(layer.changes));
}

TEST(TarWriter, TheOrderOfTheInputDoesNotMatter) {
  Sample sample = everything();
  std::string first;
  ASSERT_VALUE(one, write(sample, first));
  std::reverse(sample.entries.begin(), sample.entries.end());
  std::string second;
  ASSERT_VALUE(two, write(sample, second));
  EXPECT_EQ(one.diff_id, two.diff_id);
  EXPECT_EQ(first, second);
}

TEST(TarWriter, AnOpaqueMarkerFollowsItsDirectoryBeforeAnythingInIt) {
  Entry opaque = directory_entry("d");
  opaque.opaque = true;
  std::string tar;
  // "d-" sorts between "d" and "d/!", and "!" before ".wh..wh..opq".
  const Sample sample = {{opaque, file_entry("d/!", ""), file_entry("d-", "")}, {{"d/!", ""}, {"d-", ""}}};
  ASSERT_VALUE(layer, write(sample, tar));
  EXPECT_THAT(names_in(tar), ::testing::ElementsAre("d", "d/.wh..wh..opq", "d-", "d/!"));
}

TEST(TarWriter, ClampsOnlyTimesLaterThanTheEpochGiven) {
  Sample sample = {{file_entry("new", ""), file_entry("old", "")}, {{"new", ""}, {"old", ""}}};
  sample.entries[0].mtime_ns = 2000 * kNanoseconds;
  sample.entries[1].mtime_ns = 500 * kNanoseconds;
  std::string tar;
  ASSERT_VALUE(layer, write(sample, tar, {.source_date_epoch = 1000}));
  EXPECT_EQ(layer.changes[0].mtime_ns, 1000 * kNanoseconds);
  EXPECT_EQ(layer.changes[1].mtime_ns, 500 * kNanoseconds);
}

TEST(TarWriter, MtimesChangeTheTarButNotTheChangeSetDigest) {
  Sample sample = everything();
  std::string first;
  ASSERT_VALUE(one, write(sample, first));
  for (Entry& entry : sample.entries) entry.mtime_ns += 3 * kNanoseconds;
  std::string second;
  ASSERT_VALUE(two, write(sample, second));
  EXPECT_NE(one.diff_id, two.diff_id);
  EXPECT_EQ(one.change_set_digest, two.change_set_digest);
}

/// A directory with one file of `size` bytes whose entry says `promised`.
Result<WrittenLayer> write_file_of(std::size_t size, std::size_t promised, oci::Digest content = {}) {
  const TempDir temp;
  TRY_VOID(os::write_file(temp / "f", std::string(size, 'x')));
  const auto open = TRY(snapshot::files_of_directory(temp.path()));
  Entry entry = file_entry("f", "");
  entry.size = promised;
  entry.content = content;
  const ByteSink nowhere = [](std::span<const std::byte>) -> Result<void> { return {}; };
  return write_layer({entry}, open, {}, nowhere);
}

TEST(TarWriter, AFileOfAnotherSizeThanScannedIsAnErrorThatNamesIt) {
  constexpr std::size_t kBuffer = 512 * 1024;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kBuffer - 512, kBuffer, 3 * kBuffer + 7}) {
    ASSERT_VALUE(exact, write_file_of(size, size));
    EXPECT_EQ(exact.changes[0].content, oci::sha256(std::string(size, 'x')));
    const auto grown = write_file_of(size + 1, size);
    ASSERT_FALSE(grown.has_value()) << size;
    EXPECT_THAT(grown.error().message(), HasSubstr("/f: a file changed while it was read"));
    const auto shrunk = write_file_of(size, size + 1);
    ASSERT_FALSE(shrunk.has_value()) << size;
    EXPECT_EQ(shrunk.error().kind, ErrorKind::kIo);
  }
}

TEST(TarWriter, AKnownDigestIsVerified) {
  ASSERT_VALUE(same, write_file_of(3, 3, oci::sha256("xxx")));
  const auto other = write_file_of(3, 3, oci::sha256("yyy"));
  ASSERT_FALSE(other.has_value());
  EXPECT_THAT(other.error().why, HasSubstr(oci::sha256("xxx").str()));
  EXPECT_THAT(other.error().why, HasSubstr(oci::sha256("yyy").str()));
}

TEST(TarWriter, AFailingSinkStopsIt) {
  const ByteSink full = [](std::span<const std::byte>) -> Result<void> {
    return fail({.kind = ErrorKind::kMachine, .what = "disk full"});
  };
  const std::string big(5 << 20, 'x');
  for (const std::string& text : {std::string("x"), big}) {
    const auto layer = write_layer({file_entry("f", text)}, from_texts({{"f", text}}), {}, full);
    ASSERT_FALSE(layer.has_value());
    EXPECT_EQ(layer.error().what, "disk full");
  }
}

TEST(TarWriter, RefusesWhatALayerCannotHold) {
  Entry attribute = file_entry("f", "");
  attribute.xattrs = {{"user.a=b", ""}};
  for (const Entry& entry : {file_entry(".wh.x", ""), file_entry(std::string("a\0b", 3), ""), attribute}) {
    const auto layer =
        write_layer({entry}, from_texts({{entry.path, ""}}), {}, [](auto) { return Result<void>(); });
    ASSERT_FALSE(layer.has_value()) << entry.path;
    EXPECT_EQ(layer.error().kind, ErrorKind::kUsage);
  }
  const auto dangling = write_layer({typed_entry("b", EntryType::kHardLink, "c"), file_entry("c", "")},
                                    from_texts({{"c", ""}}), {}, [](auto) { return Result<void>(); });
  ASSERT_FALSE(dangling.has_value());
  EXPECT_EQ(dangling.error().kind, ErrorKind::kCorrupt);
}

// A size of 8 GiB needs a pax record; the header alone shows it.
TEST(TarWriter, SaysSizesBeyondOctalInAnExtendedHeader) {
  Entry entry = file_entry("big", "");
  entry.size = (std::uint64_t{1} << 33) - 1;
  std::string header;
  ASSERT_DONE(append_header(header, entry));
  EXPECT_EQ(header.size(), 512U);
  EXPECT_EQ(header.substr(124, 11), "77777777777");
  entry.size += 1;
  header.clear();
  ASSERT_DONE(append_header(header, entry));
  ASSERT_EQ(header.size(), 3 * 512U);
  EXPECT_EQ(header.substr(512, 19), "19 size=8589934592\n");
}

}  // namespace
}  // namespace pgstrata::layer
