#include "cli/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "core/suggestion.h"
#include "progress/wording.h"

namespace pgstrata::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Whether stderr is a terminal whose user wants colour.
bool on_terminal() { return ::isatty(STDERR_FILENO) != 0 && environment("NO_COLOR").empty(); }

/// The first word that isn't an option: what was meant as the verb.
std::string first_word(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (argv[i][0] != '-') return argv[i];
  return {};
}

/// What is wrong with the command line, with the option or verb that was probably meant.
Error usage_error(CLI::App& app, const CLI::ParseError& error, const std::string& verb) {
  if (!verb.empty()) {
    std::vector<std::string> names;
    for (const Verb& known : verbs()) names.emplace_back(known.name);
    return {.kind = ErrorKind::kUsage,
            .what = fmt::format("there is no command \"{}\"", verb),
            .next = did_you_mean(verb, names, "pgstrata --help lists the commands")};
  }
  const CLI::App* sub = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  std::vector<std::string> options;
  for (const CLI::Option* option : sub->get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  Error usage{.kind = ErrorKind::kUsage, .what = error.what()};
  usage.next = fmt::format("pgstrata {}--help lists the options", sub == &app ? "" : sub->get_name() + " ");
  for (const std::string& word : app.remaining(/*recurse=*/true))
    if (word.starts_with('-')) usage.next = did_you_mean(word, options, usage.next);
  return usage;
}

void add_verb(CLI::App& app, const Verb& verb, const GlobalOptions& global,
              std::vector<std::pair<CLI::App*, Command>>& commands) {
  CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
  sub->option_defaults()->always_capture_default(false);
  commands.emplace_back(sub, verb.add(*sub, global));
}

}  // namespace

int exit_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kMachine:
      return 3;
    case ErrorKind::kCancelled:
      return 130;
    default:
      return 1;
  }
}

std::string render(const Error& error, bool color) {
  std::string text = progress::describe(error);
  constexpr std::string_view kWord = "error:";
  if (color && text.starts_with(kWord))
    text.replace(0, kWord.size(), fmt::format("\033[1;31m{}\033[0m", kWord));
  return text;
}

std::string default_root() {
  if (std::string root = environment("PGSTRATA_ROOT"); !root.empty()) return root;
  if (::geteuid() == 0) return "/var/lib/pgstrata";
  if (std::string data = environment("XDG_DATA_HOME"); !data.empty()) return data + "/pgstrata";
  return environment("HOME") + "/.local/share/pgstrata";
}

int run(int argc, char** argv) {
  GlobalOptions global{.root = default_root()};
  CLI::App app(
      "pgstrata builds Dockerfiles without a daemon and without root, and reuses every step it can",
      "pgstrata");
  app.set_version_flag("--version", PGSTRATA_VERSION);
  app.require_subcommand(1);
  app.add_option("--root", global.root, "directory of the store (default: $PGSTRATA_ROOT)");
  std::vector<std::pair<CLI::App*, Command>> commands;
  // Only the verb that was asked for registers its options: dozens of options cost time on the hot path.
  const auto asked = [&](const char* name) {
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == name) return true;
    return false;
  };
  bool any = false;
  for (const Verb& verb : verbs()) any |= asked(verb.name);
  for (const Verb& verb : verbs())
    if (!any || asked(verb.name)) add_verb(app, verb, global, commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}",
               render(usage_error(app, error, any ? "" : first_word(argc, argv)), on_terminal()));
    return 2;
  }
  for (const auto& [sub, command] : commands) {
    if (!sub->parsed()) continue;
    const auto result = command();
    if (result) return *result;
    fmt::print(stderr, "{}", render(result.error(), on_terminal()));
    return exit_code(result.error());
  }
  return 2;
}

}  // namespace pgstrata::cli
