#include "sandbox/limits.h"

#include <array>
#include <utility>

namespace pgstrata::sandbox {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 15> kLimits = {{{"core", RLIMIT_CORE},
                                                                       {"cpu", RLIMIT_CPU},
                                                                       {"data", RLIMIT_DATA},
                                                                       {"fsize", RLIMIT_FSIZE},
                                                                       {"locks", RLIMIT_LOCKS},
                                                                       {"memlock", RLIMIT_MEMLOCK},
                                                                       {"msgqueue", RLIMIT_MSGQUEUE},
                                                                       {"nice", RLIMIT_NICE},
                                                                       {"nofile", RLIMIT_NOFILE},
                                                                       {"nproc", RLIMIT_NPROC},
                                                                       {"rss", RLIMIT_RSS},
                                                                       {"rtprio", RLIMIT_RTPRIO},
                                                                       {"rttime", RLIMIT_RTTIME},
                                                                       {"sigpending", RLIMIT_SIGPENDING},
                                                                       {"stack", RLIMIT_STACK}}};

}  // namespace

std::optional<int> limit_number(std::string_view name) {
  for (const auto& [known, number] : kLimits)
    if (known == name) return number;
  return std::nullopt;
}

std::string limit_names() {
  std::string names;
  for (const auto& [name, number] : kLimits) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace pgstrata::sandbox
