// The JSON form of RUN, CMD, COPY …: an array of strings. What isn't valid JSON is no error: it is the
// shell form that happens to begin with a bracket.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pgstrata::dockerfile {

struct NotJson {};
/// A valid JSON array that holds something else than strings, which is refused.
struct NotStrings {};
using JsonForm = std::variant<NotJson, NotStrings, std::vector<std::string>>;

/// Go's encoding/json decides what is valid: RFC 8259, bytes that aren't UTF-8 and lone surrogates become
/// U+FFFD, at most 10,000 levels.
[[nodiscard]] JsonForm parse_json_strings(std::string_view text);

}  // namespace pgstrata::dockerfile
