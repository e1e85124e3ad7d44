// What changes, links and runs files: each of them reads the lower in its own way.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstring>

#include "trace/test_step.h"

namespace pgstrata::trace {
namespace {

using os::Fd;
using ::testing::HasSubstr;
using testing::make_dir;
using testing::put;
using testing::read;
using testing::Step;
using testing::Who;
using Changes = testing::Recording;

INSTANTIATE_TEST_SUITE_P(As, Changes, ::testing::Values(Who::kRoot, Who::kUserNamespace), testing::name_of);

// Each of them copies the file up, and so its bytes into the step's layer.
TEST_P(Changes, CopyingUpReadsAll) {
  with_step([](Step& step) {
    for (const char* name : {"chmod", "chown", "append", "rename", "link", "utimes"}) put(step.lower(name));
    step.run([] {
      EXPECT_EQ(::chmod("chmod", 0600), 0);
      EXPECT_EQ(::chown("chown", 1, 1), 0);
      const Fd fd(::open("append", O_WRONLY | O_APPEND | O_CLOEXEC));
      EXPECT_EQ(::write(fd.get(), "+", 1), 1);
      EXPECT_EQ(::rename("rename", "renamed"), 0);
      EXPECT_EQ(::link("link", "linked"), 0);
      EXPECT_EQ(::utimensat(AT_FDCWD, "utimes", nullptr, 0), 0);
      EXPECT_EQ(read("append"), "text+");
      for (const char* name : {"chmod", "chown", "renamed", "linked", "utimes"})
        EXPECT_EQ(read(name), "text");
    });
    for (const char* name : {"chmod", "chown", "append", "rename", "link", "utimes"})
      EXPECT_EQ(step.asked(name), "KMCXr") << name;
  });
}

TEST_P(Changes, DeletingReadsNothing) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    put(step.lower("d/file"));
    put(step.lower("replaced"));
    step.run([] {
      EXPECT_EQ(::unlink("d/file"), 0);
      put("new");
      EXPECT_EQ(::rename("new", "replaced"), 0);
    });
    EXPECT_EQ(step.asked("d/file"), "K");
    EXPECT_EQ(step.asked("replaced"), "K");
  });
}

// Overlay copies the directory up, with the same question that a stat asks; and the step may see its time
// in the upper directory later, where nobody notes it.
TEST_P(Changes, ADirectoryThatIsChangedIsAskedForItsTimes) {
  with_step([](Step& step) {
    make_dir(step.lower("a"));
    make_dir(step.lower("a/b"));
    step.run([] { put("a/b/new"); });
    EXPECT_EQ(step.asked("a"), "KMLX");
    EXPECT_EQ(step.asked("a/b"), "KMLX");
  });
}

TEST_P(Changes, NamesOfOneFileAreAskedAsOne) {
  with_step([](Step& step) {
    put(step.lower("a"));
    for (const char* name : {"before", "after", "unseen"})
      ASSERT_EQ(::link(step.lower("a").c_str(), step.lower(name).c_str()), 0);
    put(step.lower("single"));
    step.run([] {
      EXPECT_EQ(::access("before", F_OK), 0);
      EXPECT_EQ(read("a"), "text");
      EXPECT_EQ(::access("after", F_OK), 0);
      struct stat a {};
      struct stat after {};
      EXPECT_EQ(::stat("a", &a) + ::stat("after", &after), 0);
      EXPECT_EQ(a.st_ino, after.st_ino);
      EXPECT_EQ(a.st_nlink, 4U);
      // A change breaks the link, as in every overlay without an index.
      EXPECT_EQ(::chmod("a", 0600), 0);
      EXPECT_EQ(::stat("after", &after), 0);
      EXPECT_EQ(after.st_mode & 07777, 0644U);
    });
    for (const char* name : {"a", "before", "after"}) EXPECT_EQ(step.asked(name), "KMCXr") << name;
    EXPECT_EQ(step.asked("unseen"), "");
    EXPECT_EQ(step.asked("single"), "");
  });
}

