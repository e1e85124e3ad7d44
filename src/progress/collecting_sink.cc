#include "progress/collecting_sink.h"

#include <fmt/format.h>

#include "progress/wording.h"

namespace pgstrata::progress {

void CollectingSink::step_declared(const Step& step) {
  add(fmt::format("declared {} {} line {}", step.id, step.name, step.line));
}

void CollectingSink::step_started(StepId id) { add(fmt::format("started {}", id)); }

void CollectingSink::step_output(StepId id, Stream stream, std::string_view chunk) {
  add(fmt::format("output {} {} {}", id, name_of(stream), chunk));
}

void CollectingSink::step_finished(StepId id, const StepResult& result) {
  const auto* failed = std::get_if<Failed>(&result.outcome);
  const std::string& why = failed != nullptr ? failed->message : result.reason;
  add(fmt::format("finished {} {}: {}", id, name_of(result.outcome), why));
}

void CollectingSink::message(Level level, std::string_view text) {
  add(fmt::format("{} {}", level == Level::kWarning ? "warning" : "info", text));
}

void CollectingSink::build_finished(const BuildResult& result, double) {
  const auto* error = std::get_if<Error>(&result);
  if (error != nullptr) return add("error " + error->what);
  add(std::holds_alternative<Built>(result) ? "built" : "cancelled");
}

void CollectingSink::check_warning(const CheckWarning& warning) {
  add("check " + warning.rule + ": " + warning.message + " (line " + std::to_string(warning.line) + ")");
}

void CollectingSink::suspend() { add("suspended"); }

std::vector<std::string> CollectingSink::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

void CollectingSink::add(std::string event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

}  // namespace pgstrata::progress
