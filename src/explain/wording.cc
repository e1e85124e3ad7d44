#include "explain/wording.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "history/path_text.h"
#include "oci/image_config.h"
#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::explain {
namespace {

using history::Status;

constexpr std::size_t kInstructionColumns = 60;

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string step_text(Number number, const std::vector<Step>& steps) {
  if (number == 0 || number > steps.size()) return "a step";
  const history::Step& record = steps[number - 1].record;
  return fmt::format("{} (line {})",
                     progress::truncate(short_instruction(record), kInstructionColumns, true), record.line);
}

}  // namespace

std::string path_text(std::string_view path, std::string_view mount) {
  std::string text = mount.empty() ? "" : history::encode_path(mount);
  while (text.ends_with('/')) text.pop_back();
  if (!path.empty() || text.empty()) text += '/';
  return text + history::encode_path(path);
}

std::string time_text(std::int64_t nanoseconds) {
  std::string text = oci::format_time(nanoseconds - nanoseconds % 1'000'000'000);
  std::replace(text.begin(), text.end(), 'T', ' ');
  text.pop_back();
  return text + " UTC";
}

std::string short_instruction(const history::Step& record) {
  const std::string text = progress::sanitize(record.instruction);
  std::string words;
  bool leaves_out = record.kind == history::Kind::kExec;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (leaves_out && word.starts_with("--")) {
      if (!words.ends_with("…")) words += " …";
      continue;
    }
    // The flags end with the first word of the command.
    if (!words.empty()) leaves_out = false;
    words += (words.empty() ? "" : " ") + std::string(word);
  }
  return words;
}

std::string counted(std::size_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

std::vector<std::string_view> question_names(filetree::Questions questions) {
  std::vector<std::string_view> names;
  for (filetree::Questions bit = 1; bit != filetree::kAskedRead;
       bit = static_cast<filetree::Questions>(bit << 1U))
    if ((questions & bit) != 0) names.push_back(filetree::name_of(bit));
  return names;
}

Counts counts_of(const Group& group) {
  Counts counts;
  for (const filetree::Observation& observation : group.asked)
    ++(is_read(observation.questions) ? counts.read : counts.looked_up);
  return counts;
}

std::string_view most_telling(filetree::Questions questions) {
  // Other bytes are another size, too: the kind says less of what happened than any other question.
  constexpr std::array kOrder = {filetree::kAskedAbsent,  filetree::kAskedContent, filetree::kAskedTarget,
                                 filetree::kAskedListing, filetree::kAskedXattrs,  filetree::kAskedMeta};
  for (const filetree::Questions question : kOrder)
    if ((questions & question) != 0) return filetree::name_of(question);
  return filetree::name_of(questions);
}

std::string falsified_question(const history::Falsified& falsified) {
  return fmt::format("{} of {}", most_telling(falsified.questions),
                     path_text(falsified.path, falsified.mount));
}

std::string entries_text(const Written& written) {
  std::vector<std::string> parts;
  const auto add = [&parts](std::size_t count, std::string_view one, std::string_view several) {
    if (count > 0) parts.push_back(counted(count, one, several));
  };
  add(written.files, "file", "files");
  add(written.directories, "directory", "directories");
  add(written.links, "link", "links");
  add(written.others, "other", "others");
  add(written.removed, "removed", "removed");
  return parts.empty() ? "nothing" : join(parts);
}

std::string outcome_text(const history::Build& build) {
  const std::string duration = progress::duration(build.seconds);
  switch (build.outcome) {
    case history::Outcome::kBuilt:
      return "built in " + duration;
    case history::Outcome::kFailed:
      return "failed after " + duration;
    case history::Outcome::kCancelled:
      break;
  }
  return "cancelled after " + duration;
}

std::string steps_text(const std::vector<Step>& steps) {
  constexpr std::array kGroups = {std::pair(Status::kHit, "reused"),
                                  std::pair(Status::kRebased, "reused on other layers"),
                                  std::pair(Status::kRan, "ran"),
                                  std::pair(Status::kCutOff, "ran without a change"),
                                  std::pair(Status::kFailed, "failed"),
                                  std::pair(Status::kCancelled, "cancelled"),
                                  std::pair(Status::kNotReached, "not reached")};
  std::vector<std::string> parts;
  for (const auto& [status, words] : kGroups) {
    std::size_t count = 0;
    for (const Step& step : steps) count += step.record.status == status ? 1 : 0;
    if (count > 0) parts.push_back(fmt::format("{} {}", count, words));
  }
  return parts.empty() ? "no steps" : join(parts);
}

std::string status_text(Status status) {
  switch (status) {
    case Status::kRan:
      return "it ran";
    case Status::kHit:
      return "its stored layer was reused";
    case Status::kRebased:
      return "its stored layer was reused on other layers than it was made on";
    case Status::kCutOff:
      return "it ran, and gave the files that were there before";
    case Status::kConfig:
      return "it only changes the image's configuration";
    case Status::kFailed:
      return "it failed";
    case Status::kCancelled:
      return "it was stopped";
    case Status::kNotReached:
      break;
  }
  return "the build ended before it";
}

std::string reason_text(const Step& step, const std::vector<Step>& all) {
  std::string text = progress::sanitize(step.record.reason);
  if (step.despite.empty()) return text;
  std::vector<std::string> lines;
  for (const Number number : step.despite) lines.push_back(fmt::format("{}", all[number - 1].record.line));
  text += fmt::format("{}though line{} {} made other files", text.empty() ? "" : ", ",
                      lines.size() == 1 ? "" : "s", join(lines));
  // Docker would have run it; who wants what the network has now asks for that.
  if (step.looked_up_names)
    text += "; what it got from the network is as old as its run (--no-cache-filter)";
  return text;
}

std::string origin_text(const Origin& origin, const std::vector<Step>& steps) {
  struct Words {
    const std::vector<Step>& steps;
    std::string operator()(const FromContext& from) const {
      const history::Step& record = steps[from.step - 1].record;
      const std::string name = record.context.value_or("");
      const std::string context =
          name.empty() ? "the context" : "the build context " + progress::sanitize(name);
      return fmt::format("{} by {}", context, step_text(from.step, steps));
    }
    std::string operator()(const FromStep& from) const { return step_text(from.step, steps); }
    std::string operator()(const FromBase& from) const { return step_text(from.step, steps); }
    std::string operator()(const FromMount& from) const {
      return "the mount " + path_text("", from.target);
    }
    std::string operator()(const Nowhere&) const { return "what wasn't there"; }
  };
  return std::visit(Words{steps}, origin);
}

}  // namespace pgstrata::explain
