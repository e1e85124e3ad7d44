// The time of what SOURCE_DATE_EPOCH names (graph/epoch.h).
#pragma once

#include <cstdint>
#include <optional>

#include "cli/contexts.h"
#include "core/result.h"
#include "graph/epoch.h"

namespace pgstrata::cli {

/// Seconds since 1970: of a commit its own, of a file behind a URL Last-Modified, or of its newest file if
/// it is an archive and the server doesn't say. Nothing for what has no time of its own: a directory of
/// this machine, an image, any other file.
Result<std::optional<std::int64_t>> epoch_time(const graph::Epoch& epoch, const ContextRequest& contexts,
                                               remote::Fetcher& fetcher);

}  // namespace pgstrata::cli
