// The verbs that run containers of the store's images: run, ps, logs, stop, kill, exec, rm. What they do
// and don't do of Docker's is in docs/contracts/run.md.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "container/record.h"

namespace pgstrata::cli {

Command add_run(CLI::App& app, const GlobalOptions& global);
Command add_ps(CLI::App& app, const GlobalOptions& global);
Command add_logs(CLI::App& app, const GlobalOptions& global);
Command add_stop(CLI::App& app, const GlobalOptions& global);
Command add_kill(CLI::App& app, const GlobalOptions& global);
Command add_exec(CLI::App& app, const GlobalOptions& global);
Command add_rm(CLI::App& app, const GlobalOptions& global);

/// The store's directory as an absolute path: containers are used from other working directories.
Result<std::string> absolute_root(const GlobalOptions& global);
/// An operand and the command behind it, from what the parser left over: everything from the first word
/// that is no option belongs to the command. kUsage names an option that `verb` doesn't have.
Result<std::vector<std::string>> words_behind_options(const CLI::App& app, const char* verb,
                                                      const char* operand);
/// Prints an error as cli::run() does, for a verb that goes on or has an exit code of its own.
void print_error(const Error& error);
/// Calls `action` for each of the containers; 1 if it failed for one of them, with the error printed.
Result<int> for_each_container(const GlobalOptions& global, const std::vector<std::string>& names,
                               const std::function<Result<void>(const container::Container&)>& action);

}  // namespace pgstrata::cli
