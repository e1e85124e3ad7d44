// --chmod: octal ("0755") or symbolic ("u=rwX,go=rX") as BSD's chmod(1) has it, which BuildKit's is: a
// clause may hold several operations ("go=u-w"), X asks for the mode as it was, t is for whoever isn't only
// "others".
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

namespace pgstrata::solver {

class FileMode {
 public:
  /// kUsage with what is wrong.
  static Result<FileMode> parse(std::string_view text);
  /// The mode of a file that had `mode`; X and + depend on it. The umask plays no part.
  [[nodiscard]] std::uint32_t apply(std::uint32_t mode, bool directory) const;
  /// The mode of a directory that is made on the way to a destination: of a number its permissions, without
  /// setuid, setgid and sticky bits; a symbolic mode doesn't count there. As in BuildKit's copier.
  [[nodiscard]] std::uint32_t of_parents() const;

 private:
  struct Command {
    char operation = '+';    ///< '+', '-' or 'X'; with a copied class also '='
    std::uint32_t bits = 0;  ///< to set or clear
    std::uint32_t who = 0;   ///< of the classes that get the copy
    char copied_class = 0;   ///< 'u', 'g' or 'o' (g=u); 0: none
  };
  class ClauseParser;
  std::variant<std::uint32_t, std::vector<Command>> rule_;
};

}  // namespace pgstrata::solver
