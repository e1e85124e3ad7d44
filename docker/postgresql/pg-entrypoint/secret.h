// Values that may be given directly or in a file (X or X_FILE), and how a secret reaches a child.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "environment.h"

namespace pg_entrypoint {

/// The value of `name`, or the content of the file that `name`_FILE names, or of a file of that name (as it
/// is, or in lower case) in `secrets_dir`, where Docker and Kubernetes mount secrets. One line end at the
/// end of a file is dropped. What is wrong is appended to `errors`; a value never appears there.
std::optional<std::string> value_or_file(const Environment& environment, const std::string& name,
                                         const std::string& secrets_dir, std::vector<std::string>& errors);

/// A line of a password file (libpq's PGPASSFILE) that lets `user` in anywhere.
std::string pgpass_line(const std::string& user, const std::string& password);

/// A secret as an anonymous file in memory: it has no name, is in no argv and no environment, and a child
/// that inherits the descriptor can read it as /proc/self/fd/N as often as it likes.
class SecretFile {
 public:
  /// Throws std::system_error.
  explicit SecretFile(const std::string& content);
  ~SecretFile();
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  int fd() const { return fd_; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_ = -1;
};

}  // namespace pg_entrypoint
