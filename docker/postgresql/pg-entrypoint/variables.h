// Reading the contract of variables: each is checked, and everything that is wrong is collected.
#pragma once
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "environment.h"

namespace pg_entrypoint {

/// What is wrong, each a full sentence; a secret's value is never in one.
struct Complaints {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

/// Reads variables one by one. For each X there may be X_FILE, or a file X (or x) in `secrets_dir`, where
/// the method says so. A wrong value is a complaint, and the result is then some value that can be used.
class Variables {
 public:
  Variables(const Environment& environment, std::string secrets_dir, Complaints& complaints)
      : environment_(environment), secrets_dir_(std::move(secrets_dir)), complaints_(complaints) {}

  void error(std::string text) { complaints_.errors.push_back(std::move(text)); }
  void warn(std::string text) { complaints_.warnings.push_back(std::move(text)); }

  /// Set, and not empty.
  bool has(const std::string& name) const { return environment_.get(name).has_value(); }

  /// One line.
  std::string text(const std::string& name, const std::string& fallback);
  /// The same, also from a file. Its value may be repeated in a complaint.
  std::string text_or_file(const std::string& name, const std::string& fallback);
  /// One line, also from a file; never repeated.
  std::optional<std::string> secret(const std::string& name);
  /// An absolute path other than /, without slashes at its end.
  std::string absolute_path(const std::string& name, const std::string& fallback);
  bool boolean(const std::string& name, bool fallback);
  int number(const std::string& name, int fallback, int least, int most);
  std::chrono::seconds seconds(const std::string& name, int fallback, int least, int most);
  /// An amount as postgresql.conf has it: 128MB, 1GB, 16384 (in 8 kB pages or kB, as PostgreSQL reads it).
  std::string memory(const std::string& name, const std::string& fallback);
  std::string one_of(const std::string& name, const std::string& fallback,
                     std::initializer_list<std::string_view> words);
  /// HOST:PORT; an IPv6 address is in brackets.
  std::string host_and_port(const std::string& name, const std::string& fallback);

 private:
  static std::string wrong(const std::string& name, const std::string& value);
  std::string checked(const std::string& name, std::string value);

  const Environment& environment_;
  std::string secrets_dir_;
  Complaints& complaints_;
};

}  // namespace pg_entrypoint
