// Places in a Dockerfile.
#pragma once

#include <string>

namespace pgstrata::dockerfile {

/// Lines and columns count from 1; a column counts bytes. `last_line` includes heredoc bodies.
struct SourceRange {
  int line = 0;
  int last_line = 0;
  int column = 1;
};

}  // namespace pgstrata::dockerfile
