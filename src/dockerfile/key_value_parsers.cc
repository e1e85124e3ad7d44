// ENV, LABEL and ARG: name=value words.
#include <fmt/format.h>

#include "dockerfile/characters.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/instruction_parsers.h"

namespace pgstrata::dockerfile {
namespace {

// "ENV name the value": everything behind the first blanks. Deprecated, and accepted.
Result<std::vector<KeyValue>> legacy_pair(const Statement& statement, const std::string& keyword) {
  const std::vector<std::string_view> parts = split_blanks(statement.split.rest, 2);
  if (parts.size() < 2)
    return fail(statement.error(fmt::format("{} must have two arguments", keyword),
                                fmt::format("write {} {}=VALUE", keyword, parts.front())));
  return std::vector<KeyValue>{
      {.name = std::string(parts[0]), .value = std::string(parts[1]), .legacy = true}};
}

Result<std::vector<KeyValue>> parse_pairs(const Statement& statement) {
  const std::string keyword = to_upper(statement.split.keyword);
  TRY_VOID(no_flags(statement));
  const std::vector<Word> words =
      quoted_words(statement.split.rest, statement.split.rest_offset, statement.escape);
  if (words.empty())
    return fail(statement.error(fmt::format("{} requires at least one argument", keyword)));
  if (words.front().text.find('=') == std::string::npos) return legacy_pair(statement, keyword);
  std::vector<KeyValue> pairs;
  for (const Word& word : words) {
    const std::size_t equals = word.text.find('=');
    if (equals == std::string::npos)
      return fail(statement.error_at(word.offset, fmt::format("syntax error: no = in \"{}\"", word.text),
                                     "write name=value, and put values with spaces in quotes"));
    if (equals == 0)
      return fail(statement.error_at(word.offset, fmt::format("{} names can not be blank", keyword)));
    pairs.push_back({.name = word.text.substr(0, equals), .value = word.text.substr(equals + 1)});
  }
  return pairs;
}

}  // namespace

Result<Action> parse_env(const Statement& statement) { return Env{.values = TRY(parse_pairs(statement))}; }

Result<Action> parse_label(const Statement& statement) {
  return Label{.values = TRY(parse_pairs(statement))};
}

// BuildKit doesn't look at the flags of ARG.
Result<Action> parse_arg(const Statement& statement) {
  Arg arg;
  for (const Word& word :
       quoted_words(statement.split.rest, statement.split.rest_offset, statement.escape)) {
    const std::size_t equals = word.text.find('=');
    if (equals == 0) return fail(statement.error_at(word.offset, "ARG names can not be blank"));
    ArgDefinition definition{.name = word.text.substr(0, equals), .value = std::nullopt};
    if (equals != std::string::npos) definition.value = word.text.substr(equals + 1);
    arg.definitions.push_back(std::move(definition));
  }
  if (arg.definitions.empty()) return fail(statement.error("ARG requires at least one argument"));
  return arg;
}

}  // namespace pgstrata::dockerfile
