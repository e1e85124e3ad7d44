#include "advise/edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "os/process.h"

namespace pgstrata::advise {
namespace {

constexpr double kSecondsOfWeek = 7 * 24 * 3600;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == '\n' || text.front() == ' ')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

/// The number that a text ends with.
std::optional<std::int64_t> trailing_number(std::string_view text) {
  text = trimmed(text);
  const std::size_t start = text.find_last_not_of("0123456789") + 1;  // npos + 1 is 0
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What git printed; if it failed, what it said, as kNotFound.
Result<std::string> git(const std::string& directory, std::vector<std::string> arguments) {
  os::Command command{.argv = {"git", "-C", directory}, .env = os::environment_with({{"LC_ALL", "C"}})};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  const os::Captured captured = TRY(os::capture(command));
  if (os::succeeded(captured.status)) return captured.out;
  const std::string_view said = trimmed(captured.err);
  return fail({.kind = ErrorKind::kNotFound, .what = std::string(said.substr(0, said.find('\n')))});
}

/// The seconds that "26 weeks ago" stands for.
Result<std::int64_t> date_of(const std::string& directory, const std::string& since, std::int64_t now) {
  const auto printed = TRY(git(directory, {"rev-parse", "--since=" + since}));
  const auto date = trailing_number(printed);  // --max-age=1690000000
  // What it doesn't understand is now.
  if (!date || *date >= now - 1)
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("--since {}: git takes it for no date", since),
                 .next = "write \"26 weeks ago\" or 2026-01-31"});
  return *date;
}

Result<Edits> read_history(const std::string& directory, const std::string& since, std::int64_t now) {
  std::int64_t begin = TRY(date_of(directory, since, now));
  // A repository that is younger than that: its own age counts.
  const std::string roots = TRY(git(directory, {"log", "--max-parents=0", "--format=%ct", "HEAD"}));
  if (const auto oldest = trailing_number(roots)) begin = std::max(begin, *oldest);
  Edits found{.since = since};
  found.weeks = std::max(1.0, static_cast<double>(now - begin) / kSecondsOfWeek);
  found.edits = parse_git_log(
      TRY(git(directory, {"log", "-z", "--no-merges", "--no-renames", "--no-show-signature", "--name-only",
                          "--relative", "--since=" + since, "--format=%x01%ct", "HEAD", "--", "."})));
  for (Edit& edit : found.edits) edit.rate = 1 / found.weeks;
  return found;
}

}  // namespace

std::vector<Edit> parse_git_log(std::string_view output) {
  std::vector<Edit> edits;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\0'), output.size());
    std::string_view word = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    // Git puts an empty line between a commit and its first file, also with -z.
    if (word.starts_with('\n')) word.remove_prefix(1);
    if (word.starts_with('\x01')) {
      edits.emplace_back();
      const std::size_t line = word.find('\n');
      word = line == std::string_view::npos ? "" : trimmed(word.substr(line));
    }
    if (!word.empty() && !edits.empty()) edits.back().paths.emplace_back(word);
  }
  std::erase_if(edits, [](const Edit& edit) { return edit.paths.empty(); });
  return edits;
}

Result<Edits> git_edits(const std::string& directory, const std::string& since, std::int64_t now) {
  auto found = read_history(directory, since, now);
  if (found || found.error().kind == ErrorKind::kUsage) return found;
  return Edits{.no_history = found.error().message(), .since = since};
}

Edits equal_edits(std::vector<std::string> files, std::string why) {
  Edits edits{.no_history = std::move(why)};
  const double rate = files.empty() ? 0 : 1 / static_cast<double>(files.size());
  for (std::string& file : files) edits.edits.push_back({.paths = {std::move(file)}, .rate = rate});
  return edits;
}

}  // namespace pgstrata::advise
