// What the program finds in its file system, and what is left of it afterwards.
#include "sandbox/root_filesystem.h"

#include <fcntl.h>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

class RootFilesystemTest : public TestRoot {
 protected:
  static timespec mtime(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mtim;
  }
  std::string outside(const std::string& name) {
    std::filesystem::create_directories(base_ + "/" + name);
    return base_ + "/" + name;
  }
};

TEST_F(RootFilesystemTest, DevicesWork) {
  EXPECT_EQ(
      output(shell("echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/random | wc -c &&"
                   "head -c 4 /dev/urandom | wc -c; echo x 2>/dev/null > /dev/full || echo full")),
      "4\n4\n4\nfull");
  // Not every kernel has /proc/kcore, and without it runc makes no link either.
  const std::string core = std::filesystem::exists("/proc/kcore") ? "core\n" : "";
  EXPECT_EQ(output(shell("ls /dev")), core +
                                          "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\n"
                                          "stderr\nstdin\nstdout\ntty\nurandom\nzero");
}

TEST_F(RootFilesystemTest, DevicesAreForEverybody) {
  EXPECT_EQ(output(shell("stat -c '%a %F' /dev/null /dev/full /dev/shm")),
            "666 character special file\n666 character special file\n1777 directory");
}

TEST_F(RootFilesystemTest, PseudoTerminalsWork) {
  EXPECT_EQ(output(shell("script -qec 'test -t 0 && echo terminal' /dev/null | tr -d '\\r'")), "terminal");
}

TEST_F(RootFilesystemTest, SharedMemoryAndMessageQueuesAreItsOwn) {
  EXPECT_EQ(
      output(shell(
          "echo hello > /dev/shm/x; cat /dev/shm/x; ls /dev/mqueue; tail -n +2 /proc/sysvipc/shm | wc -l")),
      "hello\n0");
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/x"));
}

// The kernel's configuration decides which of them exist; /proc/kcore and /proc/timer_list usually do.
TEST_F(RootFilesystemTest, SensitivePathsAreMaskedAsInDocker) {
  int tested = 0;
  for (const std::string path :
       {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/acpi", "/proc/scsi",
        "/sys/firmware", "/sys/devices/virtual/powercap"}) {
    if (!std::filesystem::exists(path)) continue;
    ++tested;
    EXPECT_EQ(
        output(shell("if [ -d " + path + " ]; then ls -A " + path + "; else head -c 1 " + path + "; fi")),
        "")
        << path;
  }
  EXPECT_GT(tested, 0);
}

