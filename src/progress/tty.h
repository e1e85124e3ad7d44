// --progress=tty: what runs, live, with the end of its output; what is done, above it.
//
//   ✓ reused [build 1/5] FROM debian:bookworm   same instruction and inputs
//   ✓   3.2s [build 2/5] RUN apt-get install …
//   ⠹   1.4s [build 3/5] RUN make
//            │ cc -c a.c
//   4.7s  1 reused, 1 new, 1 running
//
// At most ten frames a second, each one write; the size is asked for every frame. The first frame comes 100
// ms after the first step began to run: a shorter build shows its last line only. Until then nothing is
// done but note events, and there is no thread: it starts with the first step_started().
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "progress/event.h"
#include "progress/live_region.h"
#include "progress/output.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::progress {

class TtySink final : public Sink {
 public:
  enum class Ticking { kOwnThread, kByCaller };

  /// `output` and `clock` must outlive it.
  TtySink(Output& output, const Clock& clock, Style style, Ticking ticking);
  /// Leaves the terminal as restore() does.
  ~TtySink() override;

  void step_declared(const Step& step) override;
  void step_started(StepId id) override;
  void step_output(StepId id, Stream stream, std::string_view chunk) override;
  void step_finished(StepId id, const StepResult& result) override;
  void message(Level level, std::string_view text) override;
  void check_warning(const CheckWarning& warning) override;
  void build_finished(const BuildResult& result, double seconds) override;
  void suspend() override;

  /// Draws a frame if one is due. For Ticking::kByCaller; calls must not overlap.
  void tick();
  /// Takes the live lines away and keeps the finished ones; draws nothing any more. For an end without
  /// build_finished(). Takes locks: not for a signal handler (which needs nothing: the cursor is never
  /// hidden).
  void restore();

 private:
  using Time = std::chrono::duration<double>;
  /// A finished line that isn't on the screen yet.
  struct Finished {
    Line line;
    bool is_step = true;  ///< else a message
  };
  struct State {
    Step step;
    std::optional<Time> started;  ///< while it runs
    Tail window;                  ///< the lines below a running step
    Tail tail;                    ///< the lines shown if it fails
    State();
  };

  void start_thread();
  void stop_thread();
  void run_thread();
  [[nodiscard]] bool is_due(Time now) const;
  void draw(bool with_live);
  void flush_reused();
  [[nodiscard]] std::vector<Line> live_lines(Time now, Size size) const;
  void add_running(const State& state, Time now, std::size_t lines, std::vector<Line>& out) const;
  [[nodiscard]] Line finished_line(const State& state, const StepResult& result) const;
  [[nodiscard]] std::vector<Line> failure_lines(const Error& error) const;
  [[nodiscard]] std::string symbol(std::string_view unicode, std::string_view ascii) const;

  Output& output_;
  const Clock& clock_;
  const Style style_;
  const Ticking ticking_;

  std::mutex mutex_;  ///< guards all below but region_, output_ and thread_
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<StepId, State> steps_;
  std::vector<StepId> running_;  ///< in the order they started
  std::vector<Finished> scrolled_;
  std::string reused_reason_;  ///< reused steps that may become one line, if they have one reason
  std::vector<std::string> reused_names_;
  std::optional<StepId> failed_;
  std::optional<Time> first_start_;
  std::optional<Time> last_frame_;
  std::vector<CheckWarning> warnings_;
  Counts counts_;
  bool done_ = false;

  LiveRegion region_;  ///< of the one thread that draws: the ticking one, or after it the finishing one
  std::thread thread_;
};

}  // namespace pgstrata::progress
