#include "solver/file_mode.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::solver {
namespace {

constexpr std::uint32_t kSticky = 01000;
constexpr std::uint32_t kStandard = 06777;  ///< what "=" without a class clears
constexpr std::uint32_t kOthers = 0007;
constexpr std::uint32_t kAll = 07777;

tl::unexpected<Error> bad(std::string_view text) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("not a file mode: \"{}\"", text),
               .next = "write an octal number such as 0755, or clauses such as u=rwX,go=rX"});
}

std::uint32_t class_bits(char c) {
  switch (c) {
    case 'u':
      return 04700;
    case 'g':
      return 02070;
    case 'o':
      return 00007;
    case 'a':
      return kStandard;
    default:
      return 0;
  }
}

bool is_operator(char c) { return c == '=' || c == '+' || c == '-'; }

int shift_of(char c) { return c == 'u' ? 6 : c == 'g' ? 3 : 0; }

}  // namespace

/// One clause: "go", and then "=rX" and "+s".
class FileMode::ClauseParser {
 public:
  ClauseParser(std::string_view text, std::vector<Command>& commands) : rest_(text), commands_(commands) {}

  bool parse() {
    while (!rest_.empty() && class_bits(rest_.front()) != 0) who_ |= class_bits(take());
    if (rest_.empty()) return false;
    while (!rest_.empty()) {
      if (!is_operator(rest_.front())) return false;
      if (!one_operation(take())) return false;
    }
    return true;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool one_operation(char operation) {
    std::uint32_t bits = 0;
    bool execute = false;
    bool assigned = false;
    const auto flush = [&] {
      if (bits != 0 || (operation == '=' && !assigned)) add(operation, bits);
      if (operation == '=') assigned = true;
      if (execute) add('X', 0111);
      bits = 0;
      execute = false;
    };
    while (!rest_.empty() && !is_operator(rest_.front())) {
      const char c = take();
      const bool for_others_only = who_ != 0 && (who_ & ~kOthers) == 0;
      if (c == 'r')
        bits |= 0444;
      else if (c == 'w')
        bits |= 0222;
      else if (c == 'x' || (c == 'X' && operation == '-'))
        bits |= 0111;
      else if (c == 'X')
        execute = true;
      else if (c == 's')
        bits |= for_others_only ? 0U : 06000U;
      else if (c == 't') {
        if (for_others_only) continue;
        who_ |= kSticky;
        bits |= kSticky;
      } else if (c == 'u' || c == 'g' || c == 'o') {
        assigned = true;
        flush();
        commands_.push_back(
            {.operation = operation, .who = who_ == 0 ? kStandard : who_, .copied_class = c});
      } else {
        return false;
      }
    }
    flush();
    return true;
  }

  void add(char operation, std::uint32_t bits) {
    const std::uint32_t who = who_ == 0 ? kAll : who_;
    if (operation == '=') commands_.push_back({.operation = '-', .bits = who_ == 0 ? kStandard : who_});
    commands_.push_back({.operation = operation == '=' ? '+' : operation, .bits = who & bits});
  }

  std::string_view rest_;
  std::uint32_t who_ = 0;
  std::vector<Command>& commands_;
};

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
  std::vector<Command> commands;
  for (std::string_view rest = text;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (!ClauseParser(rest.substr(0, comma), commands).parse()) return bad(text);
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  mode.rule_ = std::move(commands);
  return mode;
}

std::uint32_t FileMode::of_parents() const {
  const auto* value = std::get_if<std::uint32_t>(&rule_);
  return value == nullptr ? 0755 : *value & 0777;
}

std::uint32_t FileMode::apply(std::uint32_t mode, bool directory) const {
  if (const auto* value = std::get_if<std::uint32_t>(&rule_)) return *value;
  // "X" looks at the mode as it was, the copied classes at what became of it.
  const bool executable = directory || (mode & 0111) != 0;
  for (const Command& command : std::get<std::vector<Command>>(rule_)) {
    if (command.copied_class != 0) {
      const std::uint32_t value = (mode >> shift_of(command.copied_class)) & 7;
      for (const char c : {'u', 'g', 'o'}) {
        const int shift = shift_of(c);
        if ((command.who & (0400U >> (6 - shift))) == 0) continue;
        if (command.operation == '=') mode &= ~(7U << shift);
        if (command.operation == '-')
          mode &= ~(value << shift);
        else
          mode |= value << shift;
      }
      continue;
    }
    if (command.operation == '-')
      mode &= ~command.bits;
    else if (command.operation == '+' || executable)
      mode |= command.bits;
  }
  return mode;
}

}  // namespace pgstrata::solver
