// `pgstrata advise`: from a build that was recorded to a better order of its Dockerfile.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "advise/edits.h"
#include "context/ignore.h"
#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/from_dockerfile.h"
#include "history/build_record.h"
#include "solver/bases.h"
#include "store/layer_store.h"

namespace pgstrata::advise {

/// All is borrowed.
struct AdviceInputs {
  std::string_view text;  ///< of the Dockerfile, to the byte
  const dockerfile::Dockerfile& dockerfile;
  std::string name;  ///< of the Dockerfile, in the diff
  const graph::BuildRequest& request;
  const std::vector<history::Build>& builds;  ///< of this context and Dockerfile, newest first
  store::LayerStore& layers;
  solver::Bases& bases;
  std::map<std::string, const filetree::FileTree*> contexts;  ///< "" is the main one
  const context::IgnorePatterns& ignore;                      ///< of the main context
  Edits edits;
};

/// An instruction that goes elsewhere.
struct Change {
  int line = 0;  ///< in the Dockerfile as it is
  std::string instruction;
  std::string what;  ///< "goes below line 6"
};
/// One that stays although it would be cheaper elsewhere.
struct Kept {
  int line = 0;
  std::string instruction;
  std::string why;
};
/// What a RUN needs of a COPY before it.
struct Need {
  int line = 0;  ///< of the COPY
  std::size_t files = 0;
  std::size_t of = 0;   ///< files that it copies
  std::string example;  ///< a clause: "/opt/app/setup.sh, which it read"
};
/// How often a RUN is made anew, and because of what.
struct RunRate {
  int line = 0;
  std::string instruction;
  double seconds = 0;  ///< it takes
  double before = 0;   ///< times, in the unit of the edits
  double after = 0;
  bool recorded = false;  ///< else it stays below all that it had
  std::vector<Need> needs;
};

struct Advice {
  std::string build;       ///< id of the build that it is about
  std::string unrecorded;  ///< why that build recorded nothing, or empty
  Edits edits;             ///< as they were taken into account: without files that the context leaves out
  double before = 0;       ///< seconds of rebuilding, in the unit of the edits
  double after = 0;
  std::vector<Change> changes;  ///< empty: it is as good as it can be proven to be
  std::vector<Kept> kept;
  std::vector<RunRate> runs;
  std::size_t questions = 0;  ///< by which the proof compared the RUNs
  std::string text;           ///< the new Dockerfile; the old one if nothing changes
  std::string diff;           ///< unified; "" if nothing changes
};

/// kUsage if there is no build of this Dockerfile and context as they are.
Result<Advice> advise(const AdviceInputs& inputs);

}  // namespace pgstrata::advise
