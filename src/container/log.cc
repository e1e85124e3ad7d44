#include "container/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>

#include "oci/image_config.h"
#include "oci/json_fields.h"
#include "os/file.h"

namespace pgstrata::container {
namespace {

std::string now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return oci::format_time(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

/// Reads lines from a growing file.
class Lines {
 public:
  explicit Lines(int fd) : fd_(fd) {}

  /// The next complete line, without its newline; nothing at the end of what is there.
  std::optional<std::string> next() {
    for (;;) {
      if (const size_t end = buffer_.find('\n', begin_); end != std::string::npos) {
        std::string line = buffer_.substr(begin_, end - begin_);
        begin_ = end + 1;
        return line;
      }
      buffer_.erase(0, begin_);
      begin_ = 0;
      std::array<char, 65536> piece;
      const ssize_t count = ::read(fd_, piece.data(), piece.size());
      if (count <= 0) return std::nullopt;
      buffer_.append(piece.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
  std::string buffer_;
  std::size_t begin_ = 0;
};

/// Waits until the file has grown or the process has ended; false in the latter case.
bool wait_for_more(int watch, int process) {
  std::array<pollfd, 2> fds = {pollfd{.fd = watch, .events = POLLIN, .revents = 0},
                               pollfd{.fd = process, .events = POLLIN, .revents = 0}};
  if (::poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
  if (fds[0].revents != 0) {
    std::array<char, 4096> events;
    static_cast<void>(!::read(watch, events.data(), events.size()));
    return true;
  }
  return fds[1].revents == 0;
}

}  // namespace

void LogWriter::write(os::Stream stream, std::string_view line) const {
  const nlohmann::json object = {
      {"time", now()}, {"stream", stream == os::Stream::kStdout ? "stdout" : "stderr"}, {"log", line}};
  const std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  static_cast<void>(os::write_all(file_.get(), text, "log"));
}

void LogWriter::add(os::Stream stream, std::string_view bytes) {
  std::string& rest = stream == os::Stream::kStdout ? out_ : err_;
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const size_t room = kLongestLogLine - rest.size();
    const size_t taken = std::min(newline == std::string_view::npos ? bytes.size() : newline + 1, room);
    rest += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (rest.back() != '\n' && rest.size() < kLongestLogLine) continue;
    write(stream, rest);
    rest.clear();
  }
}

void LogWriter::finish() {
  if (!out_.empty()) write(os::Stream::kStdout, std::exchange(out_, {}));
  if (!err_.empty()) write(os::Stream::kStderr, std::exchange(err_, {}));
}

std::optional<LogLine> parse_log_line(std::string_view json) {
  const auto object = oci::parse_object("log line", json);
  if (!object) return std::nullopt;
  LogLine line;
  std::string stream;
  oci::Fields fields("log line", *object);
  if (!fields.text("time", line.time).text("stream", stream).text("log", line.text).done())
    return std::nullopt;
  if (stream != "stdout" && stream != "stderr") return std::nullopt;
  line.stream = stream == "stdout" ? os::Stream::kStdout : os::Stream::kStderr;
  return line;
}

Result<void> read_log(const std::string& path, const LogQuery& query,
                      const std::function<bool(const LogLine&)>& sink) {
  // The watch and the process are opened before the first read, so that nothing falls in between.
  const os::Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return fail(system_error("can't watch the log", path));
  const os::Fd file = TRY(os::open(path, O_RDONLY));
  static_cast<void>(::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY));
  auto process = query.follow ? open_process(*query.follow) : std::nullopt;

  Lines lines(file.get());
  std::deque<std::string> kept;
  while (auto line = lines.next()) {
    kept.push_back(std::move(*line));
    if (query.tail && kept.size() > *query.tail) kept.pop_front();
    if (query.tail) continue;
    const auto parsed = parse_log_line(kept.front());
    kept.pop_front();
    if (parsed && !sink(*parsed)) return {};
  }
  const auto emit = [&](const std::string& text) {
    const auto parsed = parse_log_line(text);
    return !parsed || sink(*parsed);
  };
  for (const std::string& line : kept)
    if (!emit(line)) return {};
  for (bool alive = process.has_value(); process.has_value();) {
    while (const auto line = lines.next())
      if (!emit(*line)) return {};
    if (!alive) return {};
    alive = wait_for_more(watch.get(), process->get());
  }
  return {};
}

}  // namespace pgstrata::container
