#include "progress/tty.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace pgstrata::progress {
namespace {

constexpr std::chrono::duration<double> kFirstFrameAfter{0.1};
// A little under the tenth of a second at which the thread wakes, or every second wake-up would come too
// early.
constexpr std::chrono::duration<double> kBetweenFrames{0.095};
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::size_t kWindow = 6;
constexpr std::size_t kLinesOfAFailure = 40;
/// Reused steps of one reason: so many get a line each, more share one.
constexpr std::size_t kSingleReused = 3;

/// Lines of text without their newlines.
std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(sanitize(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

TtySink::State::State() : window(kWindow), tail(kLinesOfAFailure) {}

TtySink::TtySink(Output& output, const Clock& clock, Style style, Ticking ticking)
    : output_(output), clock_(clock), style_(style), ticking_(ticking), region_(style) {}

TtySink::~TtySink() { restore(); }

void TtySink::step_declared(const Step& step) {
  const std::lock_guard lock(mutex_);
  State& state = steps_[step.id];
  state.step = step;
  state.step.name = sanitize(step.name);
}

void TtySink::step_started(StepId id) {
  {
    const std::lock_guard lock(mutex_);
    const Time now = clock_.now();
    steps_[id].started = now;
    running_.push_back(id);
    if (!first_start_) first_start_ = now;
  }
  if (ticking_ == Ticking::kOwnThread) start_thread();
}

void TtySink::step_output(StepId id, Stream, std::string_view chunk) {
  const std::lock_guard lock(mutex_);
  State& state = steps_[id];
  state.window.add(chunk);
  state.tail.add(chunk);
}

void TtySink::step_finished(StepId id, const StepResult& result) {
  const std::lock_guard lock(mutex_);
  State& state = steps_[id];
  state.started.reset();
  std::erase(running_, id);
  counts_.add(result.outcome);
  if (std::holds_alternative<Failed>(result.outcome)) failed_ = id;
  if (is_reused(result.outcome)) {
    if (result.reason != reused_reason_) flush_reused();
    reused_reason_ = result.reason;
    reused_names_.push_back(state.step.name);
    return;
  }
  flush_reused();
  scrolled_.push_back({finished_line(state, result)});
  // Only a failed step's output is still of use.
  if (failed_ != id) state.tail = Tail(kLinesOfAFailure);
  state.window = Tail(kWindow);
}

void TtySink::message(Level level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  flush_reused();
  const bool warns = level == Level::kWarning;
  for (std::string& line : split_lines(text)) {
    Line out;
    if (warns) out.push_back({"warning: ", Look::kYellow});
    out.push_back({std::move(line), Look::kPlain});
    scrolled_.push_back({std::move(out), false});
  }
}

void TtySink::check_warning(const CheckWarning& warning) {
  const std::lock_guard lock(mutex_);
  warnings_.push_back(warning);
}

void TtySink::build_finished(const BuildResult& result, double seconds) {
  stop_thread();
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    const auto* error = std::get_if<Error>(&result);
    // A build too short for a frame has nothing to say but how it ended, and what it warned of.
    if (last_frame_ || error != nullptr) {
      flush_reused();
    } else {
      std::erase_if(scrolled_, [](const Finished& finished) { return finished.is_step; });
    }
    for (std::string& line : split_lines(warnings_found(warnings_)))
      scrolled_.push_back({{{std::move(line), Look::kYellow}}, false});
    if (error != nullptr)
      for (Line& line : failure_lines(*error)) scrolled_.push_back({std::move(line), false});
    const Look look = std::holds_alternative<Built>(result) ? Look::kGreen : Look::kRed;
    const std::string text = summary(result, counts_, seconds);
    const auto colon = text.find(':');
    scrolled_.push_back({{{text.substr(0, colon), look}, {text.substr(colon), Look::kPlain}}, false});
  }
  draw(false);
  const std::lock_guard lock(mutex_);
  done_ = true;
}

void TtySink::suspend() { stop_thread(); }

void TtySink::restore() {
  stop_thread();
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(done_, true) || !last_frame_) return;
    flush_reused();
  }
  draw(false);
}

void TtySink::tick() {
  {
    const std::lock_guard lock(mutex_);
    if (done_ || !is_due(clock_.now())) return;
  }
  draw(true);
}

bool TtySink::is_due(Time now) const {
  if (!first_start_ || now - *first_start_ < kFirstFrameAfter) return false;
  return !last_frame_ || now - *last_frame_ >= kBetweenFrames;
}

void TtySink::start_thread() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable() || done_) return;
  stopping_ = false;
  // Signals are for the threads that know what to do with them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run_thread(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void TtySink::stop_thread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TtySink::run_thread() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kTick, [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    tick();
    lock.lock();
  }
}

