// How the index's statements give a LayerRow: their first columns are kLayerColumns.
#pragma once

#include "cache/index.h"
#include "cache/sqlite.h"

namespace pgstrata::cache {

inline constexpr const char* kLayerColumns =
    "diff_id, change_set, layer.size, times, layer.build, layer.began, layer.ended";
inline constexpr int kAfterLayer = 7;  ///< number of the next column

[[nodiscard]] inline LayerRow layer_row(const Statement& row) {
  return {.diff_id = row.digest(0),
          .change_set = row.digest(1),
          .size = static_cast<std::uint64_t>(row.integer(2)),
          .times = row.digest(3),
          .step = {.build = row.integer(4), .began = row.integer(5), .ended = row.integer(6)}};
}

}  // namespace pgstrata::cache
