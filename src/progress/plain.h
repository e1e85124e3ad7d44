// --progress=plain: lines for a log or a pipe, as BuildKit's plain mode has them.
//
//   #5 [build 2/5] RUN make
//   #5 0.312 output line            (seconds since the step started)
//   #5 DONE 1.2s                    (why it had to run, if known, in brackets)
//
//   #6 [build 3/5] COPY . /src
//   #6 CACHED (nothing it copies changed)
//
// A step's number is its id + 1. Lines of steps that run at the same time alternate; an empty line
// stands where the step changes. A failed step's last lines come once more at the end.
#pragma once

#include <memory>

#include "progress/event.h"
#include "progress/output.h"

namespace pgstrata::progress {

/// `output` and `clock` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_plain_sink(Output& output, const Clock& clock);

}  // namespace pgstrata::progress
