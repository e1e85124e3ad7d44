#include "cache/read_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace pgstrata::cache {
namespace {

using filetree::kAskedAbsent;
using filetree::kAskedContent;
using filetree::kAskedKind;
using filetree::kAskedListing;
using filetree::Observation;
using filetree::Observations;

const Observations kSome = {{"", kAskedKind},
                            {"etc", kAskedKind | kAskedListing},
                            {"etc/passwd", kAskedKind | kAskedContent},
                            {"etc/passwd.lock", kAskedAbsent},
                            {std::string("odd\nname\xFF\0x", 11), kAskedAbsent}};

TEST(ReadSet, ComesBackAsItWas) {
  const auto set = ReadSet::decode(encode_read_set(kSome));
  ASSERT_TRUE(set) << set.error().message();
  ASSERT_EQ(set->size(), kSome.size());
  for (std::size_t i = 0; i < kSome.size(); ++i) EXPECT_EQ(set->at(i), kSome[i]);
  for (const Observation& one : kSome) EXPECT_EQ(set->asked_of(one.path), one.questions);
  for (const char* path : {"etc/passw", "etc/passwd.lock2", "zzz", "a"}) EXPECT_EQ(set->asked_of(path), 0);
  EXPECT_EQ(ReadSet::decode(encode_read_set({}))->size(), 0U);
}

TEST(ReadSet, AFlippedBitNeverGivesOtherPaths) {
  Observations many = kSome;
  for (int i = 0; i < 200; ++i) many.push_back({fmt::format("usr/{:03}", i), kAskedContent});
  const std::string whole = encode_read_set(many);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << bit % 8));
    const auto set = ReadSet::decode(flipped);
    if (!set) continue;
    ASSERT_EQ(set->size(), many.size()) << bit;
    for (std::size_t i = 0; i < many.size(); ++i) ASSERT_EQ(set->at(i), many[i]) << bit;
  }
}

TEST(ReadSet, ADifferenceCountsOnlyIfItsQuestionWasAsked) {
  const ReadSet set = ReadSet::decode(encode_read_set(kSome)).value();
  EXPECT_EQ(falsified(set, {{"etc", kAskedKind << 1}, {"opt", filetree::kAskedAnything}}), nullptr);
  EXPECT_EQ(falsified(set, {{"etc/passwd", filetree::kAskedMeta}}), nullptr);
  const Observations differences = {{"a", kAskedAbsent}, {"etc/passwd", kAskedContent}};
  EXPECT_EQ(falsified(set, differences), &differences[1]);
}

TEST(ReadSet, ThatOfAPackageInstallIsSmall) {
  Observations observations;
  for (int i = 0; i < 2000; ++i)
    for (const char* ending : {"", ".dpkg-new", ".dpkg-tmp"})
      observations.push_back(
          {fmt::format("usr/share/postgresql/15/{:04x}/file-{}{}", i * 7919 % 65536, i, ending),
           kAskedAbsent});
  std::sort(observations.begin(), observations.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  EXPECT_LT(encode_read_set(observations).size(), 100'000U);
}

TEST(ReadSet, MountsComeBackWithTheirAnswers) {
  std::vector<oci::Digest> values;
  for (std::size_t i = 0; i < kSome.size(); ++i) values.push_back(oci::sha256(std::to_string(i)));
  const std::string bytes = encode_mounts({{.mount = 3, .observations = kSome, .values = values},
                                           {.mount = 200, .observations = {}, .values = {}}});
  const auto mounts = decode_mounts(bytes);
  ASSERT_TRUE(mounts) << mounts.error().message();
  ASSERT_EQ(mounts->size(), 2U);
  EXPECT_EQ(mounts->front().mount, 3U);
  EXPECT_EQ(mounts->front().observations, kSome);
  EXPECT_EQ(mounts->front().values, values);
  EXPECT_EQ(mounts->back().mount, 200U);
  EXPECT_TRUE(decode_mounts("")->empty());
  for (std::size_t cut = 1; cut < bytes.size(); cut += 7) {
    const auto damaged = decode_mounts(bytes.substr(0, cut));
    EXPECT_TRUE(!damaged || damaged->size() < 2) << cut;
  }
}

TEST(ReadSet, DamageIsAnError) {
  const std::string good = encode_read_set(kSome);
  EXPECT_FALSE(ReadSet::decode(""));
  EXPECT_FALSE(ReadSet::decode("\x02" + good.substr(1)));
  EXPECT_FALSE(ReadSet::decode(good.substr(0, good.size() - 3)));
  EXPECT_FALSE(ReadSet::decode(good + "x"));
}

}  // namespace
}  // namespace pgstrata::cache
