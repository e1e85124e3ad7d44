// The whole way of RUN layers, against the kernel: random steps in real overlay mounts, their upper
// directories scanned, written as layers, some of them unpacked again; after each step the merged mount
// must look like the chain view of the change sets. A failure prints the seed; PGSTRATA_SEED repeats it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <random>

#include "layer/tar_writer.h"
#include "layer/unpack.h"
#include "snapshot/overlay.h"
#include "snapshot/test_support.h"
#include "snapshot/upper_dir.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using snapshot::testing::FakeChain;
using snapshot::testing::run_in_namespace;
using snapshot::testing::TempDir;
using snapshot::testing::Who;

constexpr std::int64_t kSecond = 1'000'000'000;

/// Changes the tree it stands in as programs do. Operations that fail (no such file, not a directory) are
/// part of it.
class RandomStep {
 public:
  RandomStep(std::mt19937& random, bool rootless) : random_(random), rootless_(rootless) {}

  void change(int operations) {
    for (int i = 0; i < operations; ++i) one();
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }

  // Few names, so that they meet; '-' and '.' sort before '/'.
  std::string name() {
    static const std::array<std::string, 7> names = {"a", "b", "a-b", "a.b", "\xc3\xa9", "\xff", "c"};
    return names[below(names.size())];
  }
  std::string path() {
    std::string found = name();
    while (below(2) == 0 && found.size() < 12) found += "/" + name();
    return found;
  }
  void write(const std::string& path, int flags) {
    const os::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flags, 0644));
    if (!fd) return;
    const std::string text(below(2000), static_cast<char>('a' + below(26)));
    EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void one() {
    const std::string at = path();
    switch (below(18)) {
      case 0:
      case 1:
        return write(at, O_TRUNC);
      case 2:
        return write(at, O_APPEND);
      case 3:
      case 4:
      case 5:
        static_cast<void>(::mkdir(at.c_str(), below(2) == 0 ? 0755 : 0700));
        return;
      case 6:
        static_cast<void>(::unlink(at.c_str()));
        return;
      case 7:
        static_cast<void>(os::remove_tree(at).has_value());
        return;
      case 8:
        static_cast<void>(::rename(at.c_str(), path().c_str()));
        return;
      case 9:
        static_cast<void>(::symlink(path().c_str(), at.c_str()));
        return;
      case 10:
        static_cast<void>(::linkat(AT_FDCWD, path().c_str(), AT_FDCWD, at.c_str(), 0));
        return;
      case 11:
        static_cast<void>(::fchmodat(AT_FDCWD, at.c_str(), 0700 | below(64), AT_SYMLINK_NOFOLLOW));
        return;
      case 12:
        static_cast<void>(::lchown(at.c_str(), below(3), below(3)));
        return;
      case 13:
        static_cast<void>(::lsetxattr(at.c_str(), "user.x", "value", below(6), 0));
        return;
      case 14:
        static_cast<void>(::lremovexattr(at.c_str(), "user.x"));
        return;
      case 15:
        static_cast<void>(::mkfifo(at.c_str(), 0600));
        return;
      case 16:  // replace by a directory, as `rm -rf x; mkdir x` does
        static_cast<void>(os::remove_tree(at).has_value());
        static_cast<void>(::mkdir(at.c_str(), 0755));
        return;
      default:
        if (!rootless_) static_cast<void>(::mknod(at.c_str(), S_IFCHR | 0600, ::makedev(1, 3)));
    }
  }

  std::mt19937& random_;
  bool rootless_;
};

/// The chain, and for each layer a directory that overlay can mount.
class Chain {
 public:
  Chain(std::mt19937& random, const TempDir& temp, bool rootless)
      : random_(random), temp_(temp), rootless_(rootless) {}

