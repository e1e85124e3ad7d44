// What a step asked of the tree below it, path by path: the answers aren't kept, since the tree never
// changes and has them at any time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgstrata::filetree {

/// A set of questions about one path. Each stands for everything that its answer may have told the step.
enum class Asked : std::uint8_t {
  kNothing = 0,
  kAbsent = 1 << 0,  ///< whether there is anything; there isn't, and then nothing else is asked
  kKind = 1 << 1,  ///< type, mode, uid, gid, device; the size of a file or link; whether it has more names
  kMeta = 1 << 2,  ///< all that stat shows, modification time included: comes with what it depends on
  kContent = 1 << 3,     ///< the bytes of a regular file
  kLinkTarget = 1 << 4,  ///< of a symbolic link
  kListing = 1 << 5,     ///< the names and types in a directory
  kXattrs = 1 << 6,      ///< names and values of extended attributes
  kRead = 1 << 7,        ///< bytes, names or target were read; without it, a stat alone stands for them
};

[[nodiscard]] constexpr Asked operator|(Asked a, Asked b) {
  return static_cast<Asked>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool has(Asked set, Asked question) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(question)) != 0;
}

struct Observation {
  std::string path;  ///< as in Entry::path
  Asked asked = Asked::kNothing;

  bool operator==(const Observation&) const = default;
};

/// Sorted by path, bytewise, each path once.
using Observations = std::vector<Observation>;

}  // namespace pgstrata::filetree
