// --chmod: octal ("0755") or symbolic ("u=rwX,go=rX") as chmod(1) has it.
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
  struct Clause {
    std::uint32_t who = 0;  ///< mask of the classes' bits: 0700, 0070, 0007 with setuid, setgid, sticky
    char operation = '=';
    std::uint32_t permissions = 0;  ///< rwx for all classes, plus 06000 for s and 01000 for t
    bool conditional_execute = false;
    std::uint32_t copied_class = 0;  ///< shift + 1 of the class whose bits are copied (g=u), 0: none
  };
  std::variant<std::uint32_t, std::vector<Clause>> rule_;
};

}  // namespace pgstrata::solver
