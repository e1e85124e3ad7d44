// What a start would refuse, found out without writing anything.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "options.h"
#include "volume.h"

namespace pg_entrypoint {

/// A start that must not go on, with the exit code of exit_code.h.
class Refusal : public std::runtime_error {
 public:
  Refusal(int exit_code, const std::string& message) : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

struct Validation {
  Options options;
  Volume volume;
  Complaints complaints;
  int exit_code = 0;

  /// Everything that was found, as log lines.
  void say() const;
};

Validation validate(const Environment& environment);

/// Two servers on one volume destroy it.
std::string in_use_message(const std::string& pgdata);

}  // namespace pg_entrypoint
