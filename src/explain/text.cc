#include "explain/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "explain/wording.h"
#include "history/path_text.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::explain {
namespace {

using history::Status;

constexpr std::size_t kColumns = 100;
/// Of the paths that a step read of the context so many are named; --reads names all.
constexpr std::size_t kNamedPaths = 100;

std::string seconds_text(const history::Step& record) {
  return record.vertex && record.seconds > 0 ? progress::duration(record.seconds) : "";
}

void head(const Explanation& explanation, std::string& out) {
  const history::Build& build = explanation.build;
  out += fmt::format("build {}: {}, {}\n", build.id, outcome_text(build), time_text(build.began));
  const auto line = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("  {:<11} {}\n", name, value);
  };
  line("context", history::encode_path(build.context));
  line("Dockerfile", history::encode_path(build.dockerfile));
  line("target", progress::sanitize(build.target));
  line("image", build.image.is_none() ? "" : build.image.str());
  line("error", progress::sanitize(build.error));
  line("steps", steps_text(explanation.steps));
  if (const double spared = explanation.spared_seconds(); spared > 0)
    line("spared", progress::duration(spared) + ", what the reused RUNs took when they ran");
  if (const double critical = explanation.critical_seconds(); critical > 0)
    line("critical",
         progress::duration(critical) + " in the steps marked *, each waiting for the one before");
  if (!build.unrecorded.empty())
    line("unrecorded", "what RUNs asked: " + progress::sanitize(build.unrecorded));
}

void falsified(const history::Step& record, const std::string& indent, std::string& out) {
  if (!record.falsified) return;
  const history::Falsified& answer = *record.falsified;
  out += fmt::format("{}{}", indent, falsified_question(answer));
  const bool told = !answer.before.empty() && !answer.after.empty() && answer.before != answer.after;
  if (told)
    out += fmt::format(":\n{0}  was {1}\n{0}  is  {2}", indent, progress::sanitize(answer.before),
                       progress::sanitize(answer.after));
  else if (!answer.after.empty())
    out += fmt::format(": is {}", progress::sanitize(answer.after));
  out += '\n';
}

bool has_several_stages(const std::vector<Step>& steps) {
  std::set<std::string> stages;
  for (const Step& step : steps) stages.insert(step.record.stage);
  return stages.size() > 1;
}

void overview_of(const Step& step, const std::vector<Step>& all, std::string& out) {
  const history::Step& record = step.record;
  out += fmt::format("{} {:>4} {:>5}  {:<11} {:>9}  {}\n", step.critical ? '*' : ' ',
                     fmt::format("#{}", step.number), record.line, history::word(record.status),
                     seconds_text(record), progress::truncate(short_instruction(record), kColumns, true));
  const std::string indent(36, ' ');
  const std::string reason = reason_text(step, all);
  if (!record.error.empty()) out += indent + progress::sanitize(record.error) + "\n";
  if (!reason.empty() && record.status != Status::kHit) out += indent + reason + "\n";
  falsified(record, indent, out);
}

// ---- one step

void group(const Group& group, const std::vector<Step>& all, Details details, std::string& out) {
  if (std::holds_alternative<Nowhere>(group.origin)) {
    out += fmt::format("    {} looked for in vain\n", counted(group.asked.size(), "name", "names"));
    return;
  }
  const Counts counts = counts_of(group);
  out += fmt::format("    of {}: {} read, {} only looked up\n", origin_text(group.origin, all), counts.read,
                     counts.looked_up);
  const bool named =
      std::holds_alternative<FromContext>(group.origin) || std::holds_alternative<FromMount>(group.origin);
  if (!named || details.reads) return;
  std::size_t shown = 0;
  for (const filetree::Observation& observation : group.asked) {
    if (!is_read(observation.questions)) continue;
    if (++shown > kNamedPaths) continue;
    const auto* mount = std::get_if<FromMount>(&group.origin);
    out +=
        fmt::format("      {}  ({})\n", path_text(observation.path, mount == nullptr ? "" : mount->target),
                    fmt::join(question_names(observation.questions), ", "));
  }
  if (shown > kNamedPaths) out += fmt::format("      and {} more: --reads\n", shown - kNamedPaths);
}

