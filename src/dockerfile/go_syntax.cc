#include "dockerfile/go_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "dockerfile/characters.h"

namespace pgstrata::dockerfile {
namespace {

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longer names first where one begins with another.
constexpr std::array kTimeUnits = {TimeUnit{"ns", 1},
                                   TimeUnit{"us", 1000},
                                   TimeUnit{"\u00b5s", 1000},
                                   TimeUnit{"\u03bcs", 1000},
                                   TimeUnit{"ms", 1'000'000},
                                   TimeUnit{"s", 1'000'000'000},
                                   TimeUnit{"m", 60'000'000'000},
                                   TimeUnit{"h", 3'600'000'000'000}};

// One "1.5h" of a duration, taken from the front of `rest`; nothing if malformed or out of range.
std::optional<std::int64_t> take_span(std::string_view& rest) {
  std::size_t size = 0;
  bool digits = false;
  bool point = false;
  for (; size < rest.size(); ++size) {
    const char c = rest[size];
    if (c == '.' && !point)
      point = true;
    else if (c >= '0' && c <= '9')
      digits = true;
    else
      break;
  }
  if (!digits) return std::nullopt;
  const std::string number(rest.substr(0, size));
  rest.remove_prefix(size);
  const std::size_t end = std::min(rest.find_first_of(".0123456789"), rest.size());
  const std::string_view name = rest.substr(0, end);
  const auto unit = std::find_if(kTimeUnits.begin(), kTimeUnits.end(),
                                 [name](const TimeUnit& candidate) { return candidate.name == name; });
  if (unit == kTimeUnits.end()) return std::nullopt;
  rest.remove_prefix(end);
  // long double holds 64 bits exactly, which is what whole nanoseconds need.
  const long double value =
      std::strtold(number.c_str(), nullptr) * static_cast<long double>(unit->nanoseconds);
  if (value >= 9.2e18L) return std::nullopt;
  return static_cast<std::int64_t>(value + 1e-6L);
}

std::string fraction_of(std::int64_t value, std::int64_t unit) {
  std::string text = std::to_string(value / unit);
  std::int64_t rest = value % unit;
  if (rest == 0) return text;
  text += '.';
  for (std::int64_t digit = unit / 10; rest > 0; digit /= 10) {
    text += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return text;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base, std::uint64_t largest) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size() || value > largest) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto span = take_span(text);
    if (!span || __builtin_add_overflow(total, *span, &total)) return std::nullopt;
  }
  return negative ? -total : total;
}

std::string format_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 0) return "-" + format_duration(-std::max(nanoseconds, -INT64_MAX));
  if (nanoseconds < 1000) return fmt::format("{}ns", nanoseconds);
  if (nanoseconds < 1'000'000) return fraction_of(nanoseconds, 1000) + "\u00b5s";
  if (nanoseconds < 1'000'000'000) return fraction_of(nanoseconds, 1'000'000) + "ms";
  constexpr std::int64_t kMinute = 60'000'000'000;
  std::string text = fraction_of(nanoseconds % kMinute, 1'000'000'000) + "s";
  const std::int64_t minutes = nanoseconds / kMinute;
  if (minutes == 0) return text;
  text = fmt::format("{}m{}", minutes % 60, text);
  return minutes < 60 ? text : fmt::format("{}h{}", minutes / 60, text);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const std::size_t size = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number(text.substr(0, size));
  std::string unit = to_lower(text.substr(size));
  if (unit.starts_with(' ')) unit.erase(0, 1);
  if (number.empty() || number.front() == '.' || std::count(number.begin(), number.end(), '.') > 1)
    return std::nullopt;
  constexpr std::string_view kUnits = "bkmgtp";
  std::size_t power = 0;
  if (!unit.empty()) {
    power = kUnits.find(unit.front());
    const std::string_view tail = std::string_view(unit).substr(1);
    if (power == std::string_view::npos) return std::nullopt;
    if (!tail.empty() && (power == 0 || (tail != "b" && tail != "ib"))) return std::nullopt;
  }
  const long double bytes =
      std::strtold(number.c_str(), nullptr) * std::pow(1024.0L, static_cast<long double>(power));
  if (bytes >= 9.2e18L) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const std::string_view bytes = text.substr(0, point.size);
    text.remove_prefix(point.size);
    constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\\"";
    constexpr std::string_view kLetters = "abfnrtv\\\"";
    const std::size_t known = point.size == 1 ? kEscaped.find(bytes.front()) : std::string_view::npos;
    if (known != std::string_view::npos)
      quoted += {'\\', kLetters[known]};
    else if (point.value >= kInvalidByte)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(point.value - kInvalidByte));
    else if (point.value < 0x20 || point.value == 0x7F)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(point.value));
    else if ((point.value >= 0x80 && point.value <= 0xA0) || point.value == 0xAD || point.value == 0xFEFF ||
             (is_space(point.value) && point.value != ' '))
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(point.value));
    else
      quoted += bytes;
  }
  return quoted + "\"";
}

std::string quote_list(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  quoted.reserve(words.size());
  for (const std::string& word : words) quoted.push_back(quote(word));
  return plain_list(quoted);
}

std::string plain_list(const std::vector<std::string>& words) {
  return fmt::format("[{}]", fmt::join(words, " "));
}

std::string base_name(std::string_view path) {
  if (path.empty()) return ".";
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace pgstrata::dockerfile
