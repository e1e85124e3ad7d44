// --progress=quiet: nothing but warnings and, if the build fails, the error with the end of the step's
// output.
#pragma once

#include <memory>

#include "progress/event.h"
#include "progress/output.h"

namespace pgstrata::progress {

/// `output` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_quiet_sink(Output& output);

}  // namespace pgstrata::progress
