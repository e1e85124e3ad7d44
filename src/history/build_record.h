// What is kept of a build after it: what became of each step, and why. `pgstrata explain` shows it, and
// `pgstrata advise` reckons with it.
//
// Format, version 1: one JSON object (UTF-8) per build, a file that is written once (builds.h says where).
// Fields that are empty, or zero where that means nothing, are left out; a reader passes over those it
// doesn't know.
//
//   version      1
//   id           its name: 8 hex digits
//   began        wall clock, ns since the epoch
//   seconds      from the command's start to its end
//   context      CONTEXT: an absolute path; a URL or "-" as given
//   dockerfile   absolute path, or as given
//   target       name of the stage that was built, "stage-N" if it has none
//   outcome      "built", "failed", "cancelled"
//   error        of one that wasn't built: "where: what: why"
//   image        digest of the image's configuration
//   unrecorded   why what RUNs asked wasn't recorded in this build: "--read-set=off"
//   steps        in the order of the build graph, then configuration instructions in that of their lines
//     vertex       number in the build graph; other steps name it so. None: a configuration instruction
//     kind         "source" (FROM, and images that COPY --from names), "file" (COPY, ADD, WORKDIR), "exec"
//     (RUN),
//                  "config"
//     stage        name of its stage, "stage-N" if it has none; none for an image that no stage is built on
//     line         in the Dockerfile, from 1
//     instruction  as written, joined to one line
//     name         as the progress shows it: "[build 2/5] RUN make"
//     status       "ran", "hit", "rebased", "cut-off", "config", "failed", "cancelled", "not-reached"
//     reason       why it was reused, or had to run, for a person
//     error        of one that failed
//     falsified    of a RUN: the answer that is another one than the run's that would have been reused
//       path         in `mount` or the root file system, without a leading slash
//       mount        target of the bind mount
//       questions    bits of filetree/observation.h
//       before, after  what there was and is, in words
//     started      when it began, or was found reusable: seconds since `began`
//     seconds      that it took
//     layer        its layer: "diff_id", "change_set" (digests) and "size" (bytes of the tar)
//     base         of a source: DiffIDs of the image's layers, bottom first
//     parent       vertex whose files it stands on. None: scratch
//     inputs       vertices that it takes files of besides (COPY --from, RUN --mount=from=), ascending
//     context      of COPY and ADD from a build context: its name; "" is the main one
//     run          of a RUN that was recorded, in this build or in the one whose layer is reused; its read
//     set is
//                  among the index's runs of `op` that gave `layer` (cache/index.h)
//       op           digest of what is run: the same command on other layers
//       inputs       digest of what is mounted
//     binds        of a RUN: targets of its bind mounts, with "" for each mount of another kind, in the
//     order of the
//                  instruction: a read set names mounts by their place here
//
// Digests are written "sha256:" and 64 hex digits. Paths (`context`, `dockerfile`, `path`, `mount`,
// `binds`) are written as path_text.h says, so that none is lost; other texts are for people, and what
// isn't UTF-8 in them becomes U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "oci/digest.h"

namespace pgstrata::history {

enum class Kind { kSource, kFile, kExec, kConfig };
enum class Status { kRan, kHit, kRebased, kCutOff, kConfig, kFailed, kCancelled, kNotReached };
enum class Outcome { kBuilt, kFailed, kCancelled };

/// The words of the format.
[[nodiscard]] std::string_view word(Kind kind);
[[nodiscard]] std::string_view word(Status status);
[[nodiscard]] std::string_view word(Outcome outcome);

/// As solver::Falsified.
struct Falsified {
  std::string path;
  std::string mount;
  filetree::Questions questions = 0;
  std::string before;
  std::string after;
  bool operator==(const Falsified&) const = default;
};

struct Layer {
  oci::Digest diff_id;
  oci::Digest change_set;
  std::uint64_t size = 0;
  bool operator==(const Layer&) const = default;
};

/// By what the read set of a RUN is found.
struct RunKey {
  oci::Digest op;
  oci::Digest inputs;
  bool operator==(const RunKey&) const = default;
};

using VertexId = std::size_t;

struct Step {
  std::optional<VertexId> vertex;
  Kind kind = Kind::kConfig;
  std::string stage;
  int line = 0;
  std::string instruction;
  std::string name;
  Status status = Status::kNotReached;
  std::string reason;
  std::string error;
  std::optional<Falsified> falsified;
  double started = 0;
  double seconds = 0;
  std::optional<Layer> layer;
  std::vector<oci::Digest> base;
  std::optional<VertexId> parent;
  std::vector<VertexId> inputs;
  std::optional<std::string> context;
  std::optional<RunKey> run;
  std::vector<std::string> binds;
  bool operator==(const Step&) const = default;
};

struct Build {
  std::string id;
  std::int64_t began = 0;
  double seconds = 0;
  std::string context;
  std::string dockerfile;
  std::string target;
  Outcome outcome = Outcome::kBuilt;
  std::string error;
  oci::Digest image;
  std::string unrecorded;
  std::vector<Step> steps;
  bool operator==(const Build&) const = default;

  /// Null if there is no such vertex.
  [[nodiscard]] const Step* vertex(VertexId number) const;
  /// DiffIDs of the layers that the step stood on, bottom first; nothing if one of them was never made.
  [[nodiscard]] std::optional<std::vector<oci::Digest>> chain_below(const Step& step) const;
};

[[nodiscard]] std::string to_json(const Build& build);
/// `name` is for messages. kCorrupt for what isn't such a record, with a hint if a newer pgstrata wrote it.
Result<Build> from_json(std::string_view json, const std::string& name);

}  // namespace pgstrata::history
