#include "trace/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "filetree/entry.h"
#include "trace/requests.h"

namespace pgstrata::trace {
namespace {

using Clock = std::chrono::steady_clock;

/// For so long a thread looks for the next request before it sleeps. Who got an answer mostly asks again at
/// once (a walk through the tree has three requests for each file), and to wake a processor that went to
/// sleep, above all one of a virtual machine, takes longer than to answer.
constexpr std::chrono::microseconds kPatience{25};

/// Waits for a request (one waiter is woken for each) or for the end.
Result<os::Fd> make_events(int connection, int stop) {
  os::Fd events(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event request{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.fd = connection}};
  epoll_event end{.events = EPOLLIN, .data = {.fd = stop}};
  if (!events || ::epoll_ctl(events.get(), EPOLL_CTL_ADD, connection, &request) != 0 ||
      ::epoll_ctl(events.get(), EPOLL_CTL_ADD, stop, &end) != 0)
    return pgstrata::fail(system_error("can't wait for questions about the layers", ""));
  return events;
}

/// Gives the calling thread, and those that it starts, a table of descriptors of their own, with these and
/// the standard streams in it.
Result<void> keep_only(std::array<int, 3> kept) {
  if (::unshare(CLONE_FILES) != 0)
    return pgstrata::fail(system_error("can't separate the recorder's descriptors", ""));
  std::sort(kept.begin(), kept.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int fd : kept) {
    const auto at = static_cast<unsigned>(fd);
    if (at > first) ::close_range(first, at - 1, 0);
    first = at + 1;
  }
  ::close_range(first, ~0U, 0);
  return {};
}

/// What libfuse has to say would go to stderr.
void keep_quiet(fuse_log_level /*level*/, const char* /*format*/, va_list /*arguments*/) {}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(os::Fd connection, os::Fd source, const RecordingSpec& spec) {
  std::unique_ptr<Server> server(new Server(spec));
  server->stop_ = os::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int flags = ::fcntl(connection.get(), F_GETFL);
  if (!server->stop_ || flags < 0 || ::fcntl(connection.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return pgstrata::fail(system_error("can't set up the recording of what steps read", ""));
  std::promise<Result<void>> started;
  std::future<Result<void>> begun = started.get_future();
  server->first_ =
      std::thread(&Server::live, server.get(), connection.get(), source.get(), std::move(started));
  TRY_VOID(begun.get());
  return server;
}

void Server::live(int connection, int source, std::promise<Result<void>> started) {
  if (auto alone = keep_only({connection, source, stop_.get()}); !alone)
    return started.set_value(std::move(alone));
  if (auto opened = open_session(connection); !opened) return started.set_value(std::move(opened));
  source_.emplace(os::Fd(source), nodes_);
  serving_ = thread_count_;
  started.set_value({});
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < thread_count_; ++i) others.emplace_back([this] { serve(); });
    serve();
  }
  source_.reset();
}

Result<void> Server::open_session(int connection) {
  ::fuse_set_log_func(keep_quiet);
  std::array<char, 9> name{"pgstrata"};
  std::array<char*, 1> argv{name.data()};
  fuse_args arguments = FUSE_ARGS_INIT(1, argv.data());
  session_ = ::fuse_session_new(&arguments, &operations(), sizeof(fuse_lowlevel_ops), this);
  const std::string mounted = fmt::format("/dev/fd/{}", connection);
  if (session_ != nullptr && ::fuse_session_mount(session_, mounted.c_str()) == 0) return {};
  if (session_ != nullptr) ::fuse_session_destroy(std::exchange(session_, nullptr));
  return pgstrata::fail({.kind = ErrorKind::kMachine, .what = "can't serve a FUSE mount"});
}

void Server::stop() {
  if (!first_.joinable()) return;
  static_cast<void>(::eventfd_write(stop_.get(), 1));
  first_.join();
}

void Server::fail(Error error) {
  const std::scoped_lock lock(mutex_);
  if (!failure_) failure_ = std::move(error);
}

std::optional<Error> Server::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void Server::show_mtime(NodeId node, struct stat& status) const {
  if (!shown_mtime_) return;
  const std::int64_t own = filetree::to_nanoseconds(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  const std::int64_t shown = shown_mtime_(nodes_.path(node), own);
  if (shown == own) return;  // which need not be a time that 64 bits of nanoseconds can hold
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t fraction = (shown % kSecond + kSecond) % kSecond;  // also of times before 1970
  status.st_mtim = {.tv_sec = (shown - fraction) / kSecond, .tv_nsec = fraction};
}

void Server::leave() {
  // A thread that ended on its own takes the others with it: half a server would only be slow.
  static_cast<void>(::eventfd_write(stop_.get(), 1));
  if (serving_.fetch_sub(1) == 1) ::fuse_session_destroy(std::exchange(session_, nullptr));
}

bool Server::wait(const os::Fd& events) const {
  std::array<epoll_event, 2> found{};
  int count = 0;
  do count = ::epoll_wait(events.get(), found.data(), found.size(), -1);
  while (count < 0 && errno == EINTR);
  for (int i = 0; i < count; ++i)
    if (found[static_cast<std::size_t>(i)].data.fd == stop_.get()) return false;
  return count > 0;
}

void Server::serve() {
  if (const auto events = make_events(::fuse_session_fd(session_), stop_.get()))
    answer_all(*events);
  else
    fail(events.error());
  leave();
}

void Server::answer_all(const os::Fd& events) {
  fuse_buf request{};
  auto patient_until = Clock::now();
  while (true) {
    const int size = ::fuse_session_receive_buf(session_, &request);
    if (size > 0) {
      ::fuse_session_process_buf(session_, &request);
      patient_until = Clock::now() + kPatience;
    } else if (size == 0) {  // unmounted
      break;
    } else if (size == -EAGAIN) {
      if (Clock::now() >= patient_until && !wait(events)) break;
    } else if (size != -EINTR) {
      fail(system_error("can't read questions about the layers from /dev/fuse", "", -size));
      break;
    }
  }
  std::free(request.mem);
}

}  // namespace pgstrata::trace