TEST_P(Changes, RunsStaticProgramsInAnotherRoot) {
  if (!os::exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
  with_step([](Step& step) {
    put(step.lower("busybox"), read("/bin/busybox"), 0755);
    put(step.lower("script"), "#!/busybox sh\n/busybox cat /data\n", 0755);
    put(step.lower("data"));
    put(step.lower("unread"));
    step.run([&] { EXPECT_EQ(step.exec({"/script"}), 0); });
    for (const char* name : {"script", "busybox", "data"})
      EXPECT_THAT(step.asked(name), HasSubstr("C")) << name;
    EXPECT_EQ(step.asked("unread"), "");
  });
}

/// Copies what the dynamic program at `path` needs (and itself) below the lower, at the same paths.
void copy_with_libraries(const Step& step, const std::string& path) {
  const std::string list = step.at("libraries");
  ASSERT_EQ(std::system(("{ ldd " + path + "; echo " + path + "; } | grep -o '/[^ ]*' >" + list).c_str()),
            0);
  const std::string all = read(list);
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = all.find('\n', from);
    const std::string file = all.substr(from, end - from);
    ASSERT_DONE(os::make_directories(step.lower(file.substr(1, file.rfind('/')))));
    put(step.lower(file.substr(1)), read(file), 0755);
    from = end + 1;
  }
}

TEST_P(Changes, RunsDynamicProgramsWithTheirInterpreter) {
  with_step([](Step& step) {
    ASSERT_NO_FATAL_FAILURE(copy_with_libraries(step, "/bin/true"));
    step.run([&] { EXPECT_EQ(step.exec({"/bin/true"}), 0); });
    EXPECT_THAT(step.asked("bin/true"), HasSubstr("C"));
    EXPECT_THAT(step.asked("lib64/ld-linux-x86-64.so.2"), HasSubstr("C"));
    EXPECT_EQ(step.asked("etc"), "A") << "looked for ld.so.cache";
  });
}

/// One openat and one read through a ring of its own: no system call names the file.
class Ring {
 public:
  Ring() {
    io_uring_params parameters{};
    fd_ = Fd(static_cast<int>(::syscall(SYS_io_uring_setup, 4, &parameters)));
    if (!fd_) return;
    const auto map = [&](std::size_t size, off_t offset) {
      return static_cast<char*>(
          ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(), offset));
    };
    requests_ = map(parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    results_ =
        map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    parameters_ = parameters;
  }
  [[nodiscard]] bool works() const { return static_cast<bool>(fd_); }

  int submit(const io_uring_sqe& entry) {
    std::memcpy(entries_, &entry, sizeof entry);
    unsigned& tail = at(requests_, parameters_.sq_off.tail);
    const unsigned mask = at(requests_, parameters_.sq_off.ring_mask);
    at(requests_, parameters_.sq_off.array + (tail & mask) * static_cast<unsigned>(sizeof(unsigned))) = 0;
    std::atomic_ref(tail).store(tail + 1, std::memory_order_release);
    ::syscall(SYS_io_uring_enter, fd_.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    unsigned& head = at(results_, parameters_.cq_off.head);
    io_uring_cqe result{};
    const std::size_t place = head & at(results_, parameters_.cq_off.ring_mask);
    std::memcpy(&result, results_ + parameters_.cq_off.cqes + place * sizeof result, sizeof result);
    std::atomic_ref(head).store(head + 1, std::memory_order_release);
    return result.res;
  }

 private:
  static unsigned& at(char* ring, unsigned offset) { return *reinterpret_cast<unsigned*>(ring + offset); }

  Fd fd_;
  io_uring_params parameters_{};
  char* requests_ = nullptr;
  char* results_ = nullptr;
  char* entries_ = nullptr;
};

TEST_P(Changes, ReadsThroughIoUring) {
  if (!Ring().works()) GTEST_SKIP() << "no io_uring here";
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    put(step.lower("d/file"));
    step.run([] {
      Ring ring;
      io_uring_sqe entry{};
      entry.opcode = IORING_OP_OPENAT;
      entry.fd = AT_FDCWD;
      entry.addr = reinterpret_cast<std::uintptr_t>("d/file");
      const Fd fd(ring.submit(entry));
      ASSERT_TRUE(fd);
      std::array<char, 8> text{};
      entry = {};
      entry.opcode = IORING_OP_READ;
      entry.fd = fd.get();
      entry.addr = reinterpret_cast<std::uintptr_t>(text.data());
      entry.len = text.size();
      EXPECT_EQ(ring.submit(entry), 4);
      EXPECT_EQ(std::string(text.data()), "text");
    });
    EXPECT_EQ(step.asked("d"), "K");
    EXPECT_THAT(step.asked("d/file"), HasSubstr("C"));
  });
}

