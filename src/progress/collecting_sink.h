// A sink for tests: keeps every event as one line of text.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "progress/event.h"

namespace pgstrata::progress {

/// "declared 0 [1/2] FROM a line 1", "started 0", "output 0 stderr text", "finished 0 hit: reason",
/// "warning text", "check RULE: text (line N)", "built", "error what", "cancelled". Seconds are left out,
/// they are never the same.
class CollectingSink final : public Sink {
 public:
  void step_declared(const Step& step) override;
  void step_started(StepId id) override;
  void step_output(StepId id, Stream stream, std::string_view chunk) override;
  void step_finished(StepId id, const StepResult& result) override;
  void message(Level level, std::string_view text) override;
  void check_warning(const CheckWarning& warning) override;
  void build_finished(const BuildResult& result, double seconds) override;
  void suspend() override;

  [[nodiscard]] std::vector<std::string> events() const;

 private:
  void add(std::string event);

  mutable std::mutex mutex_;
  std::vector<std::string> events_;
};

}  // namespace pgstrata::progress