/// All observations, by question.
void observations(const Reads& reads, std::string& out) {
  for (filetree::Questions bit = 1; bit != filetree::kAskedRead;
       bit = static_cast<filetree::Questions>(bit << 1U)) {
    std::vector<std::string> paths;
    for (const Group& group : reads) {
      const auto* mount = std::get_if<FromMount>(&group.origin);
      for (const filetree::Observation& observation : group.asked)
        if ((observation.questions & bit) != 0)
          paths.push_back(path_text(observation.path, mount == nullptr ? "" : mount->target));
    }
    if (paths.empty()) continue;
    std::sort(paths.begin(), paths.end());
    out += fmt::format("  {} ({})\n", filetree::name_of(bit), paths.size());
    for (const std::string& path : paths) out += "    " + path + "\n";
  }
}

void reads_of(const Step& step, const std::vector<Step>& all, Details details, std::string& out) {
  if (const auto* unknown = std::get_if<NotKnown>(&step.reads)) {
    out += fmt::format("  read        not known: {}\n", progress::sanitize(unknown->why));
    return;
  }
  const auto* reads = std::get_if<Reads>(&step.reads);
  if (reads == nullptr) return;
  std::size_t count = 0;
  for (const Group& one : *reads) count += one.asked.size();
  out += fmt::format("  asked for   {}\n", counted(count, "path", "paths"));
  for (const Group& one : *reads) group(one, all, details, out);
  if (details.reads) observations(*reads, out);
}

void details_of(const Step& step, const std::vector<Step>& all, Details details, std::string& out) {
  const history::Step& record = step.record;
  const std::string stage =
      record.stage.empty() ? "" : fmt::format(", stage {}", progress::sanitize(record.stage));
  out += fmt::format("step #{}, line {}{}\n  {}\n", step.number, record.line, stage,
                     progress::sanitize(record.instruction));
  const auto line = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("  {:<11} {}\n", name, value);
  };
  line(history::word(record.status), status_text(record.status));
  line("error", progress::sanitize(record.error));
  line("because", reason_text(step, all));
  falsified(record, "              ", out);
  if (record.vertex && record.status != Status::kNotReached)
    line("time",
         fmt::format("{} after {}{}", progress::duration(record.seconds),
                     progress::duration(record.started), step.critical ? ", on the critical path" : ""));
  if (step.spared) line("spared", progress::duration(*step.spared));
  if (!step.needs.empty()) line("stands on", fmt::format("#{}", fmt::join(step.needs, ", #")));
  if (step.looked_up_names) line("network", "it looked up names");
  if (record.layer) line("layer", record.layer->diff_id.str());
  if (step.written)
    line("wrote", fmt::format("{}: {}", progress::size(step.written->bytes), entries_text(*step.written)));
  else if (record.layer)
    line("wrote",
         fmt::format("{}; the layer is no longer in the store", progress::size(record.layer->size)));
  reads_of(step, all, details, out);
}

}  // namespace

std::string text(const Explanation& explanation) {
  std::string out;
  head(explanation, out);
  if (explanation.steps.empty()) return out;
  out += fmt::format("\n  {:>4} {:>5}  {:<11} {:>9}\n", "step", "line", "", "time");
  const bool several = has_several_stages(explanation.steps);
  const std::string* stage = nullptr;
  for (const Step& step : explanation.steps) {
    if (several && (stage == nullptr || *stage != step.record.stage))
      out +=
          fmt::format("{}\n", step.record.stage.empty() ? "no stage"
                                                        : "stage " + progress::sanitize(step.record.stage));
    stage = &step.record.stage;
    overview_of(step, explanation.steps, out);
  }
  return out;
}

std::string text(const Explanation& explanation, const std::vector<Number>& steps, Details details) {
  std::string out;
  for (const Number number : steps) {
    if (!out.empty()) out += '\n';
    details_of(explanation.steps[number - 1], explanation.steps, details, out);
  }
  return out;
}

std::string text(const std::vector<history::Build>& builds) {
  std::string out = fmt::format("{:<8}  {:<23}  {:<26}  {}\n", "BUILD", "BEGAN", "", "CONTEXT");
  for (const history::Build& build : builds)
    out += fmt::format("{:<8}  {:<23}  {:<26}  {}{}\n", build.id, time_text(build.began),
                       outcome_text(build), history::encode_path(build.context),
                       build.target.empty() ? "" : fmt::format(" ({})", progress::sanitize(build.target)));
  return out;
}

}  // namespace pgstrata::explain
