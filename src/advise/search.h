// The search for the order of a Dockerfile's instructions that makes rebuilds cheapest.
//
// A COPY goes as far down as it can: directly before the first RUN that needs something of it. If that RUN
// needs a part only, the part is copied there and the COPY itself goes on. RUNs change places where that
// lets more of them stand below what is often edited. What a RUN needs is first read off what it asked, and
// then corrected by what the proof refuses; a proposal has always been proven. Instructions never leave
// their stage, and nothing but RUN, COPY and ADD moves.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "advise/copied.h"
#include "advise/layout.h"
#include "core/result.h"
#include "filetree/observation.h"

namespace pgstrata::advise {

/// A RUN as it was recorded.
struct Run {
  /// What it asked, sorted by path; nothing if that isn't known: it then needs everything.
  std::optional<filetree::Observations> asked;
};

struct Model {
  std::vector<std::vector<InstructionId>>
      stages;  ///< of the stages that the target needs, in order, without FROM
  std::map<InstructionId, Run> runs;
  std::map<InstructionId, Copied> copies;  ///< COPY and ADD
};

/// Why a layout isn't proven to give the same image.
struct Obstacle {
  std::optional<InstructionId> step;  ///< that would do another thing; none: it is the image that differs
  std::string path;                   ///< about which it asked, or that differs; may be empty
  std::string reason;                 ///< a clause: "/opt/setup.sh, which it read, changed"
};

/// What the search can ask about a layout.
class Judge {
 public:
  Judge() = default;
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  virtual ~Judge() = default;

  /// Expected seconds of rebuilding.
  virtual Result<double> cost(const Layout& layout) = 0;
  /// Nothing if it gives the same image.
  virtual Result<std::optional<Obstacle>> prove(const Layout& layout) = 0;
};

/// A step that could have moved, and didn't.
struct Stuck {
  InstructionId moving = 0;
  Obstacle obstacle;
};

struct Proposal {
  Layout layout;  ///< the original one if nothing better is proven
  double before = 0;
  double after = 0;
  std::vector<Stuck> stuck;
};

/// Takes `original` for what can't be improved.
Result<Proposal> search(const Model& model, const Layout& original, Judge& judge);

}  // namespace pgstrata::advise
