#include "variables.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "secret.h"

namespace pg_entrypoint {
namespace {

std::string lower(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

bool has_control_character(std::string_view value) {
  return std::any_of(value.begin(), value.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string in_words(std::initializer_list<std::string_view> words) {
  std::string result;
  std::size_t left = words.size();
  for (const std::string_view word : words) {
    result += word;
    if (--left > 0) result += left == 1 ? " or " : ", ";
  }
  return result;
}

}  // namespace

std::string Variables::wrong(const std::string& name, const std::string& value) {
  return name + "='" + value + "' can't be used; ";
}

/// A line break or another control character would end up in a configuration file.
std::string Variables::checked(const std::string& name, std::string value) {
  if (has_control_character(value)) {
    error(name + " holds a line break or another control character; give it on one line");
    value.clear();
  }
  return value;
}

std::string Variables::text(const std::string& name, const std::string& fallback) {
  return checked(name, environment_.get(name).value_or(fallback));
}

std::string Variables::text_or_file(const std::string& name, const std::string& fallback) {
  return checked(name,
                 value_or_file(environment_, name, secrets_dir_, complaints_.errors).value_or(fallback));
}

std::optional<std::string> Variables::secret(const std::string& name) {
  std::optional<std::string> value = value_or_file(environment_, name, secrets_dir_, complaints_.errors);
  if (value && has_control_character(*value)) {
    error(name + " holds a line break or another control character; give it on one line");
  }
  return value;
}

std::string Variables::absolute_path(const std::string& name, const std::string& fallback) {
  std::string path = text(name, fallback);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!path.starts_with('/') || path == "/")
    error(wrong(name, path) + "it has to be an absolute path, not /");
  return path;
}

bool Variables::boolean(const std::string& name, bool fallback) {
  const std::string word = lower(text(name, fallback ? "true" : "false"));
  if (word == "true" || word == "on" || word == "yes" || word == "1") return true;
  if (word == "false" || word == "off" || word == "no" || word == "0") return false;
  error(wrong(name, word) + "use true or false");
  return fallback;
}

int Variables::number(const std::string& name, int fallback, int least, int most) {
  const std::string digits = text(name, std::to_string(fallback));
  int value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size() || value < least || value > most) {
    error(wrong(name, digits) + "use a whole number from " + std::to_string(least) + " to " +
          std::to_string(most));
    return fallback;
  }
  return value;
}

std::chrono::seconds Variables::seconds(const std::string& name, int fallback, int least, int most) {
  return std::chrono::seconds(number(name, fallback, least, most));
}

std::string Variables::memory(const std::string& name, const std::string& fallback) {
  std::string value = text(name, fallback);
  const auto digits = std::min(value.find_first_not_of("0123456789"), value.size());
  const std::string unit = value.substr(digits);
  static constexpr std::array<std::string_view, 6> units{"", "B", "kB", "MB", "GB", "TB"};
  const bool known_unit = std::find(units.begin(), units.end(), unit) != units.end();
  if (digits == 0 || digits > 10 || value.front() == '0' || !known_unit) {
    error(wrong(name, value) + "use an amount such as 128MB or 1GB");
  }
  return value;
}

std::string Variables::one_of(const std::string& name, const std::string& fallback,
                              std::initializer_list<std::string_view> words) {
  std::string value = text(name, fallback);
  if (std::find(words.begin(), words.end(), value) == words.end()) {
    error(wrong(name, value) + "use " + in_words(words));
    return fallback;
  }
  return value;
}

std::string Variables::host_and_port(const std::string& name, const std::string& fallback) {
  std::string value = text(name, fallback);
  const auto colon = value.rfind(':');
  int port = 0;
  const char* const end = value.data() + value.size();
  const bool good = colon != std::string::npos && colon > 0 && value.find(' ') == std::string::npos &&
                    std::from_chars(value.data() + colon + 1, end, port).ptr == end && port > 0 &&
                    port < 65'536;
  if (!good) {
    error(wrong(name, value) + "use HOST:PORT, for example node1:8008 or [::1]:8008");
    return fallback;
  }
  return value;
}

}  // namespace pg_entrypoint
