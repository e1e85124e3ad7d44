#include "layer/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot/test_support.h"

namespace pgstrata::layer {
namespace {

using snapshot::testing::TempDir;
using ::testing::HasSubstr;

struct Out {
  Decompressed result;
  std::string text;
};

Result<Out> decompress_file(const std::string& path, std::uint64_t limit = 1 << 30) {
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  Out out;
  out.result = TRY(decompress(fd.get(), path, limit, [&](std::span<const std::byte> bytes) -> Result<void> {
    out.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  return out;
}

void shell(const TempDir& temp, const std::string& command) {
  ASSERT_EQ(std::system(("cd " + temp.path() + " && " + command).c_str()), 0) << command;
}

TEST(Decompress, WhatOtherProgramsCompressed) {
  const TempDir temp;
  shell(temp,
        "seq 200000 >a && echo more >b && cat a b >ab && gzip -k a b && cat a.gz b.gz >ab.gz && "
        "zstd -qk a b && cat a.zst b.zst >ab.zst && : >nothing && gzip -k nothing && zstd -qk nothing");
  const std::string expected = os::read_file(temp / "ab").value();
  for (const char* name : {"ab", "ab.gz", "ab.zst"}) {
    const auto out = decompress_file(temp / name);
    ASSERT_TRUE(out) << name << out.error().message();
    EXPECT_EQ(out->text, expected) << name;
    EXPECT_EQ(out->result.digest, oci::sha256(expected)) << name;
    EXPECT_EQ(out->result.size, expected.size()) << name;
  }
  EXPECT_EQ(decompress_file(temp / "ab")->result.compression, std::nullopt);
  EXPECT_EQ(decompress_file(temp / "ab.gz")->result.compression, Compression::kGzip);
  EXPECT_EQ(decompress_file(temp / "ab.zst")->result.compression, Compression::kZstd);
  for (const char* name : {"nothing", "nothing.gz", "nothing.zst"})
    EXPECT_EQ(decompress_file(temp / name)->text, "") << name;
}

TEST(Decompress, PiecesOfAnySize) {
  const TempDir temp;
  shell(temp, "seq 3000 >a && gzip -k a && zstd -qk a && printf ab >ab && : >nothing");
  for (const char* name : {"a", "a.gz", "a.zst", "ab", "nothing"}) {
    const std::string packed = os::read_file(temp / name).value();
    const std::string expected = decompress_file(temp / name)->text;
    for (const std::size_t piece : {1UL, 3UL, 4UL, 1000UL}) {
      std::string text;
      const ByteSink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      };
      Decompressor decompressor(name, 1 << 20, sink);
      for (std::size_t i = 0; i < packed.size(); i += piece)
        ASSERT_TRUE(decompressor.take(
            std::as_bytes(std::span(packed).subspan(i, std::min(piece, packed.size() - i)))));
      const auto result = decompressor.finish();
      ASSERT_TRUE(result) << name;
      EXPECT_EQ(text, expected) << name << " by " << piece;
      EXPECT_EQ(result->digest, oci::sha256(expected)) << name;
    }
  }
}

TEST(Decompress, WhatIsCutOffOrDamagedIsAnError) {
  const TempDir temp;
  shell(temp,
        "seq 200000 >a && gzip -k a && zstd -qk a && for f in a.gz a.zst; do head -c -1 $f >cut.$f; "
        "head -c 1000 $f >short.$f; cp $f bad.$f; printf XXXX | dd of=bad.$f bs=1 seek=3000 conv=notrunc "
        "status=none; done");
  for (const char* name : {"cut.a.gz", "short.a.gz", "bad.a.gz", "cut.a.zst", "short.a.zst", "bad.a.zst"}) {
    const auto out = decompress_file(temp / name);
    ASSERT_FALSE(out) << name;
    EXPECT_EQ(out.error().kind, ErrorKind::kCorrupt) << name;
    EXPECT_EQ(out.error().where, temp / name);
  }
}

TEST(Decompress, ABombIsStoppedAtTheLimit) {
  const TempDir temp;
  shell(temp,
        "head -c 20000000 /dev/zero | gzip >bomb.gz && head -c 20000000 /dev/zero | zstd -q >bomb.zst");
  for (const char* name : {"bomb.gz", "bomb.zst"}) {
    std::uint64_t written = 0;
    const os::Fd fd = os::open(temp / name, O_RDONLY).value();
    const auto out =
        decompress(fd.get(), name, 1'000'000, [&](std::span<const std::byte> bytes) -> Result<void> {
          written += bytes.size();
          return {};
        });
    ASSERT_FALSE(out) << name;
    EXPECT_THAT(out.error().message(), HasSubstr("more than 1000000 bytes"));
    EXPECT_LE(written, 1'000'000U);
    EXPECT_TRUE(decompress_file(temp / name, 20'000'000)) << "exactly the limit";
  }
}

}  // namespace
}  // namespace pgstrata::layer