  void add_step(int number) {
    const std::string base = temp_ / ("step" + std::to_string(number));
    ASSERT_EQ(::mkdir(base.c_str(), 0755), 0);
    for (const char* name : {"/work", "/mnt"}) ASSERT_EQ(::mkdir((base + name).c_str(), 0755), 0);
    const std::string upper = base + "/upper";
    const auto below = chain_.view();
    ASSERT_DONE(snapshot::make_upper(upper, *below));
    {
      ASSERT_VALUE(mounted, snapshot::mount_overlay({.lowerdirs = directories_,
                                                     .upperdir = upper,
                                                     .workdir = base + "/work",
                                                     .target = base + "/mnt",
                                                     .userxattr = rootless_}));
      ASSERT_EQ(::chdir((base + "/mnt").c_str()), 0);
      RandomStep(random_, rootless_).change(25);
      ASSERT_EQ(::chdir("/"), 0);
    }
    ASSERT_VALUE(changes, snapshot::scan_upper(upper, *below, {rootless_}));
    ASSERT_VALUE(open, snapshot::files_of_directory(upper));
    ASSERT_VALUE(tar, os::open(base + "/tar", O_RDWR | O_CREAT, 0644));
    ASSERT_VALUE(layer, write_layer(changes, open, {}, [&](std::span<const std::byte> bytes) {
                   return os::write_all(tar.get(), bytes, "tar");
                 }));
    std::string directory = upper;
    if (random_() % 2 == 0) {
      directory = base + "/unpacked";
      ASSERT_DONE(unpack_layer(layer.changes, tar.get(), directory, {.rootless = rootless_}));
    }
    chain_.add(layer.changes, snapshot::files_of_blob(std::move(tar)));
    directories_.insert(directories_.begin(), directory);
    ASSERT_NO_FATAL_FAILURE(compare(base + "/mnt"));
  }

 private:
  void compare(const std::string& target) {
    ASSERT_VALUE(mounted, snapshot::mount_overlay(
                              {.lowerdirs = directories_, .target = target, .userxattr = rootless_}));
    const snapshot::ChainView nothing({}, "nothing");
    ASSERT_VALUE(real, snapshot::scan_upper(target, nothing, {rootless_}));
    ASSERT_VALUE(merged, chain_.view()->walk(""));
    const std::size_t common = std::min(real.size(), merged.size());
    for (std::size_t i = 0; i < common; ++i) ASSERT_NO_FATAL_FAILURE(compare(target, real[i], merged[i]));
    EXPECT_EQ(real.size(), merged.size());
  }

  void compare(const std::string& target, Entry real, Entry merged) {
    if (merged.type == EntryType::kRegular) {
      ASSERT_VALUE(text, os::read_file(target + "/" + merged.path));
      EXPECT_EQ(oci::sha256(text), merged.content) << merged.path;
    }
    ASSERT_VALUE(found, chain_.view()->lookup(merged.path));
    ASSERT_TRUE(found.has_value()) << merged.path;
    EXPECT_EQ(found->mode, merged.mode);
    // Not part of what a mount shows; and fractions of seconds don't survive a layer.
    real.implied = false;
    for (Entry* entry : {&real, &merged}) {
      entry->content = {};
      entry->tar_offset = 0;
      std::int64_t fraction = entry->mtime_ns % kSecond;
      if (fraction < 0) fraction += kSecond;
      entry->mtime_ns -= fraction;
    }
    ASSERT_EQ(real, merged) << real.path << " in the mount, " << merged.path << " in the view";
  }

  std::mt19937& random_;
  const TempDir& temp_;
  bool rootless_;
  FakeChain chain_;
  std::vector<std::string> directories_;  ///< top first
};

class Differential : public ::testing::TestWithParam<Who> {};
INSTANTIATE_TEST_SUITE_P(As, Differential, ::testing::Values(Who::kRoot, Who::kUserNamespace),
                         [](const auto& who) { return who.param == Who::kRoot ? "Root" : "User"; });

TEST_P(Differential, RandomLayersLookLikeTheirMount) {
  const char* given = std::getenv("PGSTRATA_SEED");
  const unsigned start =
      given == nullptr ? std::random_device()() : static_cast<unsigned>(std::stoul(given));
  const char* rounds = std::getenv("PGSTRATA_ROUNDS");
  const unsigned count = rounds == nullptr ? 12 : static_cast<unsigned>(std::stoul(rounds));
  for (unsigned seed = start; seed != start + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("PGSTRATA_SEED=" + std::to_string(seed));
    const TempDir temp;
    ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
    run_in_namespace(GetParam(), [&] {
      SCOPED_TRACE("PGSTRATA_SEED=" + std::to_string(seed));
      ::umask(022);
      std::mt19937 random(seed);
      Chain chain(random, temp, GetParam() == Who::kUserNamespace);
      for (int step = 0; step < 6 && !HasFailure(); ++step) chain.add_step(step);
    });
  }
}

}  // namespace
}  // namespace pgstrata::layer
