#include "solver/file_mode.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::solver {
namespace {

constexpr std::uint32_t kUser = 04700;
constexpr std::uint32_t kGroup = 02070;
constexpr std::uint32_t kOther = 01007;
constexpr std::uint32_t kAll = 07777;

tl::unexpected<Error> bad(std::string_view text) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("not a file mode: \"{}\"", text),
               .next = "write an octal number such as 0755, or clauses such as u=rwX,go=rX"});
}

std::uint32_t class_bits(char c) {
  switch (c) {
    case 'u':
      return kUser;
    case 'g':
      return kGroup;
    case 'o':
      return kOther;
    case 'a':
      return kAll;
    default:
      return 0;
  }
}

}  // namespace

Result<FileMode> FileMode::parse(std::string_view text) {
  FileMode mode;
  const bool octal =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (octal) {
    std::uint32_t value = 0;
    for (const char c : text)
      value = std::min<std::uint32_t>(value * 8 + static_cast<std::uint32_t>(c - '0'), 010000);
    if (value > kAll) return bad(text);
    mode.rule_ = value;
    return mode;
  }
  std::vector<Clause> clauses;
  std::string_view rest = text;
  for (;;) {
    size_t i = 0;
    std::uint32_t who = 0;
    for (; i < rest.size() && class_bits(rest[i]) != 0; ++i) who |= class_bits(rest[i]);
    if (who == 0) who = kAll;
    if (i == rest.size() || (rest[i] != '=' && rest[i] != '+' && rest[i] != '-')) return bad(text);
    Clause clause{.who = who, .operation = rest[i++]};
    for (; i < rest.size() && rest[i] != ','; ++i) {
      switch (rest[i]) {
        case 'r':
          clause.permissions |= 0444;
          break;
        case 'w':
          clause.permissions |= 0222;
          break;
        case 'x':
          clause.permissions |= 0111;
          break;
        case 'X':
          clause.conditional_execute = true;
          break;
        case 's':
          clause.permissions |= 06000;
          break;
        case 't':
          clause.permissions |= 01000;
          break;
        case 'u':
          clause.copied_class = 7;
          break;
        case 'g':
          clause.copied_class = 4;
          break;
        case 'o':
          clause.copied_class = 1;
          break;
        default:
          return bad(text);
      }
    }
    clauses.push_back(clause);
    if (i == rest.size()) break;
    rest.remove_prefix(i + 1);
  }
  mode.rule_ = std::move(clauses);
  return mode;
}

std::uint32_t FileMode::of_parents() const {
  const auto* value = std::get_if<std::uint32_t>(&rule_);
  return value == nullptr ? 0755 : *value & 0777;
}

std::uint32_t FileMode::apply(std::uint32_t mode, bool directory) const {
  if (const auto* value = std::get_if<std::uint32_t>(&rule_)) return *value;
  for (const Clause& clause : std::get<std::vector<Clause>>(rule_)) {
    std::uint32_t bits = clause.permissions;
    if (clause.conditional_execute && (directory || (mode & 0111) != 0)) bits |= 0111;
    if (clause.copied_class != 0) bits |= ((mode >> (clause.copied_class - 1)) & 7) * 0111;
    bits &= clause.who;
    switch (clause.operation) {
      case '+':
        mode |= bits;
        break;
      case '-':
        mode &= ~bits;
        break;
      default:
        mode = (mode & ~clause.who) | bits;
    }
  }
  return mode;
}

}  // namespace pgstrata::solver
