#include "cli/build_watch.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "cli/container_verbs.h"
#include "cli/contexts.h"
#include "cli/watch.h"
#include "progress/text.h"

namespace pgstrata::cli {
namespace {

constexpr int kInterruptedCode = 130;

Error cant_watch(const std::string& what) {
  return {.kind = ErrorKind::kUsage,
          .what = fmt::format("--watch waits for changes in directories, and {} isn't in one", what),
          .next = "clone or unpack it first"};
}

Result<void> watch_inputs(const BuildOptions& options, os::DirectoryWatch& watch) {
  const ContextPlace main = TRY(parse_context("the context directory", options.context));
  const auto* directory = std::get_if<Directory>(&main);
  if (directory == nullptr) return fail(cant_watch("CONTEXT"));
  if (options.file == "-" || options.file.find("://") != std::string::npos)
    return fail(cant_watch("the Dockerfile"));
  TRY_VOID(watch.add_tree(directory->path));
  const auto named = TRY(parse_assignments("--build-context", options.build_contexts));
  for (const auto& [name, value] : named) {
    std::error_code unknown;
    if (std::filesystem::is_directory(value, unknown)) TRY_VOID(watch.add_tree(value));
  }
  if (options.file.empty()) return {};
  const std::string folder = std::filesystem::path(options.file).parent_path().string();
  return watch.add(folder.empty() ? "." : folder);
}

int code_of(const Result<int>& built) {
  if (built) return *built;
  print_error(built.error());
  return exit_code(built.error());
}

}  // namespace

Result<int> build_and_watch(const BuildOptions& options, const std::function<Result<int>()>& build) {
  Watch watch = TRY(Watch::open());
  TRY_VOID(watch_inputs(options, watch.directories()));
  while (true) {
    TRY_VOID(watch.start([&build] { return code_of(build()); }));
    bool interrupted = false;
    std::optional<Changed> changed;
    while (watch.is_running() || !(changed || interrupted)) {
      const WatchEvent event = TRY(watch.next());
      if (std::holds_alternative<Interrupted>(event)) interrupted = true;
      if (const auto* found = std::get_if<Changed>(&event)) changed = *found;
    }
    if (interrupted) return kInterruptedCode;
    if (!options.quiet) fmt::print(stderr, "\nchanged: {}\n", progress::sanitize(changed->path));
  }
}

}  // namespace pgstrata::cli
