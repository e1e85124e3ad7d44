// What a build tells those who watch it. The solver calls a Sink; how it looks is the sink's business
// (plain.h, tty.h, rawjson.h, quiet.h; make_sink.h chooses). A library never prints in any other way.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.h"

namespace pgstrata::progress {

/// The caller's number of a step: small, unique in a build; a vertex's index does.
using StepId = std::size_t;

struct Step {
  StepId id = 0;
  std::string name;  ///< "[build 2/5] RUN make"
  int line = 0;      ///< in the Dockerfile; 0: none
};

/// How a step ended. The first four are the statuses of --metadata-file.
struct Ran {};
struct Hit {};      ///< the exact key was known
struct Rebased {};  ///< kept by its read set
struct CutOff {};   ///< it ran, and changed nothing against the recorded layer
struct Failed {
  std::string message;  ///< "exit code 2"
};
struct Cancelled {};
using Outcome = std::variant<Ran, Hit, Rebased, CutOff, Failed, Cancelled>;

struct StepResult {
  Outcome outcome;
  std::string reason;  ///< why it was reused, or why it had to run; may be empty
  double seconds = 0;  ///< spent on it, looking up included
};

enum class Stream { kStdout, kStderr };
enum class Level { kInfo, kWarning };

struct Built {};
struct BuildCancelled {};
using BuildResult = std::variant<Built, Error, BuildCancelled>;

/// What a build check found in the Dockerfile.
struct CheckWarning {
  std::string rule;
  std::string message;
  std::string url;  ///< where the rule is explained, or ""
  int line = 0;     ///< 0: none
};

/// Thread-safe: any method may be called from any thread at any time; the calls for one step come in
/// order. Strings are copied. None of them fails: a display that can't be written to stays silent.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// Announces a step; at any time before its first other event, so also while others run.
  virtual void step_declared(const Step& step) = 0;
  /// It runs now. Not called for a step that is reused. A sink may start a thread of its own here, so this
  /// comes after sandbox::enter_namespaces() (or suspend() comes before that).
  virtual void step_started(StepId id) = 0;
  /// Raw pieces of what it writes, not lines.
  virtual void step_output(StepId id, Stream stream, std::string_view chunk) = 0;
  /// The step's last event.
  virtual void step_finished(StepId id, const StepResult& result) = 0;
  /// One line about the build as a whole.
  virtual void message(Level level, std::string_view text) = 0;
  /// Shown at the end of the build, also of one that fails.
  virtual void check_warning(const CheckWarning& warning) = 0;
  /// The last event of all. An Error is shown here in full (where, why, what to do, and the end of the
  /// failed step's output): the caller only chooses the exit code. `seconds` is the whole build's.
  virtual void build_finished(const BuildResult& result, double seconds) = 0;

  /// When it returns, no thread of the sink runs, until the next step_started(). For a caller who
  /// needs the process to have one thread again (a bootstrap before the namespaces are entered).
  virtual void suspend() {}
};

}  // namespace pgstrata::progress
