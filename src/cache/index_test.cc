#include "cache/index.h"

#include <gtest/gtest.h>

#include <fstream>

#include "cache/read_set.h"
#include "os/file.h"

namespace pgstrata::cache {
namespace {

class IndexTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-index-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(directory_)); }
  std::unique_ptr<Index> open(const std::string& boot = "boot-1") {
    return Index::open(directory_ + "/index.db", boot).value();
  }
  std::string directory_;
  const LayerRow layer_{oci::sha256("tar"), oci::sha256("changes"), 10};
  const oci::Digest key_ = oci::sha256("key");
};

TEST_F(IndexTest, ARecordIsFoundByItsKeyAlsoByTheNextProcess) {
  ASSERT_TRUE(open()->add_layer(layer_));
  const auto written = open()->record(key_, layer_.diff_id, 1.5, {.began = 3});
  ASSERT_TRUE(written);
  const auto hit = open()->find(key_).value();
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->layer, layer_);
  EXPECT_EQ(hit->seconds, 1.5);
  EXPECT_EQ(hit->made, (Made{.began = 3, .ended = *written}));
  EXPECT_EQ(hit->written, *written);  // or an image would be another one when nothing changed
  EXPECT_FALSE(open()->find(oci::sha256("other"))->has_value());
  EXPECT_EQ(open()->layer_with(layer_.change_set, layer_.times, Index::now()).value(), layer_);
  EXPECT_EQ(open()->layer_with(layer_.change_set, layer_.times, 0).value(), std::nullopt);
}

TEST_F(IndexTest, ForgettingALayerForgetsItsRecords) {
  const auto index = open();
  ASSERT_TRUE(index->add_layer(layer_));
  ASSERT_TRUE(index->record(key_, layer_.diff_id, 0, {}));
  ASSERT_TRUE(index->forget_layer(layer_.diff_id));
  EXPECT_FALSE(index->find(key_)->has_value());
}

TEST_F(IndexTest, ARecordOfAnUnknownLayerIsRefused) {
  EXPECT_FALSE(open()->record(key_, oci::sha256("nothing"), 0, {}));
}

TEST_F(IndexTest, LayersOfAnotherBootAreUnsyncedUntilSynced) {
  ASSERT_TRUE(open("boot-1")->add_layer(layer_));
  EXPECT_TRUE(open("boot-1")->unsynced_layers()->empty());
  EXPECT_TRUE(open("boot-1")->has_fresh_layers().value());
  EXPECT_EQ(open("boot-2")->unsynced_layers()->size(), 1U);
  ASSERT_TRUE(open("boot-1")->mark_synced(Index::now()));
  EXPECT_TRUE(open("boot-2")->unsynced_layers()->empty());
}

TEST_F(IndexTest, ADamagedFileIsPutAside) {
  ASSERT_TRUE(open()->add_layer(layer_));
  std::ofstream(directory_ + "/index.db", std::ios::binary) << "this is no database, and never was one";
  EXPECT_EQ(open("boot-2")->layer(layer_.diff_id).value(), std::nullopt);
  EXPECT_TRUE(os::exists(directory_ + "/index.db.damaged"));
}

TEST_F(IndexTest, FaultsAreToldAndTheFileIsLeftAsItIs) {
  ASSERT_TRUE(open()->add_layer(layer_));
  const std::string path = directory_ + "/index.db";
  EXPECT_TRUE(Index::faults(path)->empty());
  ASSERT_TRUE(os::write_file(path, std::string(5000, 'x')));
  EXPECT_EQ(Index::faults(path)->size(), 1U);
  EXPECT_EQ(os::read_file(path).value(), std::string(5000, 'x'));
  Index::put_aside(path);
  EXPECT_TRUE(open()->is_empty().value());
  EXPECT_TRUE(Index::faults(path)->empty());
}

TEST_F(IndexTest, AFlippedBitInTheNameOfAColumnIsDamage) {
  ASSERT_TRUE(open()->add_layer(layer_));
  const std::string path = directory_ + "/index.db";
  std::string bytes = os::read_file(path).value();
  const std::size_t at = bytes.find("change_set BLOB");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'b';
  ASSERT_TRUE(os::write_file(path, bytes));
  EXPECT_EQ(Index::faults(path)->size(), 1U);
  EXPECT_TRUE(open()->is_empty().value());
  EXPECT_TRUE(os::exists(path + ".damaged"));
}

