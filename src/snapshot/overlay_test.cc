// Real overlay mounts, each in a child with a mount namespace of its own: as root, and as an ordinary user
// in a user namespace.
#include "snapshot/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <algorithm>

#include "snapshot/test_support.h"
#include "snapshot/upper_dir.h"

namespace pgstrata::snapshot {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using ::testing::ElementsAre;
using testing::FakeChain;
using testing::run_in_namespace;
using testing::TempDir;
using testing::Who;

/// One overlay step on top of a lower directory that was filled before.
class Step {
 public:
  explicit Step(Who who) : who_(who) {
    EXPECT_EQ(::mkdir((temp_ / "lower").c_str(), 0755), 0);
    if (who == Who::kUserNamespace) {
      EXPECT_EQ(::chown(temp_.path().c_str(), testing::kOutsideRoot, testing::kOutsideRoot), 0);
      EXPECT_EQ(::chown((temp_ / "lower").c_str(), testing::kOutsideRoot, testing::kOutsideRoot), 0);
    }
  }

  /// `prepare` fills the lower directory, `change` works in the mount; both with it as working directory.
  /// `check` gets what was found.
  void run(const std::function<void()>& prepare, const std::function<void()>& change,
           const std::function<void(const ChangeSet&)>& check) {
    run_in_namespace(who_, [&] {
      ::umask(022);
      ASSERT_EQ(::chdir((temp_ / "lower").c_str()), 0);
      prepare();
      ASSERT_EQ(::chdir("/"), 0);
      const bool rootless = who_ == Who::kUserNamespace;
      const ChainView nothing({}, "nothing");
      ASSERT_VALUE(lower, scan_upper(temp_ / "lower", nothing, {rootless}));
      FakeChain chain;
      chain.add(lower);
      const auto view = chain.view();
      ASSERT_DONE(make_upper(temp_ / "upper", *view));
      ASSERT_EQ(::mkdir((temp_ / "work").c_str(), 0755), 0);
      ASSERT_EQ(::mkdir((temp_ / "mnt").c_str(), 0755), 0);
      {
        ASSERT_VALUE(mounted, mount_overlay({.lowerdirs = {temp_ / "lower"},
                                             .upperdir = temp_ / "upper",
                                             .workdir = temp_ / "work",
                                             .target = temp_ / "mnt",
                                             .userxattr = rootless}));
        ASSERT_EQ(::chdir((temp_ / "mnt").c_str()), 0);
        change();
        ASSERT_EQ(::chdir("/"), 0);
      }
      ASSERT_VALUE(changes, scan_upper(temp_ / "upper", *view, {rootless}));
      check(changes);
    });
  }

  [[nodiscard]] std::string upper() const { return temp_ / "upper"; }

