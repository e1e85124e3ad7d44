#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/container_verbs.h"
#include "container/control.h"
#include "container/options.h"

namespace pgstrata::cli {
namespace {

struct ExecArguments {
  std::vector<std::string> env, env_files;
  std::string user, working_dir;
  bool interactive = false;
  bool terminal = false;
  bool detach = false;
};

Result<int> exec(const GlobalOptions& global, const CLI::App& app, const ExecArguments& arguments) {
  const std::vector<std::string> words = TRY(words_behind_options(app, "exec", "a container"));
  container::ExecOptions options;
  options.argv.assign(words.begin() + 1, words.end());
  if (options.argv.empty())
    return fail({.kind = ErrorKind::kUsage,
                 .what = "exec needs a command behind the container",
                 .next = "pgstrata exec --help"});
  if (arguments.terminal && arguments.interactive && ::isatty(STDIN_FILENO) == 0)
    return fail(
        {.kind = ErrorKind::kUsage, .what = "the input device is not a TTY", .next = "leave -t out"});
  for (const std::string& file : arguments.env_files)
    for (std::string& variable : TRY(container::read_environment_file(file)))
      options.env.push_back(std::move(variable));
  for (const std::string& text : arguments.env)
    if (auto variable = container::parse_environment(text)) options.env.push_back(std::move(*variable));
  if (app.count("--user") > 0) options.user = arguments.user;
  options.working_dir = arguments.working_dir;
  options.interactive = arguments.interactive;
  options.terminal = arguments.terminal;
  options.detach = arguments.detach;
  const std::string root = TRY(absolute_root(global));
  const container::Container found = TRY(container::find(root, words.front()));
  return container::exec(found, options);
}

}  // namespace

Command add_exec(CLI::App& app, const GlobalOptions& global) {
  const auto arguments = std::make_shared<ExecArguments>();
  app.prefix_command();
  app.footer("CONTAINER COMMAND... follow the options.");
  app.add_option("-e,--env", arguments->env, "NAME=VALUE, or NAME for this shell's value")
      ->allow_extra_args(false);
  app.add_option("--env-file", arguments->env_files, "file with one of these per line")
      ->allow_extra_args(false);
  app.add_option("-u,--user", arguments->user, "USER[:GROUP], names or numbers");
  app.add_option("-w,--workdir", arguments->working_dir, "working directory");
  app.add_flag("-i,--interactive", arguments->interactive, "give it our stdin");
  app.add_flag("-t,--tty", arguments->terminal, "give it a terminal");
  app.add_flag("-d,--detach", arguments->detach, "don't wait for it");
  return [arguments, &app, &global] { return exec(global, app, *arguments); };
}

}  // namespace pgstrata::cli
