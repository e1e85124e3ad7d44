#include "progress/plain.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <mutex>
#include <optional>

#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::progress {
namespace {

constexpr std::size_t kLinesOfAFailure = 20;
constexpr std::size_t kLongestLine = 65536;  // what never ends its line is shown in pieces

class PlainSink final : public Sink {
 public:
  PlainSink(Output& output, const Clock& clock) : output_(output), clock_(clock) {}

  void step_declared(const Step& step) override {
    const std::lock_guard lock(mutex_);
    steps_[step.id].step = step;
  }

  void step_started(StepId id) override {
    const std::lock_guard lock(mutex_);
    steps_[id].started = clock_.now();
    std::string text;
    turn_to(id, text);
    output_.write(text);
  }

  void step_output(StepId id, Stream, std::string_view chunk) override {
    const std::lock_guard lock(mutex_);
    State& state = steps_[id];
    state.tail.add(chunk);
    state.rest.append(chunk);
    std::string text;
    std::string_view rest = state.rest;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      add_line(id, state, rest.substr(0, end), text);
      rest.remove_prefix(end + 1);
    }
    if (rest.size() > kLongestLine) {
      add_line(id, state, rest, text);
      rest = {};
    }
    state.rest.erase(0, state.rest.size() - rest.size());
    if (!text.empty()) output_.write(text);
  }

  void step_finished(StepId id, const StepResult& result) override {
    const std::lock_guard lock(mutex_);
    State& state = steps_[id];
    counts_.add(result.outcome);
    std::string text;
    if (!state.rest.empty()) add_line(id, state, state.rest, text);
    state.rest.clear();
    turn_to(id, text);
    text += fmt::format("#{} {}\n", id + 1, ending(result));
    last_.reset();
    if (std::holds_alternative<Failed>(result.outcome)) failed_ = id;
    output_.write(text);
  }

  void message(Level level, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    output_.write(fmt::format("{}{}\n", level == Level::kWarning ? "warning: " : "", text));
  }

  void check_warning(const CheckWarning& warning) override {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(warning);
  }

  void build_finished(const BuildResult& result, double seconds) override {
    const std::lock_guard lock(mutex_);
    std::string text = wrote_steps_ ? "\n" : "";
    text += warnings_found(warnings_);
    if (const auto* error = std::get_if<Error>(&result)) {
      if (failed_) add_failure(steps_[*failed_], text);
      text += describe(*error);
    }
    output_.write(text + summary(result, counts_, seconds) + "\n");
  }

 private:
  struct State {
    Step step;
    std::chrono::duration<double> started{};
    Tail tail{kLinesOfAFailure};
    std::string rest;  ///< a line without its end
    bool has_header = false;
  };

  static std::string ending(const StepResult& result) {
    const std::string why = result.reason.empty() ? "" : fmt::format(" ({})", result.reason);
    if (is_reused(result.outcome)) return "CACHED" + why;
    if (const auto* failed = std::get_if<Failed>(&result.outcome)) return "ERROR: " + failed->message;
    if (std::holds_alternative<Cancelled>(result.outcome)) return "CANCELED";
    const char* same = std::holds_alternative<CutOff>(result.outcome) ? ", nothing changed" : "";
    return fmt::format("DONE {}{}{}", short_duration(result.seconds), same, why);
  }

  /// Says which step the next lines are of, if it isn't that of the line before.
  void turn_to(StepId id, std::string& text) {
    State& state = steps_[id];
    if (last_ == id) return;
    if (wrote_steps_) text += '\n';
    wrote_steps_ = true;
    last_ = id;
    if (!state.has_header) text += fmt::format("#{} {}\n", id + 1, sanitize(state.step.name));
    state.has_header = true;
  }

  void add_line(StepId id, const State& state, std::string_view line, std::string& text) {
    turn_to(id, text);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const double seconds = (clock_.now() - state.started).count();
    fmt::format_to(std::back_inserter(text), "#{} {:.3f} {}\n", id + 1, seconds, line);
  }

  static void add_failure(const State& state, std::string& text) {
    text += fmt::format("------\n > {}:\n", sanitize(state.step.name));
    for (const std::string& line : state.tail.lines()) text += line + "\n";
    text += "------\n";
  }

  Output& output_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<StepId, State> steps_;
  std::optional<StepId> last_;
  std::optional<StepId> failed_;
  std::vector<CheckWarning> warnings_;
  Counts counts_;
  bool wrote_steps_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_plain_sink(Output& output, const Clock& clock) {
  return std::make_unique<PlainSink>(output, clock);
}

}  // namespace pgstrata::progress