 private:
  Who who_;
  TempDir temp_;
};

void put(const std::string& path, const std::string& text = "text", ::mode_t mode = 0644) {
  ASSERT_DONE(os::write_file(path, text, mode));
}
void make_dir(const std::string& path, ::mode_t mode = 0755) {
  ASSERT_EQ(::mkdir(path.c_str(), mode), 0) << path;
}

/// "path", with "/" for directories, "!" for whiteouts, "~" for implied and "*" for opaque ones.
std::vector<std::string> lines(const ChangeSet& changes) {
  std::vector<std::string> out;
  for (const Entry& entry : changes) {
    out.push_back(entry.path);
    if (entry.type == EntryType::kDirectory) out.back() += '/';
    if (entry.type == EntryType::kWhiteout) out.back() += '!';
    if (entry.type == EntryType::kHardLink) out.back() += "=" + entry.link;
    if (entry.implied) out.back() += '~';
    if (entry.opaque) out.back() += '*';
  }
  return out;
}

const Entry* find(const ChangeSet& changes, const std::string& path) {
  for (const Entry& entry : changes)
    if (entry.path == path) return &entry;
  return nullptr;
}

class Overlay : public ::testing::TestWithParam<Who> {};
INSTANTIATE_TEST_SUITE_P(As, Overlay, ::testing::Values(Who::kRoot, Who::kUserNamespace),
                         [](const auto& who) { return who.param == Who::kRoot ? "Root" : "User"; });

TEST_P(Overlay, SeesWhatWasCreatedModifiedAndDeleted) {
  Step(GetParam())
      .run(
          [] {
            make_dir("etc");
            put("etc/keep");
            put("etc/change");
            put("etc/delete");
            make_dir("tree");
            put("tree/leaf");
          },
          [] {
            put("etc/new");
            put("etc/change", "changed");
            EXPECT_EQ(::unlink("etc/delete"), 0);
            EXPECT_TRUE(os::remove_tree("tree").has_value());
            put("passing");
            EXPECT_EQ(::unlink("passing"), 0);
          },
          [](const ChangeSet& found) {
            EXPECT_THAT(lines(found),
                        ElementsAre("/~", "etc/~", "etc/change", "etc/delete!", "etc/new", "tree!"));
            EXPECT_EQ(find(found, "etc/change")->size, 7U);
          });
}

TEST_P(Overlay, TellsAReplacedDirectoryFromAnEmptiedOne) {
  Step(GetParam())
      .run(
          [] {
            make_dir("full");
            put("full/x");
            make_dir("empty");
            make_dir("file-to-be");
            put("dir-to-be");
          },
          [] {
            EXPECT_TRUE(os::remove_tree("full").has_value());
            make_dir("full");
            put("full/y");
            EXPECT_EQ(::rmdir("empty"), 0);
            make_dir("empty");
            EXPECT_EQ(::rmdir("file-to-be"), 0);
            put("file-to-be");
            EXPECT_EQ(::unlink("dir-to-be"), 0);
            make_dir("dir-to-be");
            make_dir("dir-to-be/sub");
          },
          [](const ChangeSet& found) {
            // "empty" was made anew exactly as it was, and "dir-to-be" hides a file: neither is opaque.
            EXPECT_THAT(lines(found), ElementsAre("/~", "dir-to-be/", "dir-to-be/sub/", "empty/~",
                                                  "file-to-be", "full/*", "full/y"));
          });
}

TEST_P(Overlay, RenamesAreADeletionAndACreation) {
  Step(GetParam())
      .run(
          [] {
            put("a");
            make_dir("d");
          },
          [] {
            EXPECT_EQ(::rename("a", "d/b"), 0);
            make_dir("n");
            put("n/x");
            EXPECT_EQ(::rename("n", "m"), 0);
          },
          [](const ChangeSet& found) {
            EXPECT_THAT(lines(found), ElementsAre("/~", "a!", "d/~", "d/b", "m/", "m/x"));
          });
}

TEST_P(Overlay, HardLinksBelongToTheFirstNameInOrder) {
  Step(GetParam())
      .run([] {},
           [] {
             make_dir("z");
             put("z/first-made");
             EXPECT_EQ(::link("z/first-made", "b"), 0);
             EXPECT_EQ(::link("z/first-made", "a"), 0);
             EXPECT_EQ(::symlink("t", "s1"), 0);
             EXPECT_EQ(::linkat(AT_FDCWD, "s1", AT_FDCWD, "s2", 0), 0);
           },
           [](const ChangeSet& found) {
             EXPECT_THAT(lines(found), ElementsAre("/~", "a", "b=a", "s1", "s2", "z/", "z/first-made=a"));
             EXPECT_EQ(find(found, "s2")->link, "t");
             EXPECT_EQ(find(found, "b")->size, 0U);
           });
}

TEST_P(Overlay, KeepsModesOwnersTimesAndAttributes) {
  Step(GetParam())
      .run(
          [] {
            make_dir("mode");
            make_dir("attribute");
            make_dir("touched");
          },
          [] {
            EXPECT_EQ(::chmod("mode", 01777), 0);
            EXPECT_EQ(::setxattr("attribute", "user.a", "1", 1, 0), 0);
            EXPECT_EQ(::utimensat(AT_FDCWD, "touched", nullptr, 0), 0);
            put("f");
            EXPECT_EQ(::chown("f", 12, 34), 0);
            EXPECT_EQ(::chmod("f", 04750), 0);
            EXPECT_EQ(::setxattr("f", "user.z", "2", 1, 0), 0);
            EXPECT_EQ(::setxattr("f", "user.b", "", 0, 0), 0);
            const timespec times[2] = {{0, 0}, {-3, 250000000}};
            EXPECT_EQ(::utimensat(AT_FDCWD, "f", times, 0), 0);
            put("late");
            const timespec in_2300[2] = {{0, 0}, {10413792000, 0}};
            EXPECT_EQ(::utimensat(AT_FDCWD, "late", in_2300, 0), 0);
          },
          [](const ChangeSet& found) {
            // A directory whose time alone changed is no change.
            EXPECT_THAT(lines(found), ElementsAre("/~", "attribute/", "f", "late", "mode/", "touched/~"));
            const Entry& file = *find(found, "f");
            EXPECT_EQ(file.uid, 12U);
            EXPECT_EQ(file.gid, 34U);
            EXPECT_EQ(file.mode, 04750U);
            EXPECT_EQ(file.mtime_ns, -2'750'000'000);
            EXPECT_GE(find(found, "late")->mtime_ns, 0);  // more than 64 bits hold; file systems may clamp
            EXPECT_THAT(file.xattrs,
                        ElementsAre(filetree::Xattr("user.b", ""), filetree::Xattr("user.z", "2")));
            EXPECT_EQ(find(found, "mode")->mode, 01777U);
          });
}

TEST_P(Overlay, TheRootsOwnAttributesEndWithTheStep) {
  Step step(GetParam());
  step.run([] {},
           [] {
             EXPECT_EQ(::chmod(".", 0700), 0);
             EXPECT_EQ(::chown(".", 5, 6), 0);
             EXPECT_EQ(::setxattr(".", "user.a", "1", 1, 0), 0);
           },
           [&step](const ChangeSet& found) {
             EXPECT_THAT(lines(found), ElementsAre("/"));
             const ChainView below({}, "nothing");
             ASSERT_DONE(restore_root(step.upper(), below));
             ASSERT_VALUE(again, scan_upper(step.upper(), below, {GetParam() == Who::kUserNamespace}));
             EXPECT_THAT(lines(again), ElementsAre("/~"));
           });
}

TEST_P(Overlay, WhatNoLayerGetsIsTakenAwayFromTheFilesAsWell) {
  Step step(GetParam());
  step.run(
      [] {
        make_dir("below");
        EXPECT_EQ(::setxattr("below", "user.kept", "1", 1, 0), 0);
      },
      [] {
        put("below/f");
        EXPECT_EQ(::setxattr("below/f", "user.gone", "1", 1, 0), 0);
        EXPECT_EQ(::link("below/f", "same"), 0);
      },
      [&step](const ChangeSet& found) {
        ChangeSet changes = found;
        const std::string upper = step.upper();
        ASSERT_DONE(drop_attributes(upper, changes));
        EXPECT_THAT(find(changes, "below/f")->xattrs, ElementsAre());
        EXPECT_THAT(find(changes, "below")->xattrs, ElementsAre(filetree::Xattr("user.kept", "1")));
        EXPECT_EQ(::lgetxattr((upper + "/same").c_str(), "user.gone", nullptr, 0), -1);
        EXPECT_EQ(::lgetxattr((upper + "/below").c_str(), "user.kept", nullptr, 0), 1);
      });
}

// The kernel stores a capability set in a user namespace in another form (version 3); a layer has one form.
TEST_P(Overlay, FileCapabilitiesHaveOneForm) {
  const std::string version2("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  Step(GetParam())
      .run([] {},
           [&] {
             put("ping");
             EXPECT_EQ(::setxattr("ping", "security.capability", version2.data(), version2.size(), 0), 0);
           },
           [&](const ChangeSet& found) {
             EXPECT_THAT(find(found, "ping")->xattrs,
                         ElementsAre(filetree::Xattr("security.capability", version2)));
           });
}

TEST_P(Overlay, SkipsSocketsAndKeepsFifosAndAnyName) {
  const std::string long_name(254, 'l');
  Step(GetParam())
      .run([] {},
           [&] {
             EXPECT_EQ(::mkfifo("fifo", 0640), 0);
             sockaddr_un address{};
             address.sun_family = AF_UNIX;
             std::copy_n("socket", 7, address.sun_path);
             const os::Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
             EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
             put(long_name);
             put("\xff\n\t *");
             // Deeper than PATH_MAX: only reachable step by step.
             for (int i = 0; i < 20; ++i) {
               make_dir(long_name + "d", 0755);
               ASSERT_EQ(::chdir((long_name + "d").c_str()), 0);
             }
             put("bottom");
           },
           [&](const ChangeSet& found) {
             EXPECT_EQ(find(found, "socket"), nullptr);
             ASSERT_NE(find(found, "fifo"), nullptr);
             EXPECT_EQ(find(found, "fifo")->type, EntryType::kFifo);
             EXPECT_EQ(find(found, "fifo")->mode, 0640U);
             EXPECT_NE(find(found, long_name), nullptr);
             EXPECT_NE(find(found, "\xff\n\t *"), nullptr);
             std::string deep;
             for (int i = 0; i < 20; ++i) deep += long_name + "d/";
             EXPECT_NE(find(found, deep + "bottom"), nullptr);
           });
}

TEST(OverlayAsRoot, SeesDevices) {
  Step(Who::kRoot)
      .run([] {}, [] { EXPECT_EQ(::mknod("null", S_IFCHR | 0666, ::makedev(1, 3)), 0); },
           [](const ChangeSet& found) {
             const Entry& null = *find(found, "null");
             EXPECT_EQ(null.type, EntryType::kCharDevice);
             EXPECT_EQ(null.device_major, 1U);
             EXPECT_EQ(null.device_minor, 3U);
           });
}

// The form that kernels since 6.7 write where 0/0 devices are not possible.
TEST(OverlayAsRoot, UnderstandsWhiteoutsInAttributes) {
  run_in_namespace(Who::kRoot, [] {
    const TempDir temp;
    make_dir(temp / "upper");
    ASSERT_EQ(::setxattr((temp / "upper").c_str(), "trusted.overlay.opaque", "x", 1, 0), 0);
    put(temp / "upper/gone", "");
    ASSERT_EQ(::setxattr((temp / "upper/gone").c_str(), "trusted.overlay.whiteout", "", 0, 0), 0);
    put(temp / "upper/not-there", "");
    ASSERT_EQ(::setxattr((temp / "upper/not-there").c_str(), "trusted.overlay.whiteout", "", 0, 0), 0);
    FakeChain chain;
    chain.add({testing::directory_entry(""), testing::file_entry("gone", "x"),
               testing::file_entry("stays", "x")});
    ASSERT_VALUE(found, scan_upper(temp / "upper", *chain.view(), {}));
    EXPECT_THAT(lines(found), ElementsAre("/~", "gone!"));
  });
}

std::string read(const std::string& path) {
  const auto text = os::read_file(path);
  return text ? *text : "(" + text.error().message() + ")";
}

// 250 layers with names that overlay's option syntax couldn't take, one of them named three times.
TEST_P(Overlay, MountsLongChainsWithAwkwardNamesByBothInterfaces) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  run_in_namespace(GetParam(), [&] {
    ::umask(022);
    OverlaySpec spec;
    spec.target = temp / "mnt";
    spec.userxattr = GetParam() == Who::kUserNamespace;
    make_dir(spec.target);
    const std::string odd = temp / ("od,d:na\\me" + std::string(200, 'x'));
    make_dir(odd);
    for (int i = 0; i < 250; ++i) {
      const std::string layer = odd + "/" + std::to_string(i);
      make_dir(layer);
      put(layer + "/" + std::to_string(i));
      put(layer + "/top", std::to_string(i));
      spec.lowerdirs.push_back(layer);
    }
    spec.lowerdirs.insert(spec.lowerdirs.begin() + 100, odd + "/0");
    spec.lowerdirs.push_back(odd + "/0");
    for (const auto& mount : {mount_overlay, mount_overlay_in_one_call}) {
      ASSERT_VALUE(mounted, mount(spec));
      EXPECT_EQ(read(spec.target + "/top"), "0");
      EXPECT_EQ(read(spec.target + "/249"), "text");
    }
    EXPECT_FALSE(os::exists(spec.target + "/top")) << "still mounted";
  });
}

TEST_P(Overlay, MountsChainsOfNoneAndOneAndReadOnlyViews) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  run_in_namespace(GetParam(), [&] {
    const bool rootless = GetParam() == Who::kUserNamespace;
    for (const char* name : {"mnt", "upper", "work", "layer"}) make_dir(temp / name);
    put(temp / "layer/f");
    ASSERT_EQ(::mknod((temp / "layer/gone").c_str(), S_IFCHR, 0), 0);
    for (const auto& mount : {mount_overlay, mount_overlay_in_one_call}) {
      {
        ASSERT_VALUE(none, mount({.target = temp / "mnt", .userxattr = rootless}));
        EXPECT_NE(::mkdir((temp / "mnt/x").c_str(), 0755), 0);
        EXPECT_EQ(errno, EROFS);
      }
      {
        ASSERT_VALUE(view,
                     mount({.lowerdirs = {temp / "layer"}, .target = temp / "mnt", .userxattr = rootless}));
        EXPECT_EQ(read(temp / "mnt/f"), "text");
        EXPECT_FALSE(os::exists(temp / "mnt/gone")) << "a whiteout shows";
        EXPECT_NE(::unlink((temp / "mnt/f").c_str()), 0);
        EXPECT_EQ(errno, EROFS);
      }
      ASSERT_VALUE(empty, mount({.upperdir = temp / "upper",
                                 .workdir = temp / "work",
                                 .target = temp / "mnt",
                                 .userxattr = rootless,
                                 .is_volatile = false}));
      put(temp / "mnt/new");
      EXPECT_TRUE(os::exists(temp / "upper/new"));
    }
  });
}

TEST_P(Overlay, BindsReadOnly) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  run_in_namespace(GetParam(), [&] {
    make_dir(temp / "source");
    make_dir(temp / "target");
    put(temp / "source/f");
    ASSERT_VALUE(mounted, bind_read_only(temp / "source", temp / "target"));
    EXPECT_EQ(read(temp / "target/f"), "text");
    EXPECT_NE(::unlink((temp / "target/f").c_str()), 0);
    EXPECT_EQ(errno, EROFS);
    put(temp / "source/g");
    EXPECT_EQ(read(temp / "target/g"), "text");
  });
}

TEST(OverlayAsRoot, AFailedMountSaysWhatToDo) {
  run_in_namespace(Who::kRoot, [] {
    const TempDir temp;
    for (const char* name : {"mnt", "upper", "work", "layer"}) make_dir(temp / name);
    put(temp / "work/occupied");
    const OverlaySpec absent{.lowerdirs = {temp / "absent"}, .target = temp / "mnt"};
    EXPECT_FALSE(mount_overlay(absent).has_value());
    // upperdir and workdir on different file systems
    ASSERT_EQ(::mount("tmpfs", (temp / "work").c_str(), "tmpfs", 0, nullptr), 0);
    const auto bad = mount_overlay({.lowerdirs = {temp / "layer"},
                                    .upperdir = temp / "upper",
                                    .workdir = temp / "work",
                                    .target = temp / "mnt"});
    ASSERT_EQ(::umount((temp / "work").c_str()), 0);
    ASSERT_FALSE(bad.has_value());
    EXPECT_EQ(bad.error().kind, ErrorKind::kMachine);
    EXPECT_EQ(bad.error().where, temp / "mnt");
    EXPECT_FALSE(bad.error().next.empty());
  });
}

}  // namespace
}  // namespace pgstrata::snapshot