TEST_F(RootFilesystemTest, KernelSettingsAreReadOnly) {
  for (const char* path :
       {"/proc/sys/kernel/domainname", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"}) {
    const Outcome outcome = run(shell(std::string("test ! -e ") + path + " || echo 1 > " + path));
    if (exit_code(outcome) != 0) {
      EXPECT_NE(outcome.err.find("Read-only"), std::string::npos) << outcome.err;
    } else {
      EXPECT_FALSE(std::filesystem::exists(path)) << path;
    }
  }
}

TEST_F(RootFilesystemTest, OldRootIsGone) {
  const std::string mounts =
      output(shell("cut -d' ' -f5 /proc/self/mountinfo | sort | uniq | grep -vE '^/(proc|sys|dev)/'"));
  EXPECT_EQ(mounts, "/\n/dev\n/etc/hosts\n/etc/resolv.conf\n/proc\n/sys\n/usr");
}

TEST_F(RootFilesystemTest, HostNameIsSetAndKnownToHosts) {
  ProcessSpec spec = shell("hostname; grep -c some-name /etc/hosts");
  spec.hostname = "some-name";
  EXPECT_EQ(output(spec), "some-name\n1");
  EXPECT_NE(output(program({"hostname"})), output(spec));
}

TEST_F(RootFilesystemTest, ResolvConfIsTheMachines) {
  std::ifstream file("/etc/resolv.conf");
  if (!file) GTEST_SKIP() << "this machine has no /etc/resolv.conf";
  const std::string machine((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(run(program({"cat", "/etc/resolv.conf"})).out, machine);
}

TEST_F(RootFilesystemTest, WhoLooksUpANameIsSeen) {
  if (!std::ifstream("/etc/resolv.conf")) GTEST_SKIP() << "this machine has no /etc/resolv.conf";
  ProcessSpec asks = shell("getent ahosts nobody.invalid || true");
  asks.host_network = false;  // nobody answers; it is the asking that counts
  EXPECT_TRUE(run(asks).looked_up_names);
  EXPECT_FALSE(run(shell("ls /etc; stat /etc/resolv.conf; cat /etc/hosts")).looked_up_names);
}

TEST_F(RootFilesystemTest, NoNetworkLeavesLoopbackOnly) {
  ProcessSpec spec = shell(
      "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; ls /sys/class/net;"
      "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\") "
      "or die $!;"
      "IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $s->sockport) or die $!; print "
      "\"talks\"'");
  spec.host_network = false;
  EXPECT_EQ(output(spec), "lo\nlo\ntalks");
}

TEST_F(RootFilesystemTest, HostNetworkIsTheMachines) {
  std::error_code error;
  const auto machine = std::filesystem::read_symlink("/proc/self/ns/net", error).string();
  EXPECT_EQ(output(shell("readlink /proc/self/ns/net")), machine);
}

TEST_F(RootFilesystemTest, MountPointsThatWereMissingLeaveNoTrace) {
  for (const char* stays : {"proc", "sys", "dev"}) std::filesystem::create_directory(root_ + "/" + stays);
  const timespec before = mtime(root_);
  const timespec etc = mtime(root_ + "/etc");
  ProcessSpec spec = shell("cat /mnt/deep/dir/file /etc/extra; ls -d /run/secrets /proc /sys /dev");
  write("../data/file", "text");
  spec.mounts.push_back(Bind{.source = base_ + "/data", .target = "/mnt/deep/dir", .read_only = true});
  spec.mounts.push_back(Bind{.source = base_ + "/data/file", .target = "/etc/extra", .read_only = true});
  spec.mounts.push_back(Tmpfs{.target = "/run/secrets", .size = 0, .mode = 0755});
  EXPECT_EQ(output(spec), "texttext/dev\n/proc\n/run/secrets\n/sys");
  for (const char* path : {"mnt", "etc/extra", "run", "etc/hosts", "etc/resolv.conf"})
    EXPECT_FALSE(exists(path)) << path;
  EXPECT_EQ(mtime(root_).tv_nsec, before.tv_nsec);
  EXPECT_EQ(mtime(root_ + "/etc").tv_nsec, etc.tv_nsec);
}

// runc makes them and leaves them, so BuildKit's layers have them.
TEST_F(RootFilesystemTest, ProcSysAndDevStay) {
  for (const char* stays : {"proc", "sys", "dev"}) ASSERT_FALSE(exists(stays)) << stays;
  output(shell("true"));
  for (const char* stays : {"proc", "sys", "dev"}) EXPECT_TRUE(exists(stays)) << stays;
}

TEST_F(RootFilesystemTest, MountPointsThatTheProgramUsedStay) {
  ProcessSpec spec = shell("touch /mnt/mine /etc/mine");
  spec.mounts.push_back(Tmpfs{.target = "/mnt/deep", .size = 0, .mode = 0755});
  const timespec etc = mtime(root_ + "/etc");
  output(spec);
  EXPECT_TRUE(exists("mnt/mine"));
  EXPECT_FALSE(exists("mnt/deep"));
  const timespec now = mtime(root_ + "/etc");
  EXPECT_TRUE(now.tv_sec != etc.tv_sec || now.tv_nsec != etc.tv_nsec);
}

TEST_F(RootFilesystemTest, FilesThatWereThereAreKept) {
  write("etc/hosts", "mine\n");
  write("etc/empty", "");
  ProcessSpec spec = shell("true");
  spec.mounts.push_back(Bind{.source = "/dev/null", .target = "/etc/empty", .read_only = true});
  output(spec);
  std::ifstream hosts(root_ + "/etc/hosts");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(hosts)), {}), "mine\n");
  EXPECT_TRUE(exists("etc/empty"));
}

TEST_F(RootFilesystemTest, StubsAreRemovedWhenTheSandboxCantStart) {
  ProcessSpec spec = shell("true");
  spec.mounts.push_back(Bind{.source = base_ + "/missing", .target = "/mnt", .read_only = true});
  Outcome outcome;
  ASSERT_FALSE(try_run(spec, outcome));
  EXPECT_FALSE(exists("etc/hosts"));
}

