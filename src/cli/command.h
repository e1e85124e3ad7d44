// The verbs of the command line. One file per verb registers its options and runs it; main.cc calls
// run(). Nothing below this folder prints.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/result.h"

namespace CLI {
class App;
}

namespace pgstrata::cli {

/// Options that stand before the verb.
struct GlobalOptions {
  std::string root;  ///< the store's directory
};

/// Registers the verb's options at `app` (owned by CLI11) and gives the function that runs it once the
/// command line is parsed. Its result is the exit code.
using Command = std::function<Result<int>()>;
using RegisterVerb = Command (*)(CLI::App& app, const GlobalOptions& global);

struct Verb {
  const char* name;
  const char* summary;
  RegisterVerb add;
};

/// All verbs, in the order in which --help shows them.
[[nodiscard]] const std::vector<Verb>& verbs();

/// Parses the command line, runs the verb, prints what went wrong; the exit code of the process.
int run(int argc, char** argv);

/// The exit code that stands for an error (docs/contracts/build.md).
[[nodiscard]] int exit_code(const Error& error);
/// The error as a person sees it, in the one form that all verbs share (progress/wording.h).
[[nodiscard]] std::string render(const Error& error, bool color);

/// $PGSTRATA_ROOT, or /var/lib/pgstrata as root, else $XDG_DATA_HOME/pgstrata.
[[nodiscard]] std::string default_root();

}  // namespace pgstrata::cli
