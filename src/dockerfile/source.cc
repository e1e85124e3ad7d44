#include "dockerfile/source.h"

#include <algorithm>

namespace pgstrata::dockerfile {

SourceRange place_in(const std::vector<Piece>& pieces, std::size_t offset, const SourceRange& whole) {
  auto piece = std::upper_bound(pieces.begin(), pieces.end(), offset,
                                [](std::size_t wanted, const Piece& at) { return wanted < at.offset; });
  if (piece == pieces.begin()) return whole;
  --piece;
  return {.line = piece->line,
          .last_line = whole.last_line,
          .column = piece->column + static_cast<int>(offset - piece->offset)};
}

}  // namespace pgstrata::dockerfile
