#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "cli/container_verbs.h"

namespace pgstrata::cli {

Result<std::string> absolute_root(const GlobalOptions& global) {
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(global.root, error);
  if (error) return fail(system_error("can't find the store", global.root, error.value()));
  return path.string();
}

Result<std::vector<std::string>> words_behind_options(const CLI::App& app, const char* verb,
                                                      const char* operand) {
  std::vector<std::string> words = app.remaining();
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  if (words.empty())
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("{} needs {}", verb, operand),
                 .next = fmt::format("pgstrata {} --help", verb)});
  if (words.front().size() > 1 && words.front().front() == '-')
    return fail(
        {.kind = ErrorKind::kUsage,
         .what = fmt::format("pgstrata {} doesn't support {}", verb,
                             words.front().substr(0, words.front().find('='))),
         .next = fmt::format("pgstrata {} --help shows what it does; options of the program go behind "
                             "{}",
                             verb, operand)});
  return words;
}

void print_error(const Error& error) {
  const bool color = ::isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  fmt::print(stderr, "{}", render(error, color));
}

Result<int> for_each_container(const GlobalOptions& global, const std::vector<std::string>& names,
                               const std::function<Result<void>(const container::Container&)>& action) {
  const std::string root = TRY(absolute_root(global));
  int code = 0;
  for (const std::string& name : names) {
    const auto done = [&]() -> Result<void> { return action(TRY(container::find(root, name))); }();
    if (done) {
      fmt::print("{}\n", name);
      continue;
    }
    print_error(done.error());
    code = 1;
  }
  return code;
}

}  // namespace pgstrata::cli
