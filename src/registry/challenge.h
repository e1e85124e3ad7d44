// What a server wants to see before it answers: the WWW-Authenticate header (RFC 9110, 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::registry {

struct Challenge {
  std::string scheme;                             ///< lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  ///< names in lower case; quotes and escapes are gone

  /// "" if there is none of that name.
  [[nodiscard]] std::string parameter(const std::string& name) const;
  bool operator==(const Challenge&) const = default;
};

/// All challenges of a header, or of several joined by commas. What can't be read ends the list: who sent
/// it gets a request without credentials, and refuses it again.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace pgstrata::registry
