#include "exporter/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/csv.h"

namespace pgstrata::exporter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Error error_of(std::string_view text) {
  const auto output = parse_output(text);
  if (!output) return output.error();
  ADD_FAILURE() << text << " was taken";
  return {};
}

template <class T>
T parse(std::string_view text) {
  auto output = parse_output(text);
  if (!output) {
    ADD_FAILURE() << output.error().message();
    return {};
  }
  const T* value = std::get_if<T>(&*output);
  EXPECT_NE(value, nullptr) << text << " is of another type";
  return value != nullptr ? *value : T{};
}

TEST(Csv, QuotedFieldsHoldCommasAndDoubledQuotes) {
  EXPECT_THAT(*csv_fields(R"(type=tar,"dest=a,b ""c"".tar",x=)"),
              ElementsAre("type=tar", "dest=a,b \"c\".tar", "x="));
  EXPECT_THAT(*csv_fields(",a,"), ElementsAre("", "a", ""));
}

TEST(Csv, QuotesInOtherPlacesAreErrors) {
  for (const char* line : {R"("a)", R"(a"b)", R"("a"b)"}) {
    const auto fields = csv_fields(line);
    ASSERT_FALSE(fields) << line;
    EXPECT_EQ(fields.error().kind, ErrorKind::kUsage);
  }
}

TEST(Output, ABarePathIsADirectoryAndADashATarOnStdout) {
  EXPECT_EQ(parse<LocalOutput>("out/dir").directory, "out/dir");
  EXPECT_EQ(parse<LocalOutput>("a=b").directory, "a=b");
  EXPECT_EQ(parse<TarOutput>("-").to, Destination(ToStdout{}));
}

TEST(Output, DestinationsOfAnArchive) {
  EXPECT_EQ(parse<OciOutput>("type=oci").to, Destination(ToStdout{}));
  EXPECT_EQ(parse<OciOutput>("type=oci,dest=-").to, Destination(ToStdout{}));
  EXPECT_EQ(parse<OciOutput>("type=oci,dest=a.tar").to, Destination(ToFile{"a.tar"}));
  EXPECT_EQ(parse<OciOutput>("type=oci,dest=a,tar=false").to, Destination(ToDirectory{"a"}));
  EXPECT_EQ(parse<DockerOutput>("type=docker").to, Destination(ToEngine{}));
  EXPECT_EQ(parse<DockerOutput>("TYPE=docker, Dest=x.tar").to, Destination(ToFile{"x.tar"}));
  EXPECT_EQ(parse<TarOutput>(R"(type=tar,"dest=a,b.tar")").to, Destination(ToFile{"a,b.tar"}));
  EXPECT_EQ(parse<LocalOutput>("type=local,dest=d").directory, "d");
  EXPECT_EQ(parse<LocalOutput>("type=local,dest=d").platform_split, std::nullopt);
  EXPECT_EQ(parse<LocalOutput>("type=local,dest=d,platform-split=false").platform_split, false);
}

TEST(Output, CompressionIsGzipForOciAndNoneForDocker) {
  EXPECT_EQ(parse<OciOutput>("type=oci").compression, (Compression{Codec::kGzip, 0}));
  EXPECT_EQ(parse<DockerOutput>("type=docker").compression, (Compression{Codec::kUncompressed, 0}));
  EXPECT_EQ(
      parse<OciOutput>("type=oci,compression=zstd,compression-level=19,force-compression=true").compression,
      (Compression{Codec::kZstd, 19}));
  EXPECT_EQ(parse<DockerOutput>("type=docker,compression=gzip,compression-level=1").compression,
            (Compression{Codec::kGzip, 1}));
}

TEST(Output, Names) {
  const auto names = parse<ImageOutput>(R"(type=image,"name=a,b:2")").names;
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0].str(), "docker.io/library/a:latest");
  EXPECT_EQ(names[1].str(), "docker.io/library/b:2");
}

TEST(Output, UnknownWordsGetASuggestion) {
  const Error type = error_of("type=ocl,dest=x");
  EXPECT_EQ(type.kind, ErrorKind::kUsage);
  EXPECT_THAT(type.message(), HasSubstr("\"ocl\""));
  EXPECT_THAT(type.next, HasSubstr("oci"));
  const Error key = error_of("type=oci,dst=x");
  EXPECT_THAT(key.message(), HasSubstr("\"dst\""));
  EXPECT_THAT(key.next, HasSubstr("dest"));
  EXPECT_THAT(error_of("type=oci,compression=gzp").next, HasSubstr("gzip"));
}

TEST(Output, WhatGoesToStandardOutput) {
  for (const char* text : {"-", "type=tar", "type=tar,dest=-", "type=oci", "type=docker,dest=-"})
    EXPECT_TRUE(goes_to_stdout(parse_output(text).value())) << text;
  for (const char* text :
       {"d", "type=tar,dest=f", "type=oci,dest=d,tar=false", "type=docker", "type=image"})
    EXPECT_FALSE(goes_to_stdout(parse_output(text).value())) << text;
}

TEST(Output, WhatCantBe) {
  for (const char* text :
       {"", "dest=x,tar=false", "type=oci,tar=false", "type=oci,dest=-,tar=false", "type=oci,tar=maybe",
        "type=local", "type=local,dest=-", "type=local,dest=d,platform-split=x",
        "type=tar,platform-split=x", "type=local,dest=x,tar=true", "type=oci,dest", "type=oci,dest=",
        "type=oci,compression=uncompressed,compression-level=3", "type=oci,compression-level=10",
        "type=oci,compression=zstd,compression-level=23", "type=oci,compression-level=x",
        "type=image,name=UPPER", "type=tar,compression=gzip", "type=image,dest=x"})
    EXPECT_EQ(error_of(text).kind, ErrorKind::kUsage) << text;
}

TEST(Output, PushIsAWayToWriteAnImage) {
  EXPECT_TRUE(parse<ImageOutput>("type=image,name=x,push=true").push);
  EXPECT_FALSE(parse<ImageOutput>("type=image,name=x").push);
  const auto registry = parse<ImageOutput>("type=registry,name=x,compression=zstd");
  EXPECT_TRUE(registry.push);
  EXPECT_EQ(registry.compression.codec, Codec::kZstd);
  EXPECT_TRUE(pushes(registry));
  EXPECT_EQ(error_of("type=image,oci-mediatypes=false").kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace pgstrata::exporter
