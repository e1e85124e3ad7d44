#include "bootstrap/base_name.h"

#include <gtest/gtest.h>

namespace pgstrata::bootstrap {
namespace {

TEST(BaseName, AcceptsDebiansSuites) {
  EXPECT_EQ(parse_base_name("debian:bookworm"), (BaseName{"bookworm", false}));
  EXPECT_EQ(parse_base_name("debian:trixie-slim"), (BaseName{"trixie", true}));
  EXPECT_EQ(parse_base_name("docker.io/library/debian:sid-slim"), (BaseName{"sid", true}));
  EXPECT_EQ(parse_base_name("index.docker.io/library/debian:stable"), (BaseName{"stable", false}));
  EXPECT_EQ(parse_base_name("docker.io/debian:bullseye"), (BaseName{"bullseye", false}));
}

TEST(BaseName, RefusesEverythingElse) {
  for (const auto* name :
       {"debian", "debian:", "debian:12", "debian:-slim", "debian:bookworm-20250520", "ubuntu:noble",
        "example.org/library/debian:bookworm", "someone/debian:bookworm", "debian:bookworm-slim-slim",
        "debian:bookworm@sha256:0000000000000000000000000000000000000000000000000000000000000000"})
    EXPECT_FALSE(parse_base_name(name)) << name;
}

}  // namespace
}  // namespace pgstrata::bootstrap
