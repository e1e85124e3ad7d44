// For tests: a build of two stages that has a step of every status, with names that no page likes.
#pragma once

#include <string>
#include <vector>

#include "explain/explanation.h"

namespace pgstrata::explain::testing {

/// Lines of the Dockerfile that it is a build of:
///
///   1  FROM base AS tools          hit
///   2  COPY . /src                 ran, the context changed
///   3  RUN make                    cut-off, 2 s
///   4  FROM base                   (the same vertex as line 1)
///   5  COPY --from=tools /x /y     hit
///   6  RUN test <"&                rebased
///   7  RUN false                   failed, 1 s
///   8  RUN later                   not reached
///   9  CMD true                    config
inline history::Build fake_build() {
  using history::Kind;
  using history::Status;
  const auto layer = [](const std::string& name, std::uint64_t size) {
    return history::Layer{
        .diff_id = oci::sha256(name), .change_set = oci::sha256(name + "c"), .size = size};
  };
  return {.id = "0a1b2c3d",
          .began = 1'790'000'000'000'000'000,
          .seconds = 3.5,
          .context = "/ctx/<b>&\xFF",
          .dockerfile = "/ctx/Dockerfile",
          .target = "stage-1",
          .outcome = history::Outcome::kFailed,
          .error = "Dockerfile:7: RUN false failed: exit code 1",
          .steps = {
              {.vertex = 0,
               .kind = Kind::kSource,
               .stage = "tools",
               .line = 1,
               .instruction = "FROM base AS tools",
               .status = Status::kHit,
               .reason = "the base image is in the store",
               .started = 0.001,
               .base = {oci::sha256("base")}},
              {.vertex = 1,
               .kind = Kind::kFile,
               .stage = "tools",
               .line = 2,
               .instruction = "COPY . /src",
               .status = Status::kRan,
               .reason = "Makefile changed",
               .started = 0.01,
               .seconds = 0.25,
               .layer = layer("copied", 5000),
               .parent = 0,
               .context = ""},
              {.vertex = 2,
               .kind = Kind::kExec,
               .stage = "tools",
               .line = 3,
               .instruction = "RUN make",
               .status = Status::kCutOff,
               .reason = "/src/Makefile, which it read, changed",
               .falsified = history::Falsified{.path = "src/<Make>\n\xFF&\"",
                                               .questions = filetree::kAskedContent | filetree::kAskedKind,
                                               .before = "a file of 3 bytes",
                                               .after = "a file of 4 bytes"},
               .started = 0.3,
               .seconds = 2,
               .layer = layer("made", 70'000),
               .parent = 1,
               .run = history::RunKey{.op = oci::sha256("op")}},
              {.vertex = 3,
               .kind = Kind::kFile,
               .stage = "stage-1",
               .line = 5,
               .instruction = "COPY --from=tools /x /y",
               .status = Status::kHit,
               .reason = "nothing it depends on changed",
               .started = 2.31,
               .layer = layer("y", 1000),
               .parent = 0,
               .inputs = {2}},
              {.vertex = 4,
               .kind = Kind::kExec,
               .stage = "stage-1",
               .line = 6,
               .instruction = "RUN test <\"&",
               .status = Status::kRebased,
               .reason = "nothing that it asked for changed",
               .started = 2.32,
               .layer = layer("tested", 2000),
               .parent = 3,
               .run = history::RunKey{.op = oci::sha256("op 2")}},
              {.vertex = 5,
               .kind = Kind::kExec,
               .stage = "stage-1",
               .line = 7,
               .instruction = "RUN false",
               .status = Status::kFailed,
               .reason = "first build of this step",
               .error = "exit code 1",
               .started = 2.4,
               .seconds = 1,
               .parent = 4},
              {.vertex = 6,
               .kind = Kind::kExec,
               .stage = "stage-1",
               .line = 8,
               .instruction = "RUN later",
               .parent = 5},
              {.kind = Kind::kConfig,
               .stage = "stage-1",
               .line = 9,
               .instruction = "CMD true",
               .status = Status::kConfig}}};
}

/// Its explanation, with reads of the two RUNs that have any.
inline Explanation fake_explanation() {
  Explanation explanation{.build = fake_build(), .steps = ordered_steps(fake_build())};
  Step& make = explanation.steps[2];
  make.written = Written{.bytes = 70'000, .files = 1, .directories = 2, .removed = 3};
  make.reads =
      Reads{{.origin = FromContext{2},
             .asked = {{.path = "src/<Make>\n\xFF&\"", .questions = filetree::kAskedContent},
                       {.path = "src/seen", .questions = filetree::kAskedKind}}},
            {.origin = FromBase{1},
             .asked = {{.path = "bin", .questions = filetree::kAskedListing},
                       {.path = "bin/sh", .questions = filetree::kAskedContent | filetree::kAskedKind}}},
            {.origin = FromMount{"/m<>"}, .asked = {{.path = "one", .questions = filetree::kAskedContent}}},
            {.origin = Nowhere{}, .asked = {{.path = "etc/none", .questions = filetree::kAskedAbsent}}}};
  explanation.steps[4].spared = 1.5;
  explanation.steps[4].reads = NotKnown{"its recording is <gone>"};
  return explanation;
}

}  // namespace pgstrata::explain::testing
