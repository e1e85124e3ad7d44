#include "solver/remote_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "remote/fake_fetcher.h"

namespace pgstrata::solver {
namespace {

using testing::ElementsAre;

class RemoteSourcesTest : public testing::Test {
 protected:
  RemoteSourcesTest() {
    std::string path = testing::TempDir() + "remote.XXXXXX";
    directory = ::mkdtemp(path.data());
    std::ofstream(directory + "/file") << "text";
    std::ofstream(directory + "/other") << "other";
    fetcher.contents[http] = {.version = "1", .directory = directory};
    fetcher.contents[git] = {.version = "1", .directory = directory};
    action.sources = {"a", "b"};
    action.remotes = {{.source = http, .position = 1}, {.source = git, .position = 2}};
  }
  ~RemoteSourcesTest() override { std::filesystem::remove_all(directory); }

  std::string directory;
  const remote::Source http =
      remote::HttpSource{.url = "http://h/file", .filename = "file", .checksum = {}};
  const remote::Source git = remote::GitSource{.remote = "git://h/r"};
  remote::FakeFetcher fetcher;
  graph::CopyAction action{.from = graph::LocalInput{}, .destination = "/d/"};
};

TEST_F(RemoteSourcesTest, TheDigestIsThatOfEverySourceAndFetchesNoFiles) {
  RemoteSources sources(&fetcher);
  const auto before = sources.digest(action, {}).value();
  fetcher.contents[git].version = "2";
  EXPECT_NE(sources.digest(action, {}).value(), before);
  EXPECT_EQ(fetcher.checkouts, 0);
  action.remotes.clear();
  EXPECT_TRUE(sources.digest(action, {}).value().is_none());
}

TEST_F(RemoteSourcesTest, FilesComeInTheOrderOfTheInstruction) {
  RemoteSources sources(&fetcher);
  std::vector<Selected> local(3);
  local[0] = {.path = "a1", .source = 0};
  local[1] = {.path = "a2", .source = 0};
  local[2] = {.path = "b", .source = 1};
  const auto all = sources.select(action, local, {}).value();
  std::vector<std::string> paths;
  for (const Selected& item : all) paths.push_back(item.path);
  EXPECT_THAT(paths, ElementsAre("a1", "a2", "file", "b", ""));
  EXPECT_EQ(all[2].entries.size(), 1U);
  EXPECT_EQ(all[4].entries.size(), 3U);
  EXPECT_NE(all[2].tree, nullptr);
  EXPECT_EQ(all[3].tree, nullptr);
}

TEST_F(RemoteSourcesTest, ATreeIsFetchedOnce) {
  RemoteSources sources(&fetcher);
  EXPECT_TRUE(sources.select(action, {}, {}));
  EXPECT_TRUE(sources.select(action, {}, {}));
  EXPECT_EQ(fetcher.checkouts, 2);
}

TEST_F(RemoteSourcesTest, ExcludesCountForRepositories) {
  RemoteSources sources(&fetcher);
  action.exclude = {"other"};
  EXPECT_EQ(sources.select(action, {}, {}).value().back().entries.size(), 2U);
}

TEST_F(RemoteSourcesTest, AFailureIsTheFetchers) {
  RemoteSources sources(&fetcher);
  fetcher.contents.clear();
  EXPECT_EQ(sources.digest(action, {}).error().kind, ErrorKind::kBuildFailed);
}

}  // namespace
}  // namespace pgstrata::solver
