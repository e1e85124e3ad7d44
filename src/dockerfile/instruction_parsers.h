// The grammars of the single instructions. Internal to the parser.
#pragma once

#include "core/result.h"
#include "dockerfile/instruction.h"
#include "dockerfile/statement.h"

namespace pgstrata::dockerfile {

/// True for RUN, COPY and ADD that aren't in JSON form, and for an ONBUILD of one of these.
[[nodiscard]] bool takes_heredocs(const Split& split, char escape);

Result<Action> parse_action(const Statement& statement);

Result<Action> parse_run(const Statement& statement);
Result<Action> parse_copy(const Statement& statement);
Result<Action> parse_add(const Statement& statement);
Result<Action> parse_healthcheck(const Statement& statement);
Result<Action> parse_on_build(const Statement& statement);
Result<Action> parse_env(const Statement& statement);
Result<Action> parse_label(const Statement& statement);
Result<Action> parse_arg(const Statement& statement);

/// The arguments in JSON or shell form; kUsage for JSON that isn't all strings.
Result<CommandLine> parse_command_line(const Statement& statement, std::string_view text);
/// Words in JSON form or split at white space.
Result<std::vector<std::string>> parse_list(const Statement& statement);
/// kUsage if there are any flags.
Result<void> no_flags(const Statement& statement);

}  // namespace pgstrata::dockerfile