/// The frame is made under the lock, but written without it: a terminal that doesn't take it (Ctrl-S) must
/// not stop the build.
void TtySink::draw(bool with_live) {
  const Size size = output_.size();
  std::string frame;
  {
    const std::lock_guard lock(mutex_);
    const Time now = clock_.now();
    if (with_live) {
      flush_reused();
      last_frame_ = now;
    }
    std::vector<Line> scrolled;
    for (Finished& finished : std::exchange(scrolled_, {})) scrolled.push_back(std::move(finished.line));
    frame = region_.frame(scrolled, with_live ? live_lines(now, size) : std::vector<Line>{}, size);
  }
  output_.write(frame);
}

void TtySink::flush_reused() {
  if (reused_names_.empty()) return;
  const auto add = [this](const std::string& name) {
    Line line{{symbol("✓", "+"), Look::kGreen}, {" reused " + name, Look::kDim}};
    if (!reused_reason_.empty()) line.push_back({"  " + sanitize(reused_reason_), Look::kDim});
    scrolled_.push_back({std::move(line)});
  };
  if (reused_names_.size() <= kSingleReused) {
    for (const std::string& name : reused_names_) add(name);
  } else {
    add(fmt::format("{} and {} more", reused_names_.front(), reused_names_.size() - 1));
  }
  reused_names_.clear();
}

std::string TtySink::symbol(std::string_view unicode, std::string_view ascii) const {
  return std::string(style_.unicode ? unicode : ascii);
}

Line TtySink::finished_line(const State& state, const StepResult& result) const {
  const std::string time = fmt::format(" {:>6} ", short_duration(result.seconds));
  if (const auto* failed = std::get_if<Failed>(&result.outcome))
    return {{symbol("✗", "x"), Look::kRed},
            {time + state.step.name},
            {"  " + sanitize(failed->message), Look::kRed}};
  if (std::holds_alternative<Cancelled>(result.outcome))
    return {{symbol("–", "-"), Look::kYellow}, {time + state.step.name}, {"  cancelled", Look::kDim}};
  Line line{{symbol("✓", "+"), Look::kGreen}, {time + state.step.name}};
  std::string why = std::holds_alternative<CutOff>(result.outcome) ? "nothing changed" : "";
  if (!result.reason.empty()) why += (why.empty() ? "" : ": ") + sanitize(result.reason);
  if (!why.empty()) line.push_back({"  " + why, Look::kDim});
  return line;
}

std::vector<Line> TtySink::live_lines(Time now, Size size) const {
  std::vector<Line> lines;
  // The last row is the cursor's, the one above the summary's; each running step has one, the rest is for
  // their windows.
  const std::size_t rows = size.rows > 2 ? size.rows - 2 : 1;
  const std::size_t shown = std::min(running_.size(), rows);
  const std::size_t window = shown == 0 ? 0 : std::min(kWindow, (rows - shown) / shown);
  // Steps that started last are left out: a person has seen the others already.
  for (std::size_t i = 0; i < shown; ++i) add_running(steps_.at(running_[i]), now, window, lines);
  std::string text = fmt::format("{}  {}", duration((now - *first_start_).count()),
                                 counts_.finished() > 0 ? counts_.text() + ", " : "");
  text += fmt::format("{} running", running_.size());
  if (shown < running_.size()) text += fmt::format(" ({} not shown)", running_.size() - shown);
  lines.push_back({{text, Look::kBold}});
  return lines;
}

void TtySink::add_running(const State& state, Time now, std::size_t lines, std::vector<Line>& out) const {
  constexpr std::array<std::string_view, 10> kSpinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  constexpr std::string_view kAsciiSpinner = "|/-\\";
  const double seconds = (now - *state.started).count();
  const auto beat = static_cast<std::size_t>(std::max(seconds, 0.0) * 10);
  out.push_back(
      {{symbol(kSpinner[beat % kSpinner.size()], kAsciiSpinner.substr(beat % kAsciiSpinner.size(), 1)),
        Look::kYellow},
       {fmt::format(" {:>6} {}", short_duration(seconds), state.step.name)}});
  auto window = state.window.lines();
  while (window.size() > lines) window.pop_front();
  for (const std::string& line : window)
    out.push_back({{"         " + symbol("│ ", "| ") + line, Look::kDim}});
}

std::vector<Line> TtySink::failure_lines(const Error& error) const {
  std::vector<Line> lines;
  if (failed_) {
    const State& state = steps_.at(*failed_);
    const auto output = state.tail.lines();
    if (!output.empty()) {
      std::string title = "output of " + state.step.name;
      if (state.tail.dropped() > 0) title += fmt::format(" (the last {} lines)", output.size());
      lines.push_back({{title + ":", Look::kBold}});
      for (const std::string& line : output) lines.push_back({{"  " + line}});
    }
  }
  for (std::string& line : split_lines(describe(error))) lines.push_back({{std::move(line)}});
  return lines;
}

}  // namespace pgstrata::progress
