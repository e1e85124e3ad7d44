#include "sandbox/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>
#include <thread>

#include "os/fd.h"
#include "sandbox/supervisor.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::sandbox {
namespace {

constexpr size_t kPieceSize = 64 << 10;  ///< the default capacity of a pipe

/// The reading end of one of the program's streams.
struct Source {
  Stream stream;
  os::Fd read;
};

Result<os::Fd> open_stream(os::Fd& read) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("can't create a pipe", ""));
  read.reset(ends[0]);
  os::Fd write(ends[1]);
  if (::fcntl(read.get(), F_SETFL, O_NONBLOCK) != 0) return fail(system_error("can't set up a pipe", ""));
  return write;
}

/// Hands on what can be read now; forgets a source that has ended.
void drain(Source& source, std::vector<char>& buffer, const OutputSink& output) {
  while (source.read) {
    const ssize_t size = ::read(source.read.get(), buffer.data(), buffer.size());
    if (size > 0)
      output(source.stream, {buffer.data(), static_cast<size_t>(size)});
    else if (size == 0)
      source.read.reset();
    else if (errno != EINTR)
      return;
    if (size > 0 && static_cast<size_t>(size) < buffer.size()) return;  // leave a turn to the other stream
  }
}

/// Streams until `ended` is readable, and then what is left. End of file alone doesn't count: a copy of
/// a pipe may live on elsewhere (passed through a socket), while every process of the sandbox is gone.
void pump(std::array<Source, 2>& sources, int ended, const OutputSink& output) {
  std::vector<char> buffer(kPieceSize);
  std::array<pollfd, 3> polls{};
  while (polls[2].revents == 0) {
    for (size_t i = 0; i < sources.size(); ++i)
      polls[i] = {.fd = sources[i].read.get(), .events = POLLIN, .revents = 0};  // -1 is left out by poll
    polls[2] = {.fd = ended, .events = POLLIN, .revents = 0};
    if (::poll(polls.data(), polls.size(), -1) < 0) {
      polls[2].revents = 0;
      continue;
    }
    for (size_t i = 0; i < sources.size(); ++i)
      if (polls[i].revents != 0) drain(sources[i], buffer, output);
  }
  for (Source& source : sources) {
    // A short read isn't the end: drain() stops after one so as to take turns.
    pollfd left{.fd = source.read.get(), .events = POLLIN, .revents = 0};
    while (source.read && ::poll(&left, 1, 0) > 0) drain(source, buffer, output);
  }
}

void raise_event(int event) {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event, &one, sizeof one));
}

Result<os::Fd> make_event() {
  os::Fd event(::eventfd(0, EFD_CLOEXEC));
  if (!event) return fail(system_error("can't create an event descriptor", ""));
  return event;
}

Result<void> check_ids(const ProcessSpec& spec) {
  bool only_root = spec.uid == 0 && spec.gid == 0;
  for (const std::uint32_t group : spec.groups) only_root = only_root && group == 0;
  if (only_root) return {};
  if (auto missing = missing_ids()) return fail(std::move(*missing));
  return {};
}

class SystemLauncher final : public Launcher {
 public:
  Result<Ended> run(const ProcessSpec& spec, const OutputSink& output, std::stop_token stop) override {
    TRY_VOID(check_ids(spec));
    const os::Fd stop_event = TRY(make_event());
    const os::Fd ended = TRY(make_event());
    std::array<Source, 2> sources{Source{Stream::kStdout, {}}, Source{Stream::kStderr, {}}};
    Channels channels;
    channels.stdout_write = TRY(open_stream(sources[0].read));
    channels.stderr_write = TRY(open_stream(sources[1].read));
    channels.stop = os::Fd(::fcntl(stop_event.get(), F_DUPFD_CLOEXEC, 3));
    if (!channels.stop) return fail(system_error("can't duplicate a descriptor", ""));

    std::optional<Result<Ended>> result;
    std::thread supervisor;
    try {
      supervisor = std::thread([&] {
        result = supervise(spec, std::move(channels));
        raise_event(ended.get());
      });
    } catch (const std::system_error& error) {
      return fail({.kind = ErrorKind::kMachine, .what = "can't start a thread", .why = error.what()});
    }
    {
      const std::stop_callback on_stop(stop, [&stop_event] { raise_event(stop_event.get()); });
      pump(sources, ended.get(), output);
    }
    supervisor.join();
    return std::move(*result);
  }
};

}  // namespace

Launcher& system_launcher() {
  static SystemLauncher launcher;
  return launcher;
}

}  // namespace pgstrata::sandbox
