#include "oci/digest.h"

#include <gtest/gtest.h>

namespace pgstrata::oci {
namespace {

// FIPS 180-2, appendix B.1.
constexpr const char* kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, OfTheStandardsTestVector) { EXPECT_EQ(sha256("abc").str(), kAbc); }

TEST(Digest, ParseGivesBackWhatWasPrinted) { EXPECT_EQ(Digest::parse(kAbc).value(), sha256("abc")); }

TEST(Digest, ParseRefusesOtherForms) {
  for (const char* bad :
       {"", "sha256:", "md5:abc", "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"})
    EXPECT_EQ(Digest::parse(bad).error().kind, ErrorKind::kCorrupt) << bad;
}

TEST(KeyHasher, PartsDoNotRunTogether) {
  EXPECT_NE(KeyHasher("t").add("a", "bc").finish(), KeyHasher("t").add("ab", "c").finish());
  EXPECT_NE(KeyHasher("t").add("a", "1").add("a", "2").finish(), KeyHasher("t").add("a", "12").finish());
  EXPECT_NE(KeyHasher("t").finish(), KeyHasher("u").finish());
}

}  // namespace
}  // namespace pgstrata::oci
