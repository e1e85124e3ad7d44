// RUN --mount=…: a list of comma-separated fields. Their values may hold variables, so what they mean
// is known only when the step is planned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "dockerfile/expansion.h"

namespace pgstrata::dockerfile {

/// As written. `from` can't hold variables, so it is known at once.
struct MountFlag {
  std::vector<std::string> fields;
  std::string from;
  std::size_t offset = 0;  ///< in Instruction::text
};

enum class CacheSharing { kShared, kPrivate, kLocked };
struct FileOwner {
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct BindMountSpec {
  std::string from;
  std::string source;
  std::string target;
  bool read_only = true;
};
struct CacheMountSpec {
  std::string id;  ///< "" means: named by its target
  std::string from;
  std::string source;
  std::string target;
  CacheSharing sharing = CacheSharing::kShared;
  FileOwner owner;
  bool read_only = false;
};
struct TmpfsMountSpec {
  std::string target;
  std::uint64_t size = 0;  ///< bytes; 0: no limit
};
struct SecretMountSpec {
  std::string id;  ///< never ""
  std::optional<std::string> target;
  std::optional<std::string> env;
  bool required = false;
  FileOwner owner;
};
struct SshMountSpec {
  std::string id;  ///< "default" if none was given
  std::string target;
  bool required = false;
  FileOwner owner;
};
using MountSpec =
    std::variant<BindMountSpec, CacheMountSpec, TmpfsMountSpec, SecretMountSpec, SshMountSpec>;

/// Splits the flag's value. kUsage without place for broken quoting and for a variable in `from`.
Result<MountFlag> parse_mount_flag(std::string_view value);

/// Expands the values and applies the rules of the mount's type. kUsage without place; `wrong_field`, if it
/// is given, is then the field that is refused, or "" if it isn't a single one.
Result<MountSpec> resolve_mount(const MountFlag& flag, const Lookup& lookup, char escape,
                                std::string* wrong_field = nullptr);

/// The fields of one line of CSV (RFC 4180: quotes only around a whole field).
Result<std::vector<std::string>> csv_fields(std::string_view text);

}  // namespace pgstrata::dockerfile
