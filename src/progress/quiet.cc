#include "progress/quiet.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::progress {
namespace {

constexpr std::size_t kLinesOfAFailure = 20;

class QuietSink final : public Sink {
 public:
  explicit QuietSink(Output& output) : output_(output) {}

  void step_declared(const Step& step) override {
    const std::lock_guard lock(mutex_);
    names_[step.id] = step.name;
  }
  void step_started(StepId) override {}
  void step_output(StepId id, Stream, std::string_view chunk) override {
    const std::lock_guard lock(mutex_);
    running_.try_emplace(id, kLinesOfAFailure).first->second.add(chunk);
  }
  void step_finished(StepId id, const StepResult& result) override {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<Failed>(result.outcome)) {
      failed_ = id;
    } else {
      running_.erase(id);
    }
  }
  void message(Level level, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    if (level == Level::kWarning) output_.write(fmt::format("warning: {}\n", text));
  }
  void check_warning(const CheckWarning&) override {}  // as buildx: --check tells
  void build_finished(const BuildResult& result, double) override {
    const std::lock_guard lock(mutex_);
    const auto* error = std::get_if<Error>(&result);
    if (error == nullptr) return;
    std::string text;
    const auto tail = failed_ ? running_.find(*failed_) : running_.end();
    if (tail != running_.end()) {
      text += fmt::format("------\n > {}:\n", sanitize(names_[*failed_]));
      for (const std::string& line : tail->second.lines()) text += line + "\n";
      text += "------\n";
    }
    output_.write(text + describe(*error));
  }

 private:
  Output& output_;
  std::mutex mutex_;
  std::map<StepId, std::string> names_;
  std::map<StepId, Tail> running_;
  std::optional<StepId> failed_;
};

}  // namespace

std::unique_ptr<Sink> make_quiet_sink(Output& output) { return std::make_unique<QuietSink>(output); }

}  // namespace pgstrata::progress