TEST_F(IndexTest, ARunThatCannotBeReadIsFoundAndForgotten) {
  const auto index = open();
  ASSERT_TRUE(index->add_layer(layer_));
  const oci::Digest op = oci::sha256("op");
  const RecordedRun run{.chain = {}, .inputs = {}, .layer = layer_, .made = {}};
  ASSERT_TRUE(index->add_run(op, run, {.root = encode_read_set({}), .mounts = ""}));
  EXPECT_TRUE(index->damaged_runs()->empty());
  ASSERT_TRUE(index->add_run(op, run, {.root = "no read set", .mounts = ""}));
  const auto damaged = index->damaged_runs().value();
  ASSERT_EQ(damaged.size(), 1U);
  ASSERT_TRUE(index->forget_run(damaged[0]));
  EXPECT_TRUE(index->runs(op)->empty());
}

TEST_F(IndexTest, TheStepRemembersWhatItWasMadeOf) {
  const KeyParts parts{oci::sha256("d"), oci::sha256("i"), oci::sha256("c")};
  const auto index = open();
  EXPECT_EQ(index->previous(oci::sha256("slot")).value(), std::nullopt);
  ASSERT_TRUE(index->remember(oci::sha256("slot"), parts));
  EXPECT_EQ(index->previous(oci::sha256("slot")).value(), parts);
}

TEST_F(IndexTest, AReusedLayerKeepsTheTimesOfItsMaking) {
  const auto index = open();
  ASSERT_TRUE(index->add_layer(layer_));
  EXPECT_EQ(index->made(layer_.diff_id).value(), std::nullopt);
  const Made made{.began = 3, .ended = 5};
  ASSERT_TRUE(index->record(key_, layer_.diff_id, 1, made));
  EXPECT_EQ(index->find(key_).value()->made, made);
  EXPECT_GT(index->find(key_).value()->written, made.ended);
  EXPECT_EQ(index->made(layer_.diff_id).value(), made);
}

TEST_F(IndexTest, RunsComeNewestFirstAndOnlyAHandful) {
  const auto index = open();
  ASSERT_TRUE(index->add_layer(layer_));
  const oci::Digest op = oci::sha256("op");
  for (int i = 0; i < 40; ++i) {
    const RecordedRun run{.chain = {oci::sha256("base"), oci::sha256(std::to_string(i))},
                          .layer = layer_,
                          .seconds = 2,
                          .made = {.began = 1, .ended = i}};
    ASSERT_TRUE(index->add_run(
        op, run, {.root = "root " + std::to_string(i), .mounts = {"m\0", 2}, .names = i % 2 == 1}));
  }
  const auto runs = index->runs(op).value();
  ASSERT_EQ(runs.size(), 16U);
  EXPECT_EQ(runs.front().chain.back(), oci::sha256("39"));
  EXPECT_EQ(runs.front().chain.size(), 2U);
  EXPECT_EQ(runs.front().layer, layer_);
  EXPECT_EQ(runs.front().made, (Made{.began = 1, .ended = 39}));
  EXPECT_EQ(index->asked(runs.front().id)->root, "root 39");
  EXPECT_EQ(index->asked(runs.front().id)->mounts, std::string("m\0", 2));
  EXPECT_TRUE(index->asked(runs.front().id)->names);
  EXPECT_FALSE(index->asked(runs[1].id)->names);
  EXPECT_TRUE(index->runs(oci::sha256("other"))->empty());
  EXPECT_FALSE(index->asked(12345));
  ASSERT_TRUE(index->forget_layer(layer_.diff_id));
  EXPECT_TRUE(index->runs(op)->empty());
}

TEST_F(IndexTest, TheSameOpOnTheSameLayersIsOneRun) {
  const auto index = open();
  ASSERT_TRUE(index->add_layer(layer_));
  const oci::Digest op = oci::sha256("op");
  RecordedRun run{.chain = {oci::sha256("base")}, .layer = layer_};
  ASSERT_TRUE(index->add_run(op, run, {.root = "old", .mounts = ""}));
  ASSERT_TRUE(index->add_run(op, run, {.root = "new", .mounts = ""}));
  ASSERT_EQ(index->runs(op)->size(), 1U);
  EXPECT_EQ(index->asked(index->runs(op)->front().id)->root, "new");
  run.inputs = oci::sha256("another context");
  ASSERT_TRUE(index->add_run(op, run, {}));
  EXPECT_EQ(index->runs(op)->size(), 2U);
}

TEST(KeyParts, EveryPartCounts) {
  const oci::Digest a = oci::sha256("a");
  const oci::Digest none;
  EXPECT_NE((KeyParts{a, none, none}.key()), (KeyParts{none, a, none}.key()));
  EXPECT_NE((KeyParts{none, none, a}.key()), (KeyParts{none, a, none}.key()));
}

}  // namespace
}  // namespace pgstrata::cache
