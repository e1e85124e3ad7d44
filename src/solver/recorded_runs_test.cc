#include "solver/recorded_runs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "cache/read_set.h"
#include "os/file.h"

namespace pgstrata::solver {
namespace {

/// A store with a layer, and a RUN on it that asked nothing: reusable wherever its row can be read.
class RecordedRunsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-runs-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    content_.emplace(content::ContentStore::open(root_).value());
    index_ = cache::Index::open(root_ + "/index.db", "boot").value();
    layers_ = store::LayerStore::open(*content_, *index_).value();
    filetree::Entry top;
    top.type = filetree::EntryType::kDirectory;
    top.mode = 0755;
    const auto none = [](const filetree::Entry&) -> Result<filetree::Content> {
      return filetree::Content{};
    };
    chain_ = {layers_->add({top}, none, {}).value()};
    run_ = {.chain = {chain_[0].diff_id}, .inputs = {}, .layer = chain_[0], .made = {}};
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }

  [[nodiscard]] Result<Verdict> find() {
    return find_reusable(*layers_,
                         {.op = op_, .inputs = {}, .chain = chain_, .mounted = {}, .mount_target = {}});
  }

  std::string root_;
  std::optional<content::ContentStore> content_;
  std::unique_ptr<cache::Index> index_;
  std::unique_ptr<store::LayerStore> layers_;
  std::vector<cache::LayerRow> chain_;
  cache::RecordedRun run_;
  const oci::Digest op_ = oci::sha256("op");
  const cache::Asked asked_{.root = cache::encode_read_set({}), .mounts = ""};
};

TEST_F(RecordedRunsTest, ADamagedReadSetIsAsGoodAsNone) {
  ASSERT_TRUE(index_->add_run(op_, run_, asked_));
  EXPECT_TRUE(std::holds_alternative<Reusable>(find().value()));
  ASSERT_TRUE(index_->add_run(op_, run_, {.root = "damaged", .mounts = ""}));
  const auto verdict = find();
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_TRUE(std::holds_alternative<NoRun>(*verdict));
}

TEST_F(RecordedRunsTest, ARunThatAnotherBuildReplacesMeanwhileIsNoError) {
  ASSERT_TRUE(index_->add_run(op_, run_, asked_));
  const auto other = cache::Index::open(root_ + "/index.db", "boot").value();
  std::atomic<bool> done = false;
  std::thread build([&] {
    while (!done) EXPECT_TRUE(other->add_run(op_, run_, asked_));
  });
  for (int i = 0; i < 1000; ++i) {
    const auto verdict = find();
    EXPECT_TRUE(verdict) << verdict.error().message();
    if (!verdict) break;
  }
  done = true;
  build.join();
}

}  // namespace
}  // namespace pgstrata::solver
