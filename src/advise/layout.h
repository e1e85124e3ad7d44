// The order of a Dockerfile's instructions, apart from their text: what a search changes, and how a new
// order becomes a Dockerfile again, line by line as it was written.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "dockerfile/parser.h"

namespace pgstrata::advise {

/// Index into Dockerfile::instructions.
using InstructionId = std::size_t;

/// Where an item stands, as far as blank lines and loose comments are concerned: they stay where they are.
enum class Place {
  kKept,    ///< where it always was
  kBefore,  ///< new here, and belongs to what follows
  kAfter,   ///< new here, and belongs to what precedes it
};

struct Item {
  InstructionId instruction = 0;
  Place place = Place::kKept;
  /// If not empty: these lines instead of the instruction's own, without line ends. A COPY of a part of
  /// what the instruction copies.
  std::vector<std::string> lines;
  bool comments = false;  ///< the comments above the instruction come with `lines`: it has no other place
  bool operator==(const Item&) const = default;
};
using Layout = std::vector<Item>;

/// All instructions in their order.
[[nodiscard]] Layout original_layout(const dockerfile::Dockerfile& dockerfile);

struct Rendered {
  std::string text;
  std::map<int, std::size_t> items;  ///< line at which an instruction begins → index in the layout
};
/// The comment lines directly above an instruction go with it. Every instruction must be in the layout
/// once, or be replaced by lines.
[[nodiscard]] Rendered render(const dockerfile::Dockerfile& dockerfile, const Layout& layout);

}  // namespace pgstrata::advise
