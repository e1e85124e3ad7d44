#include "store/layer_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <thread>

#include "os/file.h"
#include "store/after_boot.h"
#include "store/build_lock.h"

namespace pgstrata::store {
namespace {

using filetree::Entry;

/// A store with one layer: a single file of 4 MiB.
class LayerStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-layers-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    content_.emplace(content::ContentStore::open(root_).value());
    index_ = cache::Index::open(root_ + "/index.db", "boot").value();
    layers_ = LayerStore::open(*content_, *index_).value();
    layer_ = add();
  }
  cache::LayerRow add() {
    const auto open = [this](const Entry&) -> Result<filetree::Content> {
      return filetree::Content{.fd = {}, .offset = 0, .size = bytes_.size(), .text = bytes_};
    };
    Entry root;
    root.type = filetree::EntryType::kDirectory;
    root.mode = 0755;
    Entry file;
    file.path = "file";
    file.mode = 0644;
    file.size = bytes_.size();
    file.content = oci::sha256(bytes_);
    return layers_->add({root, file}, open, {}).value();
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }

  /// Runs `work` in a process that the kernel kills as soon as it writes beyond 1 MiB of a file.
  template <typename Work>
  static int killed_while_writing(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      ::signal(SIGXFSZ, SIG_DFL);
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  bool is_empty(const char* directory) const { return std::filesystem::is_empty(root_ + directory); }

  std::string root_;
  std::string bytes_ = std::string(4 << 20, 'x');
  std::optional<content::ContentStore> content_;
  std::unique_ptr<cache::Index> index_;
  std::unique_ptr<LayerStore> layers_;
  cache::LayerRow layer_;
};

TEST_F(LayerStoreTest, WhatIsLeftOfAKilledUnpackingIsCleared) {
  ASSERT_EQ(killed_while_writing([this] { static_cast<void>(layers_->lowerdirs({layer_}, false)); }),
            SIGXFSZ);
  EXPECT_FALSE(is_empty("/tmp"));
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(is_empty("/tmp"));
  EXPECT_TRUE(is_empty("/unpacked"));
  const auto directories = layers_->lowerdirs({layer_}, false);
  ASSERT_TRUE(directories) << directories.error().message();
  EXPECT_EQ(os::read_file(directories->front() + "/file").value(), bytes_);
}

TEST_F(LayerStoreTest, ALayerWithoutItsRowIsFoundByItsFilesUnlessTheyAreDamaged) {
  EXPECT_EQ(layers_->find(layer_.diff_id).value(), layer_);
  ASSERT_TRUE(index_->forget_layer(layer_.diff_id));
  EXPECT_EQ(layers_->find(layer_.diff_id).value(), layer_);
  EXPECT_EQ(index_->layer(layer_.diff_id).value(), layer_);
  ASSERT_TRUE(index_->forget_layer(layer_.diff_id));
  const std::string tar = os::read_file(content_->blob_path(layer_.diff_id)).value();
  std::string wrong = tar;
  wrong[wrong.size() / 2] = 'y';
  ASSERT_TRUE(os::write_file(content_->blob_path(layer_.diff_id), wrong));
  EXPECT_EQ(layers_->find(layer_.diff_id).value(), std::nullopt);
  ASSERT_TRUE(os::write_file(content_->blob_path(layer_.diff_id), tar));
  ASSERT_TRUE(os::write_file(layers_->changes_path(layer_.diff_id), "nothing"));
  EXPECT_EQ(layers_->find(layer_.diff_id).value(), std::nullopt);
}

TEST_F(LayerStoreTest, ALayerThatIsMadeAgainReplacesWhatIsDamaged) {
  const std::string changes = os::read_file(layers_->changes_path(layer_.diff_id)).value();
  ASSERT_TRUE(os::write_file(layers_->changes_path(layer_.diff_id), "nothing"));
  ASSERT_TRUE(os::write_file(content_->blob_path(layer_.diff_id), std::string(layer_.size, 'z')));
  ASSERT_EQ(add().diff_id, layer_.diff_id);
  EXPECT_EQ(os::read_file(layers_->changes_path(layer_.diff_id)).value(), changes);
  EXPECT_TRUE(content_->verify(layer_.diff_id));
}

// Long after the layer reached the disk, so that its row says nothing.
TEST_F(LayerStoreTest, WhatIsUnpackedAfterTheLastSyncIsMadeAgainAfterABoot) {
  const auto unpacked_after = [this](const char* boot) {
    index_ = cache::Index::open(root_ + "/index.db", boot).value();
    layers_ = LayerStore::open(*content_, *index_).value();
    return os::exists(layers_->unpacked_path(layer_.diff_id));
  };
  ASSERT_TRUE(index_->mark_synced(INT64_MAX));
  ASSERT_TRUE(layers_->lowerdirs({layer_}, false));
  EXPECT_TRUE(unpacked_after("boot"));
  EXPECT_FALSE(unpacked_after("second boot"));
  ASSERT_TRUE(layers_->lowerdirs({layer_}, false));
  note_sync(root_, cache::Index::now() - 1'000'000'000);
  EXPECT_FALSE(unpacked_after("third boot"));
  ASSERT_TRUE(layers_->lowerdirs({layer_}, false));
  note_sync(root_, cache::Index::now() + 2'000'000'000);
  EXPECT_TRUE(unpacked_after("fourth boot"));
  EXPECT_TRUE(unpacked_after("fourth boot"));
}

// Nothing was noted by a version that knew nothing of it, and containers may run.
TEST_F(LayerStoreTest, TheFirstNoteOfABootTakesNothingAway) {
  ASSERT_EQ(::unlink((root_ + "/boot").c_str()), 0);
  ASSERT_TRUE(index_->mark_synced(INT64_MAX));
  ASSERT_TRUE(layers_->lowerdirs({layer_}, false));
  index_ = cache::Index::open(root_ + "/index.db", "second boot").value();
  layers_ = LayerStore::open(*content_, *index_).value();
  EXPECT_TRUE(os::exists(layers_->unpacked_path(layer_.diff_id)));
}

// Two builds begin right after a boot: what the first has verified, unpacked and mounted stays.
TEST_F(LayerStoreTest, OneBuildAfterTheOtherVerifiesWhatARebootMayHaveDamaged) {
  const auto first = cache::Index::open(root_ + "/index.db", "next boot").value();
  const auto second = cache::Index::open(root_ + "/index.db", "next boot").value();
  ASSERT_EQ(second->unsynced_layers()->size(), 1U);
  const os::Fd verifying = os::open(root_ + "/changes", O_RDONLY | O_DIRECTORY).value();
  ASSERT_EQ(::flock(verifying.get(), LOCK_EX), 0);
  ASSERT_TRUE(os::make_directories(layers_->unpacked_path(layer_.diff_id)));
  std::thread other([&] { EXPECT_TRUE(LayerStore::open(*content_, *second)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(os::exists(layers_->unpacked_path(layer_.diff_id)));
  EXPECT_TRUE(first->adopt(layer_.diff_id));
  EXPECT_TRUE(note_boot(root_, "next boot"));
  EXPECT_EQ(::flock(verifying.get(), LOCK_UN), 0);
  other.join();
  EXPECT_TRUE(os::exists(layers_->unpacked_path(layer_.diff_id)));
  EXPECT_TRUE(second->unsynced_layers()->empty());
}

}  // namespace
}  // namespace pgstrata::store
