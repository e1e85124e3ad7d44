#include "dockerfile/instruction_parsers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/suggestion.h"
#include "dockerfile/characters.h"
#include "dockerfile/flags.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/json_strings.h"

namespace pgstrata::dockerfile {
namespace {

tl::unexpected<Error> not_strings(const Statement& statement, std::string_view text) {
  return fail(statement.error_at(statement.offset_of(text),
                                 "when using JSON array syntax, arrays must be comprised of strings only",
                                 "put every element in double quotes"));
}

tl::unexpected<Error> one_argument(const Statement& statement) {
  return fail(
      statement.error(fmt::format("{} requires exactly one argument", to_upper(statement.split.keyword))));
}

// The text of an instruction that takes the whole line as one argument.
Result<std::string> whole_line(const Statement& statement) {
  if (statement.split.rest.empty()) return one_argument(statement);
  return std::string(statement.split.rest);
}

bool valid_stage_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), allowed);
}

Result<Action> parse_from(const Statement& statement) {
  constexpr std::array kKnown = {FlagSpec{"platform", FlagKind::kText}};
  const std::vector<std::string_view> words = split_blanks(statement.split.rest);
  From from{.base = std::string(words.front())};
  if (words.size() == 3 && to_lower(words[1]) == "as") {
    from.name = to_lower(words[2]);
    if (!valid_stage_name(from.name))
      return fail(statement.error_at(statement.offset_of(words[2]),
                                     fmt::format("invalid name for build stage: \"{}\"", words[2]),
                                     "begin with a letter, go on with letters, digits, '-', '_' and '.'"));
  } else if (words.size() != 1 || from.base.empty()) {
    return fail(statement.error("FROM requires either one or three arguments",
                                "write FROM IMAGE or FROM IMAGE AS NAME"));
  }
  const Flags flags = TRY(Flags::parse(statement, kKnown));
  if (const std::string platform = flags.text("platform"); !platform.empty()) from.platform = platform;
  return from;
}

Result<Action> parse_expose(const Statement& statement) {
  TRY_VOID(no_flags(statement));
  if (statement.split.rest.empty()) return fail(statement.error("EXPOSE requires at least one argument"));
  Expose expose;
  for (const std::string_view port : split_blanks(statement.split.rest)) expose.ports.emplace_back(port);
  std::sort(expose.ports.begin(), expose.ports.end());
  return expose;
}

Result<Action> parse_volume(const Statement& statement) {
  const std::vector<std::string> paths = TRY(parse_list(statement));
  if (paths.empty()) return fail(statement.error("VOLUME requires at least one argument"));
  TRY_VOID(no_flags(statement));
  Volume volume;
  for (const std::string& path : paths) {
    volume.paths.emplace_back(trim(path));
    if (volume.paths.back().empty())
      return fail(statement.error("VOLUME specified can not be an empty string"));
  }
  return volume;
}

Result<Action> parse_shell(const Statement& statement) {
  TRY_VOID(no_flags(statement));
  const CommandLine command = TRY(parse_command_line(statement, statement.split.rest));
  if (command.words.empty()) return fail(statement.error("SHELL requires at least one argument"));
  if (!command.exec_form)
    return fail(statement.error("SHELL requires the arguments to be in JSON form",
                                "write SHELL [\"/bin/bash\", \"-c\"]"));
  return Shell{.words = command.words};
}

template <class T>
Result<Action> parse_command(const Statement& statement) {
  TRY_VOID(no_flags(statement));
  return T{.command = TRY(parse_command_line(statement, statement.split.rest))};
}

// USER, WORKDIR, MAINTAINER: one member, the rest of the line.
template <class T>
Result<Action> parse_line(const Statement& statement) {
  std::string text = TRY(whole_line(statement));
  TRY_VOID(no_flags(statement));
  return T{std::move(text)};
}

// BuildKit doesn't look at the flags of STOPSIGNAL.
Result<Action> parse_stop_signal(const Statement& statement) {
  return StopSignal{TRY(whole_line(statement))};
}

struct Grammar {
  std::string_view keyword;
  Result<Action> (*parse)(const Statement&);
};
constexpr std::array kGrammars = {
    Grammar{"add", parse_add},
    Grammar{"arg", parse_arg},
    Grammar{"cmd", parse_command<Cmd>},
    Grammar{"copy", parse_copy},
    Grammar{"entrypoint", parse_command<Entrypoint>},
    Grammar{"env", parse_env},
    Grammar{"expose", parse_expose},
    Grammar{"from", parse_from},
    Grammar{"healthcheck", parse_healthcheck},
    Grammar{"label", parse_label},
    Grammar{"maintainer", parse_line<Maintainer>},
    Grammar{"onbuild", parse_on_build},
    Grammar{"run", parse_run},
    Grammar{"shell", parse_shell},
    Grammar{"stopsignal", parse_stop_signal},
    Grammar{"user", parse_line<User>},
    Grammar{"volume", parse_volume},
    Grammar{"workdir", parse_line<Workdir>},
};

std::string suggested_instruction(std::string_view wrong) {
  std::vector<std::string> names;
  for (const Grammar& grammar : kGrammars) names.push_back(to_upper(grammar.keyword));
  return did_you_mean(to_upper(wrong), names,
                      "if the line belongs to the one above, end that one with the escape character");
}

}  // namespace

Result<void> no_flags(const Statement& statement) {
  TRY_VOID(Flags::parse(statement, {}));
  return {};
}

Result<CommandLine> parse_command_line(const Statement& statement, std::string_view text) {
  if (text.empty()) return CommandLine{};
  JsonForm form = parse_json_strings(text);
  if (std::holds_alternative<NotStrings>(form)) return not_strings(statement, text);
  if (auto* words = std::get_if<std::vector<std::string>>(&form))
    return CommandLine{.words = std::move(*words), .exec_form = true};
  return CommandLine{.words = {std::string(text)}, .exec_form = false};
}

Result<std::vector<std::string>> parse_list(const Statement& statement) {
  const std::string_view text = statement.split.rest;
  if (text.empty()) return std::vector<std::string>{};
  JsonForm form = parse_json_strings(text);
  if (std::holds_alternative<NotStrings>(form)) return not_strings(statement, text);
  if (auto* words = std::get_if<std::vector<std::string>>(&form)) return std::move(*words);
  std::vector<std::string> words;
  for (const std::string_view word : split_blanks(text)) words.emplace_back(word);
  return words;
}

bool takes_heredocs(const Split& split, char escape) {
  if (split.rest.find("<<") == std::string_view::npos) return false;
  std::string keyword = to_lower(split.keyword);
  std::string_view rest = split.rest;
  Split inner;
  if (keyword == "onbuild") {
    inner = split_statement(rest, 0, escape);
    keyword = to_lower(inner.keyword);
    rest = inner.rest;
  }
  if (keyword != "run" && keyword != "copy" && keyword != "add") return false;
  return !std::holds_alternative<std::vector<std::string>>(parse_json_strings(rest));
}

Result<Action> parse_action(const Statement& statement) {
  const std::string keyword = to_lower(statement.split.keyword);
  for (const Grammar& grammar : kGrammars)
    if (grammar.keyword == keyword) return grammar.parse(statement);
  return fail(statement.error(fmt::format("unknown instruction: {}", statement.split.keyword),
                              suggested_instruction(statement.split.keyword)));
}

}  // namespace pgstrata::dockerfile
