#include "container/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "os/file.h"

namespace pgstrata::container {
namespace {

using testing::ElementsAre;

TEST(ParseVolume, TellsDirectoriesFromNames) {
  EXPECT_EQ(std::get<HostDirectory>(parse_volume("/srv:/data")->source).path, "/srv");
  EXPECT_EQ(std::get<HostDirectory>(parse_volume("./srv:/data")->source).path, "./srv");
  EXPECT_EQ(std::get<NamedVolume>(parse_volume("pg-data:/data")->source).name, "pg-data");
  EXPECT_TRUE(std::holds_alternative<AnonymousVolume>(parse_volume("/data")->source));
}

TEST(ParseVolume, Options) {
  const auto volume = parse_volume("v1:/data:ro,nocopy");
  ASSERT_TRUE(volume);
  EXPECT_TRUE(volume->read_only);
  EXPECT_FALSE(volume->copy);
  EXPECT_EQ(volume->target, "/data");
}

TEST(ParseVolume, RefusesWhatItCanNotMount) {
  for (const char* text :
       {"", "v1:data", "v1:/", "a/b:/data", "v1:/data:shared", "v1:/data:ro:x", "v:/data"})
    EXPECT_FALSE(parse_volume(text)) << text;
}

TEST(ParsePort, Forms) {
  EXPECT_EQ(*parse_port("5432"), (PublishedPort{"", 5432, 5432}));
  EXPECT_EQ(*parse_port("15432:5432/tcp"), (PublishedPort{"", 15432, 5432}));
  EXPECT_EQ(*parse_port("127.0.0.1:15432:5432"), (PublishedPort{"127.0.0.1", 15432, 5432}));
  EXPECT_EQ(*parse_port("[::1]:15432:5432"), (PublishedPort{"::1", 15432, 5432}));
  EXPECT_EQ(*parse_port("0.0.0.0:5432:5432"), (PublishedPort{"", 5432, 5432}));
}

TEST(ParsePort, RefusesWhatIsNotForwarded) {
  for (const char* text :
       {"", "0", "70000", "53:53/udp", "8000-8010:80", "127.0.0.1::5432", "host:1:2", ":80"})
    EXPECT_FALSE(parse_port(text)) << text;
}

TEST(DefaultNetwork, IsTheMachinesUnlessAPortNeedsAnother) {
  EXPECT_EQ(default_network({}), Network::kHost);
  EXPECT_EQ(default_network({{"", 5432, 5432}}), Network::kHost);
  EXPECT_EQ(default_network({{"", 5432, 5432}, {"", 80, 8080}}), Network::kPrivate);
  // The program would listen on every address.
  EXPECT_EQ(default_network({{"127.0.0.1", 5432, 5432}}), Network::kPrivate);
}

TEST(ParseSize, Units) {
  EXPECT_EQ(*parse_size("4096"), 4096U);
  EXPECT_EQ(*parse_size("64m"), 64U << 20);
  EXPECT_EQ(*parse_size("1GB"), 1U << 30);
  for (const char* text : {"", "m", "-1", "1x", "99999999999g"}) EXPECT_FALSE(parse_size(text)) << text;
}

TEST(ParseSignal, NamesAndNumbers) {
  EXPECT_EQ(*parse_signal("SIGINT"), SIGINT);
  EXPECT_EQ(*parse_signal("term"), SIGTERM);
  EXPECT_EQ(*parse_signal("9"), SIGKILL);
  EXPECT_EQ(*parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* text : {"", "0", "SIGNOPE", "99"}) EXPECT_FALSE(parse_signal(text)) << text;
}

TEST(EnvironmentFile, CommentsBlankLinesAndPassedOnVariables) {
  std::string directory = testing::TempDir() + "/env-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  ::setenv("PGSTRATA_TEST_OUTER", "2", 1);
  ::unsetenv("PGSTRATA_TEST_UNSET");
  const std::string path = directory + "/env";
  ASSERT_TRUE(os::write_file(path, "# no\n\nA=b c=d\r\nPGSTRATA_TEST_OUTER\nPGSTRATA_TEST_UNSET\nE="));
  EXPECT_THAT(*read_environment_file(path), ElementsAre("A=b c=d", "PGSTRATA_TEST_OUTER=2", "E="));
  ASSERT_TRUE(os::write_file(path, "A=1\nB C=2\n"));
  EXPECT_EQ(read_environment_file(path).error().where, path + ":2");
  ASSERT_TRUE(os::remove_tree(directory));
}

}  // namespace
}  // namespace pgstrata::container
