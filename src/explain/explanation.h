// A build as it is explained: its record, and what the store knows of its steps besides. text.h, json.h and
// html.h show it; collect.h puts it together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "filetree/observation.h"
#include "history/build_record.h"

namespace pgstrata::explain {

/// Steps are numbered from 1 in the order of their lines.
using Number = std::size_t;

/// What a layer holds.
struct Written {
  std::uint64_t bytes = 0;  ///< of its tar
  std::size_t files = 0;    ///< hard links among them
  std::size_t directories = 0;
  std::size_t links = 0;
  std::size_t others = 0;   ///< devices and FIFOs
  std::size_t removed = 0;  ///< whiteouts

  /// Directories that only lead to what changed aren't counted.
  [[nodiscard]] std::size_t entries() const { return files + directories + links + others + removed; }
};

/// Where the answers to a RUN's questions came from.
struct FromContext {  ///< a COPY or ADD of this number brought the path from a build context
  Number step = 0;
};
struct FromStep {  ///< an earlier step made it
  Number step = 0;
};
struct FromBase {
  Number step = 0;
};
struct FromMount {
  std::string target;
};
struct Nowhere {};  ///< looked for in vain
using Origin = std::variant<FromContext, FromStep, FromBase, FromMount, Nowhere>;

struct Group {
  Origin origin;
  filetree::Observations asked;  ///< by path
};
/// Those of contexts first, then of steps, bases, mounts, and what wasn't there.
using Reads = std::vector<Group>;

/// A question that tells more of a file than that it is there, and as what.
[[nodiscard]] bool is_read(filetree::Questions questions);

struct NotKnown {
  std::string why;  ///< for a person
};
struct NothingAsked {};  ///< only RUNs are recorded

struct Step {
  Number number = 0;
  history::Step record;
  std::vector<Number> needs;  ///< steps that it stands on or takes files of
  bool critical = false;      ///< the build took as long as it did because of this step
  /// What a reused RUN took when it ran: seconds that weren't spent now.
  std::optional<double> spared;
  /// Of a RUN that was rebased: steps below it that made other files than before.
  std::vector<Number> despite;
  std::optional<Written> written;
  /// It looked up names on the network when it ran: a reused result tells what was there then.
  bool looked_up_names = false;
  std::variant<NothingAsked, NotKnown, Reads> reads;
};

struct Explanation {
  history::Build build;  ///< its steps are in `steps`
  std::vector<Step> steps;

  /// Seconds of the steps of the critical path.
  [[nodiscard]] double critical_seconds() const;
  [[nodiscard]] double spared_seconds() const;
};

/// The steps that a person names: "12", the step that begins in line 12, else step number 12; "#12", step
/// number 12; "build:12", line 12 of the stage called build. Several if a line makes several (ONBUILD).
/// kUsage if there is none.
Result<std::vector<Number>> named_steps(const std::vector<Step>& steps, const std::string& name);

/// In the order of the lines, numbered, with what they need and the critical path: what the record alone
/// tells.
[[nodiscard]] std::vector<Step> ordered_steps(const history::Build& build);

}  // namespace pgstrata::explain
