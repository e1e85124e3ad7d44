// Values in the notations of Go's standard library, which Dockerfiles and image histories use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::dockerfile {

/// ASCII only.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);

/// strconv.ParseBool: 1 t T TRUE true True, 0 f F FALSE false False.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);
/// Digits of `base` only, and at most `largest`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, int base,
                                                        std::uint64_t largest);

/// time.ParseDuration ("1h30m", "-1.5s", "300ms") in nanoseconds.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);
/// time.Duration.String(): "1m30s", "1.5s", "0s".
[[nodiscard]] std::string format_duration(std::int64_t nanoseconds);

/// A number of bytes as docker's --memory and tmpfs sizes are written: "64m", "1.5GiB", "100".
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// strconv.Quote.
[[nodiscard]] std::string quote(std::string_view text);
/// fmt's %q of a list: ["a" "b"].
[[nodiscard]] std::string quote_list(const std::vector<std::string>& words);
/// fmt's %v of a list: [a b].
[[nodiscard]] std::string plain_list(const std::vector<std::string>& words);

/// path.Base: the last component, "." for "", "/" for only slashes.
[[nodiscard]] std::string base_name(std::string_view path);

}  // namespace pgstrata::dockerfile
