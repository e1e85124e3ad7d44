#include "snapshot/xattrs.h"

#include <fmt/format.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

namespace pgstrata::snapshot {
namespace {

// struct vfs_ns_cap_data of linux/capability.h: magic and flags, two pairs of masks, the root's user id.
constexpr std::size_t kVersion2Size = 20;
constexpr std::size_t kVersion3Size = 24;
constexpr std::uint32_t kRevisionMask = 0xff000000;
constexpr std::uint32_t kRevision2 = 0x02000000;
constexpr std::uint32_t kRevision3 = 0x03000000;

/// The value, or nothing if the attribute went away between the list and now.
Result<std::optional<std::string>> read_value(const std::string& path, const char* name,
                                              std::string_view shown) {
  std::string value(256, '\0');
  while (true) {
    const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
    if (size >= 0) {
      value.resize(static_cast<std::size_t>(size));
      return value;
    }
    if (errno == ENODATA) return std::nullopt;
    if (errno != ERANGE || value.size() >= 65536)
      return fail(system_error(fmt::format("can't read the attribute {}", name), shown));
    value.resize(65536);
  }
}

}  // namespace

bool belongs_to_image(std::string_view name) {
  return !name.starts_with("trusted.overlay.") && !name.starts_with("user.overlay.") &&
         name != "security.selinux" && name != "security.ima" && name != "security.evm" &&
         !name.starts_with("security.SMACK64");
}

bool goes_into_layers(std::string_view name) {
  return name == "security.capability" || name.starts_with(kAclPrefix);
}

std::string portable_capability(std::string_view value) {
  std::string same(value);
  if (value.size() != kVersion3Size) return same;
  std::uint32_t magic = 0;
  std::uint32_t root = 0;
  std::memcpy(&magic, value.data(), sizeof magic);
  std::memcpy(&root, value.data() + kVersion2Size, sizeof root);
  if ((magic & kRevisionMask) != kRevision3 || root != 0) return same;
  magic = (magic & ~kRevisionMask) | kRevision2;
  std::memcpy(same.data(), &magic, sizeof magic);
  same.resize(kVersion2Size);
  return same;
}

Result<std::vector<filetree::Xattr>> read_xattrs(const std::string& path, std::string_view shown) {
  std::vector<filetree::Xattr> xattrs;
  std::array<char, 1024> small;
  std::string large;
  const char* names = small.data();
  ssize_t size = ::llistxattr(path.c_str(), small.data(), small.size());
  if (size < 0 && errno == ERANGE) {
    large.resize(65536);
    size = ::llistxattr(path.c_str(), large.data(), large.size());
    names = large.data();
  }
  if (size < 0 && errno == ENOTSUP) return xattrs;
  if (size < 0) return fail(system_error("can't list the extended attributes", shown));
  std::string_view rest(names, static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    auto value = TRY(read_value(path, name.c_str(), shown));
    if (!value) continue;
    xattrs.emplace_back(name,
                        name == "security.capability" ? portable_capability(*value) : *std::move(value));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

std::string proc_path(int directory, std::string_view name) {
  return fmt::format("/proc/self/fd/{}/{}", directory, name);
}

}  // namespace pgstrata::snapshot
