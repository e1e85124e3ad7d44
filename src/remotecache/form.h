// How a shared cache is written as an OCI manifest: its media types, and the lists of files as blobs.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "oci/digest.h"
#include "snapshot/change_set_file.h"

namespace pgstrata::remotecache {

inline constexpr std::string_view kRecordsType = "application/vnd.pgstrata.cache.records.v1";
inline constexpr std::string_view kListType = "application/vnd.pgstrata.cache.files.v1+zstd";

/// More than the records of any build: 256 MB.
inline constexpr std::uint64_t kLargestRecords = 256ULL * 1024 * 1024;
/// Of an uncompressed list of files, and so of a compressed one: two million files.
inline constexpr std::uint64_t kLargestList = 512ULL * 1024 * 1024;

/// A change-set file, compressed. kCorrupt if it isn't whole; `name` is for that message.
Result<std::string> packed_list(std::string bytes, const std::string& name);
/// The other way round: kCorrupt if it can't be read, or isn't the change set called `change_set`.
Result<std::string> unpacked_list(std::string_view packed, const oci::Digest& change_set);

}  // namespace pgstrata::remotecache
