#include "remotecache/records.h"

#include <gtest/gtest.h>

namespace pgstrata::remotecache {
namespace {

Records some_records() {
  Records records;
  records.layers.push_back(
      {.row = {.diff_id = oci::sha256("base"), .change_set = oci::sha256("files"), .size = 300},
       .list = {.digest = oci::sha256("list"), .size = 70},
       .tar = {}});
  records.layers.push_back({.row = {.diff_id = oci::sha256("ran"),
                                    .change_set = oci::sha256("made"),
                                    .size = std::uint64_t{5} << 40U,
                                    .times = oci::sha256("times"),
                                    .step = {.build = 3, .began = 5, .ended = 1'700'000'000'000'000'000}},
                            .list = {.digest = oci::sha256("other list"), .size = 200},
                            .tar = store::StoredBlob{.digest = oci::sha256("tar.gz"), .size = 12345}});
  records.keys.push_back({.key = oci::sha256("key"),
                          .layer = 1,
                          .seconds = 1.25,
                          .made = {.began = 5, .ended = 9},
                          .written = 10,
                          .op = oci::sha256("op")});
  records.runs.push_back({.op = oci::sha256("op"),
                          .inputs = oci::sha256("in"),
                          .layer = 1,
                          .chain = {0, 0},
                          .seconds = 1.25,
                          .made = {.began = 5, .ended = 9},
                          .asked = "read set",
                          .mounts = std::string("\0m", 2),
                          .names = true});
  return records;
}

std::string why_not(std::string_view bytes) {
  const auto records = decode(bytes);
  if (records) return "it was read";
  EXPECT_EQ(records.error().kind, ErrorKind::kCorrupt);
  return records.error().why;
}

TEST(Records, ComeBackAsTheyWere) {
  EXPECT_EQ(decode(encode(some_records())).value(), some_records());
  EXPECT_EQ(decode(encode({})).value(), Records{});
}

TEST(Records, CutOffAnywhereTheyAreRefused) {
  const std::string whole = encode(some_records());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode(std::string_view(whole).substr(0, size))) << size;
  EXPECT_EQ(why_not(whole + "x"), "something follows its end (byte " + std::to_string(whole.size()) +
                                      " of " + std::to_string(whole.size() + 1) + ")");
}

TEST(Records, AFlippedBitIsAnErrorOrOtherRecords) {
  const std::string whole = encode(some_records());
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto records = decode(flipped);
    if (!records) continue;
    EXPECT_NE(*records, some_records()) << bit;
  }
}

TEST(Records, WhatContradictsItselfIsRefused) {
  EXPECT_EQ(why_not("pgscach1"), "they are of another version, or none at all");
  EXPECT_EQ(why_not("pgscach2\xff\x7f"), "it promises 16383 layers, and ends before (byte 10 of 10)");
  Records records = some_records();
  records.keys[0].layer = 2;
  EXPECT_NE(why_not(encode(records)).find("it names layer 2 of 2"), std::string::npos);
  records.keys[0].layer = 0;
  EXPECT_NE(why_not(encode(records)).find("a layer whose tar it hasn't"), std::string::npos);
  records = some_records();
  records.runs[0].chain = {7};
  EXPECT_NE(why_not(encode(records)).find("it names layer 7 of 2"), std::string::npos);
  records = some_records();
  records.runs[0].made = {.began = 9, .ended = 5};
  EXPECT_NE(why_not(encode(records)).find("ended before it began"), std::string::npos);
  records = some_records();
  records.keys[0].seconds = -1;
  EXPECT_NE(why_not(encode(records)).find("no number of seconds"), std::string::npos);
}

}  // namespace
}  // namespace pgstrata::remotecache
