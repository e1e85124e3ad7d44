#include "dockerfile/directives.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dockerfile/characters.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/line_reader.h"

namespace pgstrata::dockerfile {
namespace {

struct Directive {
  std::string key;
  std::string_view value;
  SourceRange range;
};

// "# key = value" with `prefix` for '#'; nothing if the line is no directive, known or not.
std::optional<Directive> match_directive(std::string_view raw, std::string_view prefix, int number) {
  std::string_view line = trim_left(without_newline(raw));
  if (!line.starts_with(prefix)) return std::nullopt;
  line = trim_left(line.substr(prefix.size()));
  std::size_t length = 0;
  while (length < line.size() && (is_letter(static_cast<unsigned char>(line[length])) ||
                                  (length > 0 && is_digit(static_cast<unsigned char>(line[length])))))
    ++length;
  std::string_view rest = trim_left(line.substr(length));
  if (length == 0 || !rest.starts_with('=')) return std::nullopt;
  Directive directive{.key = to_lower(line.substr(0, length)),
                      .value = trim(rest.substr(1)),
                      .range = {.line = number, .last_line = number}};
  if (directive.value.empty()) return std::nullopt;
  directive.range.column = static_cast<int>(directive.value.data() - raw.data()) + 1;
  return directive;
}

std::vector<std::string> rule_names(std::string_view list) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    names.emplace_back(trim(list.substr(start, end - start)));
    start = end + 1;
  }
  return names;
}

SyntaxDirective syntax_of(const Directive& directive) {
  const std::size_t end = std::min(directive.value.find(' '), directive.value.size());
  return {.frontend = std::string(directive.value.substr(0, end)),
          .command_line = std::string(directive.value),
          .range = directive.range};
}

}  // namespace

Result<CheckDirective> parse_check_options(std::string_view text) {
  CheckDirective check;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view option = rest.substr(0, end);
    rest = rest.substr(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(option.find('='), option.size());
    const std::string_view key = trim(option.substr(0, equals));
    const std::string_view value = trim(option.substr(std::min(equals + 1, option.size())));
    const std::optional<bool> truth = parse_bool(value);
    if (key == "skip" && equals < option.size()) {
      check.skip_all = value == "all";
      if (!check.skip_all) check.skip = rule_names(value);
    } else if (key == "experimental" && equals < option.size()) {
      check.experimental_all = value == "all";
      if (!check.experimental_all) check.experimental = rule_names(value);
    } else if (key == "error" && truth) {
      check.error = *truth;
    } else {
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("invalid check option \"{}\"", option),
                   .next = "write skip=RULE,RULE or skip=all, and error=true or error=false"});
    }
  }
  return check;
}

std::optional<CheckDirective> check_comment(std::string_view comment) {
  const auto directive = match_directive(comment, "", 0);
  if (!directive || directive->key != "check") return std::nullopt;
  auto check = parse_check_options(directive->value.substr(0, directive->value.find(' ')));
  if (!check) return std::nullopt;
  return std::move(*check);
}

Result<Directives> parse_directives(const SourceText& source) {
  Directives found;
  // A first line "#!" is skipped for syntax and check. BuildKit reads escape with another parser, which
  // doesn't skip it.
  const bool shebang = source.line(1).starts_with("#!");
  const int first = shebang ? 2 : 1;
  if (const auto other = match_directive(source.line(first), "//", first); other && other->key == "syntax")
    return fail(source.error(other->range,
                             fmt::format("this file is written for {}, it is no Dockerfile", other->value),
                             "build it with the program that it names"));
  std::set<std::string> seen;
  for (int number = first; number <= source.line_count(); ++number) {
    const auto directive = match_directive(source.line(number), "#", number);
    if (!directive) break;
    if (directive->key != "syntax" && directive->key != "escape" && directive->key != "check") break;
    const bool repeated = !seen.insert(directive->key).second;
    if (repeated && shebang) break;  // that other parser is also the one that refuses this
    if (repeated)
      return fail(source.error(directive->range,
                               fmt::format("only one {} parser directive can be used", directive->key),
                               "remove this one"));
    if (directive->key == "syntax") found.syntax = syntax_of(*directive);
    if (directive->key == "check") {
      // What follows a blank is a remark.
      auto check = parse_check_options(directive->value.substr(0, directive->value.find(' ')));
      if (!check) return fail(source.located(std::move(check).error(), directive->range));
      found.check = std::move(*check);
      found.check->range = directive->range;
    }
    if (!shebang) found.lines = number;
    if (directive->key != "escape" || shebang) continue;
    if (directive->value != "\\" && directive->value != "`")
      return fail(source.error(directive->range,
                               fmt::format("invalid escape character \"{}\"", directive->value),
                               "use a backslash (\\) or a backtick (`)"));
    found.escape = directive->value.front();
  }
  return found;
}

}  // namespace pgstrata::dockerfile
