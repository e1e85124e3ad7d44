// The options of `pgstrata build` that are about how RUNs run, and those of buildx that have no meaning
// here.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/op.h"

namespace pgstrata::cli {

/// --add-host NAME:ADDRESS or NAME=ADDRESS. "host-gateway" is this machine, whose network RUNs have.
Result<std::vector<graph::ExtraHost>> parse_hosts(const std::vector<std::string>& words);
/// --ulimit NAME=SOFT[:HARD]; -1 is no limit.
Result<std::vector<graph::Ulimit>> parse_ulimits(const std::vector<std::string>& words);
/// --shm-size: a number with b, k, m or g behind it (1024 each); 0 for an empty text.
Result<std::uint64_t> parse_size(const char* option, const std::string& text);
/// --annotation [manifest:]KEY=VALUE. kUsage for an index's or a descriptor's, which nothing here would
/// show.
Result<std::map<std::string, std::string>> parse_annotations(const std::vector<std::string>& words);
/// --allow network.host, security.insecure, device[=NAME[,alias=OTHER]]; several with commas between them,
/// a named device last.
Result<std::set<std::string>> parse_allow(const std::vector<std::string>& words);

}  // namespace pgstrata::cli
