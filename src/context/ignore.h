// IgnorePatterns: what a .dockerignore file leaves out of a build context.
// https://docs.docker.com/build/concepts/context/#dockerignore-files, and to the letter
// moby/patternmatcher: MatchesUsingParentResults is what BuildKit's client walks with.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "context/ignore_pattern.h"
#include "core/result.h"

namespace pgstrata::context {

class IgnorePatterns {
 public:
  /// Ignores nothing.
  IgnorePatterns() = default;
  /// `file_name` is for error messages. kUsage, with the line, for a malformed pattern, a lone "!" or a
  /// line of 64 KiB or more. Takes any bytes.
  static Result<IgnorePatterns> parse(std::string_view text, std::string_view file_name);
  /// The same grammar where no file is: COPY's --exclude and --parents. A leading slash stays, and so
  /// matches nothing, as there. kUsage names the pattern; where it stands is the caller's to say.
  static Result<IgnorePatterns> of(const std::vector<std::string>& patterns);

  /// What the patterns say of a directory, for the look-ups below it.
  class Scope {
   public:
    [[nodiscard]] bool ignored() const { return ignored_; }

   private:
    friend class IgnorePatterns;
    std::vector<char> matched_;  ///< per pattern: it matched this directory or one above
    bool ignored_ = false;
  };

  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  /// A pattern begins with "!".
  [[nodiscard]] bool has_exceptions() const { return has_exceptions_; }
  /// A pattern says "everything": "*", "**" or "**/*".
  [[nodiscard]] bool ignores_all() const;
  /// The context's root; it is never ignored.
  [[nodiscard]] Scope root() const;
  /// `path` (from the root of the context) is a child of the directory whose scope is `parent`.
  [[nodiscard]] bool ignores(std::string_view path, const Scope& parent) const;
  /// The same for a directory that is going to be entered.
  [[nodiscard]] Scope enter(std::string_view path, const Scope& parent) const;
  /// False if nothing below the ignored directory `path` can be included again: it needs no walk.
  [[nodiscard]] bool may_include_below(std::string_view path) const;
  /// The scope of any directory, from the root on; nothing if a walk from the root doesn't come there. The
  /// path must be clean.
  [[nodiscard]] std::optional<Scope> scope_of(std::string_view directory) const;

 private:
  Result<void> add(std::string pattern);
  bool evaluate(std::string_view path, const Scope& parent, std::vector<char>* matched) const;

  std::vector<IgnorePattern> patterns_;
  bool has_exceptions_ = false;
  bool plain_exceptions_ = true;
};

}  // namespace pgstrata::context
