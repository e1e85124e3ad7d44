// SOURCE_DATE_EPOCH: a number of seconds, or the name of something that has a time. As BuildKit's frontend
// 1.26 reads it (its epoch.go), from --build-arg or from the ARG before the first FROM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/from_dockerfile.h"
#include "remote/source.h"

namespace pgstrata::graph {

/// In seconds: times are nanoseconds inside.
inline constexpr std::int64_t kLatestEpoch = INT64_MAX / 1'000'000'000 - 1;

/// "context": the main build context.
struct MainContextEpoch {};
/// The name of a --build-context.
struct NamedContextEpoch {
  std::string name;
};
/// Seconds since 1970, or what has to be asked for them. A remote source is that of a stage which is FROM
/// scratch and has nothing but ARGs and one ADD.
using Epoch = std::variant<std::int64_t, MainContextEpoch, NamedContextEpoch, remote::Source>;

/// What SOURCE_DATE_EPOCH says; nothing if it isn't given, or empty. kUsage: a number out of range, a name
/// that is neither a context nor a stage, a stage that does more than to fetch one source; with the place
/// of the ARG or of the instruction in the stage.
Result<std::optional<Epoch>> read_epoch(const dockerfile::Dockerfile& dockerfile,
                                        const BuildRequest& request);

/// The Dockerfile sees the number from now on, in place of the name; nothing, if the name has no time.
void settle_epoch(BuildRequest& request, std::optional<std::int64_t> seconds);

}  // namespace pgstrata::graph