TEST_F(RootFilesystemTest, LinksNeverLeadAMountOutOfTheRoot) {
  const std::string victim = outside("victim");
  std::filesystem::create_symlink(victim, root_ + "/absolute");
  std::filesystem::create_symlink("../../../../../.." + victim, root_ + "/opt/relative");
  std::filesystem::create_symlink("/absolute/below", root_ + "/chain");
  write("../data/file", "text");
  ProcessSpec spec = shell("cat /absolute/a/file /opt/relative/b/file /chain/file");
  for (const char* target : {"/absolute/a", "/opt/relative/b", "/chain", "/../../../../up"})
    spec.mounts.push_back(Bind{.source = base_ + "/data", .target = target, .read_only = true});
  EXPECT_EQ(output(spec), "texttexttext");
  EXPECT_TRUE(std::filesystem::is_empty(victim));
  EXPECT_FALSE(std::filesystem::exists("/up"));
  EXPECT_FALSE(
      exists("tmp/" + base_.substr(5)));  // what the links meant, inside the root, is removed again
}

TEST_F(RootFilesystemTest, LinkLoopIsAnErrorThatNamesThePath) {
  std::filesystem::create_symlink("loop", root_ + "/loop");
  ProcessSpec spec = shell("true");
  spec.mounts.push_back(Tmpfs{.target = "/loop/x", .size = 0, .mode = 0755});
  Outcome outcome;
  const auto status = try_run(spec, outcome);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().where, "/loop/x");
  EXPECT_EQ(status.error().kind, ErrorKind::kUsage);
}

TEST_F(RootFilesystemTest, BindMountsAreReadOnlyOrWritableAsAsked) {
  const std::string source = outside("data");
  ProcessSpec spec = shell("touch /rw/made; touch /ro/denied");
  spec.mounts.push_back(Bind{.source = source, .target = "/rw", .read_only = false});
  spec.mounts.push_back(Bind{.source = source, .target = "/ro", .read_only = true});
  const Outcome outcome = run(spec);
  EXPECT_NE(outcome.err.find("Read-only file system"), std::string::npos) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(source + "/made"));
  EXPECT_FALSE(std::filesystem::exists(source + "/denied"));
}

TEST_F(RootFilesystemTest, LaterMountsAreMadeInsideEarlierOnes) {
  const std::string source = outside("data");
  ProcessSpec spec = shell("stat -fc %T /a/b/c; stat -c %a /a/b/c");
  spec.mounts.push_back(Bind{.source = source, .target = "/a/b", .read_only = false});
  spec.mounts.push_back(Tmpfs{.target = "/a/b/c", .size = 1 << 20, .mode = 0700});
  EXPECT_EQ(output(spec), "tmpfs\n700");
  EXPECT_TRUE(std::filesystem::is_empty(source));
}

// As runc mounts what BuildKit asks for: programs read the first column of /proc/mounts as well.
TEST_F(RootFilesystemTest, MountsNameTheirSources) {
  ProcessSpec spec = shell(
      "while read -r what where type options; do case $where in "
      "/proc|/dev|/dev/pts|/dev/shm|/dev/mqueue|/t) echo \"$what $where $type\";; esac; done </proc/mounts "
      "| sort");
  spec.mounts.push_back(Tmpfs{.target = "/t", .size = 0, .mode = 01777});
  EXPECT_EQ(output(spec),
            "devpts /dev/pts devpts\nmqueue /dev/mqueue mqueue\nproc /proc proc\nshm /dev/shm tmpfs\n"
            "tmpfs /dev tmpfs\ntmpfs /t tmpfs");
}

TEST_F(RootFilesystemTest, OwnMountOnShmTakesItsPlace) {
  ProcessSpec spec = shell("grep -c ' /dev/shm ' /proc/mounts; grep ' /dev/shm ' /proc/mounts");
  spec.mounts.push_back(Tmpfs{.target = "/dev/shm", .size = 1 << 20, .mode = 01777});
  const std::string seen = output(spec);
  EXPECT_TRUE(seen.starts_with("1\ntmpfs /dev/shm tmpfs ")) << seen;
  EXPECT_NE(seen.find("nosuid"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("noexec"), std::string::npos) << seen << ": BuildKit's tmpfs mounts run programs";
  EXPECT_EQ(seen.find("nodev"), std::string::npos) << seen;
}

TEST_F(RootFilesystemTest, TmpfsHasTheSizeAsked) {
  ProcessSpec spec = shell("head -c 2000000 /dev/zero > /t/f");
  spec.mounts.push_back(Tmpfs{.target = "/t", .size = 1 << 20, .mode = 01777});
  const Outcome outcome = run(spec);
  EXPECT_NE(outcome.err.find("No space left"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pgstrata::sandbox