// user::rw-, user 33: r--, group::---, mask::r--, other::---, as linux/posix_acl_xattr.h lays it out.
const std::string kAcl(
    "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\41\0\0\0\4\0\0\0\377\377\377\377"
    "\20\0\4\0\377\377\377\377\40\0\0\0\377\377\377\377",
    44);

/// Whether a user may read the file.
bool may_read(unsigned user, const std::string& path) {
  const pid_t pid = ::fork();
  if (pid == 0)
    ::_exit(::setresuid(user, user, user) == 0 && ::open(path.c_str(), O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

TEST_P(Changes, AclsAreObeyedAndCopiedUp) {
  with_step([](Step& step) {
    for (const char* name : {"file", "copied"}) {
      put(step.lower(name));
      ASSERT_EQ(
          ::setxattr(step.lower(name).c_str(), "system.posix_acl_access", kAcl.data(), kAcl.size(), 0), 0);
    }
    put(step.lower("other"));
    step.use_acls();
    step.run([] {
      EXPECT_TRUE(may_read(33, "file"));
      EXPECT_FALSE(may_read(34, "file"));
      EXPECT_EQ(::utimensat(AT_FDCWD, "copied", nullptr, 0), 0);
      EXPECT_TRUE(may_read(33, "copied"));
      EXPECT_FALSE(may_read(34, "copied"));
      EXPECT_EQ(::access("other", F_OK), 0);
    });
    EXPECT_EQ(step.asked("file"), "KMCX");
    EXPECT_EQ(step.asked("other"), "KMC") << "a look-up is a stat then";
  });
}

constexpr off_t kSize = (off_t{5} << 30) + 4;

TEST_P(Changes, HolesStayHoles) {
  with_step([](Step& step) {
    for (const char* name : {"searched", "copied"}) {
      put(step.lower(name), "head");
      const Fd fd(::open(step.lower(name).c_str(), O_WRONLY | O_CLOEXEC));
      ASSERT_EQ(::pwrite(fd.get(), "tail", 4, kSize - 4), 4);
    }
    step.run([] {
      const Fd fd(::open("searched", O_RDONLY | O_CLOEXEC));
      EXPECT_EQ(::lseek(fd.get(), 0, SEEK_DATA), 0);
      const off_t hole = ::lseek(fd.get(), 0, SEEK_HOLE);
      EXPECT_GT(hole, 0);
      EXPECT_LT(hole, 1 << 20);
      EXPECT_GT(::lseek(fd.get(), hole, SEEK_DATA), off_t{4} << 30);
      EXPECT_EQ(::lseek(fd.get(), kSize, SEEK_DATA), -1);
      EXPECT_EQ(errno, ENXIO);
      ASSERT_EQ(::chmod("copied", 0600), 0);
      struct stat status {};
      ASSERT_EQ(::stat("copied", &status), 0);
      EXPECT_EQ(status.st_size, kSize);
      EXPECT_LT(status.st_blocks, 10000) << "the hole was filled";
      const Fd copied(::open("copied", O_RDONLY | O_CLOEXEC));
      std::array<char, 8> text{};
      EXPECT_EQ(::pread(copied.get(), text.data(), 8, kSize - 4), 4);
      EXPECT_EQ(std::string(text.data()), "tail");
    });
    EXPECT_EQ(step.asked("searched"), "KCr");
    EXPECT_EQ(step.asked("copied"), "KMCXr");
  });
}

}  // namespace
}  // namespace pgstrata::trace
