// The records of a shared cache: which exact key gave which layer, and what RUNs asked. They are the
// configuration blob of the cache's manifest (docs/shared-cache.md).
//
// Format, version 2. Integers are little-endian; varint is LEB128 as in read_set.h, at most 9 bytes; a
// digest is 32 bytes; a blob is its digest, and its size as varint. The parts follow each other without
// gaps:
//
//   char[8]  "pgscach2"
//   varint   number of layers, and for each
//     digest digest digest   DiffID, change set, times (filetree/step_times.h; zeros: not a RUN's)
//     varint                 size of the tar
//     i64 i64 i64            of a RUN's: when its build began, it began, it ended; ns since the epoch
//     blob                   its list of files: a change-set file (snapshot/change_set_file.h) as one zstd
//     frame u8                     1: the tar is in the cache, and its blob follows; 0: it isn't
//   varint   number of exact keys, and for each
//     digest varint          key, number of its layer (whose tar is there)
//     f64 i64 i64 i64        seconds it took; when the files were made, from and to; when it was recorded
//     digest                 op of a RUN that was recorded, else zeros
//   varint   number of runs, and for each
//     digest digest varint   op, inputs, number of its layer (whose tar is there)
//     varint, varints        how many layers it ran on; their numbers, bottom first
//     f64 i64 i64            seconds; from when to when
//     varint, bytes          what it asked of the root file system, in the form of read_set.h
//     varint, bytes          and of its bind mounts
//     u8                     1: it looked up names on the network; 0: it didn't
//
// It comes from others, so decode() takes nothing for granted but that there is memory for as much as there
// are bytes. What the records say can't be checked by anybody: who may write them is trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/index.h"
#include "core/result.h"
#include "oci/digest.h"
#include "store/compressed_forms.h"

namespace pgstrata::remotecache {

struct SharedLayer {
  cache::LayerRow row;
  store::StoredBlob list;
  std::optional<store::StoredBlob> tar;  ///< perhaps compressed
  bool operator==(const SharedLayer&) const = default;
};

struct SharedKey {
  oci::Digest key;
  std::size_t layer = 0;
  double seconds = 0;
  cache::Made made;
  std::int64_t written = 0;
  oci::Digest op;
  bool operator==(const SharedKey&) const = default;
};

struct SharedRun {
  oci::Digest op;
  oci::Digest inputs;
  std::size_t layer = 0;
  std::vector<std::size_t> chain;  ///< bottom first
  double seconds = 0;
  cache::Made made;
  std::string asked;
  std::string mounts;
  bool names = false;  ///< as in cache::Asked
  bool operator==(const SharedRun&) const = default;
};

struct Records {
  std::vector<SharedLayer> layers;
  std::vector<SharedKey> keys;
  std::vector<SharedRun> runs;
  bool operator==(const Records&) const = default;
};

[[nodiscard]] std::string encode(const Records& records);
/// kCorrupt if it isn't what encode() wrote. Numbers of layers are in range afterwards.
Result<Records> decode(std::string_view bytes);

}  // namespace pgstrata::remotecache
