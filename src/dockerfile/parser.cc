#include "dockerfile/parser.h"

#include "dockerfile/go_syntax.h"
#include "dockerfile/instruction_parsers.h"
#include "dockerfile/line_reader.h"
#include "dockerfile/statement.h"

namespace pgstrata::dockerfile {
namespace {

Result<Instruction> parse_instruction(const SourceText& source, LineReader& reader, LogicalLine& line,
                                      char escape) {
  Statement statement{.source = source,
                      .line = line,
                      .split = split_statement(line.text, 0, escape),
                      .escape = escape,
                      .heredocs = {}};
  if (takes_heredocs(statement.split, escape)) {
    auto heredocs = heredocs_of(line.text);
    if (!heredocs) return fail(source.located(std::move(heredocs).error(), line.range));
    for (Heredoc& heredoc : *heredocs) {
      heredoc.content = TRY(reader.heredoc_body(heredoc.name, heredoc.chomp, line.range));
      statement.heredocs.push_back(std::move(heredoc));
    }
  }
  line.range.last_line = reader.line_number();
  Instruction instruction{.action = TRY(parse_action(statement)),
                          .keyword = std::string(statement.split.keyword),
                          .text = {},
                          .range = line.range,
                          .heredocs = std::move(statement.heredocs),
                          .comments = std::move(line.comments),
                          .pieces = {}};
  instruction.text = std::move(line.text);
  instruction.pieces = std::move(line.pieces);
  while (!instruction.text.empty() && (instruction.text.back() == ' ' || instruction.text.back() == '\t'))
    instruction.text.pop_back();
  return instruction;
}

Result<void> check_order(const SourceText& source, const std::vector<Instruction>& instructions) {
  if (instructions.empty())
    return fail(source.error(
        {}, source.text().empty() ? "the Dockerfile is empty" : "the Dockerfile has no instructions",
        "begin it with FROM"));
  for (const Instruction& instruction : instructions) {
    if (std::holds_alternative<From>(instruction.action)) return {};
    if (!std::holds_alternative<Arg>(instruction.action))
      return fail(source.error(instruction.range,
                               "no build stage in current context: " + to_upper(instruction.keyword) +
                                   " stands before the first FROM",
                               "only ARG may stand there"));
  }
  return fail(source.error({}, "the Dockerfile contains no stages to build", "add a FROM instruction"));
}

Result<void> parse_into(Dockerfile& dockerfile) {
  dockerfile.directives = TRY(parse_directives(dockerfile.source));
  LineReader reader(dockerfile.source, dockerfile.directives.escape, dockerfile.directives.lines);
  while (auto line = TRY(reader.next())) {
    if (line->empty_continuation)
      dockerfile.empty_continuations.push_back(
          {.line = line->range.last_line, .last_line = line->range.last_line});
    dockerfile.instructions.push_back(
        TRY(parse_instruction(dockerfile.source, reader, *line, dockerfile.directives.escape)));
  }
  return check_order(dockerfile.source, dockerfile.instructions);
}

}  // namespace

Parsed parse_until_error(std::string_view text, std::string_view file_name) {
  Parsed parsed{.dockerfile = {.source = SourceText(text, file_name)}, .error = std::nullopt};
  auto done = parse_into(parsed.dockerfile);
  if (!done) parsed.error = std::move(done).error();
  return parsed;
}

Result<Dockerfile> parse(std::string_view text, std::string_view file_name) {
  Parsed parsed = parse_until_error(text, file_name);
  if (parsed.error) return fail(std::move(*parsed.error));
  return std::move(parsed.dockerfile);
}

Result<Instruction> parse_trigger(std::string_view text) {
  const SourceText source(text, "ONBUILD");
  LineReader reader(source, '\\');
  auto line = TRY(reader.next());
  if (!line) return fail(source.error({}, "ONBUILD trigger is empty"));
  Instruction instruction = TRY(parse_instruction(source, reader, *line, '\\'));
  if (TRY(reader.next()) || std::holds_alternative<From>(instruction.action))
    return fail(source.error(instruction.range, "ONBUILD trigger should be a single instruction"));
  return instruction;
}

}  // namespace pgstrata::dockerfile
