// Places in a Dockerfile.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pgstrata::dockerfile {

/// Lines and columns count from 1; a column counts bytes. `last_line` includes heredoc bodies.
struct SourceRange {
  int line = 0;
  int last_line = 0;
  int column = 1;
};

/// Where a part of a logical line stood in the file.
struct Piece {
  std::size_t offset = 0;  ///< in the logical line
  int line = 0;
  int column = 1;
};

/// The place of the byte at `offset` of the logical line that `pieces` (ascending by offset) make up;
/// `whole` if there are none.
[[nodiscard]] SourceRange place_in(const std::vector<Piece>& pieces, std::size_t offset,
                                   const SourceRange& whole);

}  // namespace pgstrata::dockerfile
