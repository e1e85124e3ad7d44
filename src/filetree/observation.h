// What a step asked of the tree below it: the currency between the recorder of a RUN's questions, which
// makes them, and the cache, which asks whether their answers are still the same on another chain
// (docs/read-sets.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::filetree {

/// Kinds of questions, as bits.
using Questions = std::uint8_t;

inline constexpr Questions kAskedAbsent = 1U << 0U;  ///< looked up, and not there
inline constexpr Questions kAskedKind =
    1U << 1U;  ///< looked up: type, mode, owner, device, size, one name or several
inline constexpr Questions kAskedMeta = 1U << 2U;  ///< of a regular file: which other names it has
inline constexpr Questions kAskedContent =
    1U << 3U;  ///< the bytes of a regular file, or anything that tells of them
inline constexpr Questions kAskedTarget = 1U << 4U;   ///< where a symbolic link leads
inline constexpr Questions kAskedListing = 1U << 5U;  ///< the names in a directory, and their types
inline constexpr Questions kAskedXattrs = 1U << 6U;   ///< extended attributes
inline constexpr Questions kAskedAnything = 0x7F;
/// Not a question: bytes, names or target were read. Without it a stat alone stands for them.
inline constexpr Questions kAskedRead = 1U << 7U;

/// The questions that were asked of one path. A directory that was only walked through has kAskedKind.
struct Observation {
  std::string path;  ///< as in filetree::Entry; "" is the root
  Questions questions = 0;
  bool operator==(const Observation&) const = default;
};

/// Sorted by path, each path once.
using Observations = std::vector<Observation>;

/// The English word for the first of several questions: "absence", "kind", "content" …
[[nodiscard]] std::string_view name_of(Questions questions);

}  // namespace pgstrata::filetree
