// The flags of one instruction: "--name=value" words checked against a table of those it knows.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dockerfile/statement.h"

namespace pgstrata::dockerfile {

enum class FlagKind { kBool, kText, kList };
struct FlagSpec {
  std::string_view name;
  FlagKind kind;
};

class Flags {
 public:
  /// kUsage at the flag: unknown (with a suggestion), twice, without a value, not a boolean.
  static Result<Flags> parse(const Statement& statement, std::span<const FlagSpec> known);

  /// The value of a text flag, "" if it wasn't given.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::vector<Word> list(std::string_view name) const;
  /// Where the flag was given; 0 if it wasn't.
  [[nodiscard]] std::size_t offset(std::string_view name) const;

 private:
  std::map<std::string, std::vector<Word>, std::less<>> values_;
};

}  // namespace pgstrata::dockerfile
