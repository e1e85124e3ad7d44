#include "sandbox/subordinate_ids.h"

#include <gmock/gmock.h>

namespace pgstrata::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kFile =
    "alice:100000:65536\n"
    "bob:165536:65536\n"
    "1001:300000:10\n"
    "alice:400000:5\n";

TEST(SubordinateIds, FindsTheRangesOfAUserByNameInOrder) {
  EXPECT_THAT(parse_subordinate_ids(kFile, "alice", 1000),
              ElementsAre(IdRange{100000, 65536}, IdRange{400000, 5}));
}

TEST(SubordinateIds, FindsTheRangesOfAUserByNumber) {
  EXPECT_THAT(parse_subordinate_ids(kFile, "carol", 1001), ElementsAre(IdRange{300000, 10}));
}

TEST(SubordinateIds, NobodyElsesRangesAreTaken) {
  EXPECT_THAT(parse_subordinate_ids(kFile, "ali", 1), IsEmpty());
}

TEST(SubordinateIds, MalformedAndEmptyRangesArePassedOver) {
  const std::string text = "a\na:\na:1\na:x:1\na:1:0\na:4294967295:2\na:1:2:3\n\na:7:8";
  EXPECT_THAT(parse_subordinate_ids(text, "a", 1), ElementsAre(IdRange{7, 8}));
}

// newuidmap(1): triples of inside, outside, count.
TEST(SubordinateIds, MapsOurOwnIdToRootAndTheRangesBehindIt) {
  EXPECT_THAT(map_arguments(1000, {{100000, 65536}, {400000, 5}}),
              ElementsAre("0", "1000", "1", "1", "100000", "65536", "65537", "400000", "5"));
}

}  // namespace
}  // namespace pgstrata::sandbox
