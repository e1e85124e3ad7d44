#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/container_verbs.h"
#include "container/log.h"
#include "os/file.h"

namespace pgstrata::cli {
namespace {

struct LogsOptions {
  std::string name;
  std::string tail = "all";
  bool follow = false;
  bool timestamps = false;
};

Result<std::optional<std::size_t>> parse_tail(const std::string& text) {
  if (text == "all") return std::optional<std::size_t>();
  if (!text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos)
    return std::optional<std::size_t>(std::stoul(text));
  return fail({.kind = ErrorKind::kUsage, .what = "--tail wants a number or all", .where = text});
}

Result<int> logs(const GlobalOptions& global, const LogsOptions& options) {
  const container::Container found = TRY(container::find(global.root, options.name));
  container::LogQuery query;
  query.tail = TRY(parse_tail(options.tail));
  if (const auto* running = std::get_if<container::Running>(&found.state);
      running != nullptr && options.follow)
    query.follow = running->monitor;
  const std::string path = found.directory + "/log";
  if (!os::exists(path)) return 0;
  TRY_VOID(container::read_log(path, query, [&](const container::LogLine& line) {
    const int to = line.stream == os::Stream::kStdout ? STDOUT_FILENO : STDERR_FILENO;
    const std::string text = options.timestamps ? line.time + " " + line.text : line.text;
    return os::write_all(to, text, "output").has_value();
  }));
  return 0;
}

}  // namespace

Command add_logs(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<LogsOptions>();
  app.add_option("CONTAINER", options->name, "name or ID")->required();
  app.add_flag("-f,--follow", options->follow, "go on until the container ends");
  app.add_flag("-t,--timestamps", options->timestamps, "show when each line was written");
  app.add_option("-n,--tail", options->tail, "the last N lines only");
  return [options, &global] { return logs(global, *options); };
}

}  // namespace pgstrata::cli
