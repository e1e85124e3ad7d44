// Extended attributes of files in layers: which of them belong to an image, and in which form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::snapshot {

/// Of the two attributes that are POSIX ACLs.
inline constexpr std::string_view kAclPrefix = "system.posix_acl_";

/// False for what the machine or the overlay put there and no image should carry: overlay's own marks
/// (trusted.overlay.*, user.overlay.*), and labels that name the host's policy or inode (security.selinux,
/// .ima, .evm, .SMACK64*).
[[nodiscard]] bool belongs_to_image(std::string_view name);

/// Whether a new layer gets the attribute. As containerd (pkg/archive/tar.go) and so BuildKit write layers,
/// security.capability alone survives the step; POSIX ACLs do as well here, since a later step may count on
/// them. What a base image has stays.
[[nodiscard]] bool goes_into_layers(std::string_view name);

/// security.capability in the form of the initial namespace (version 2). Version 3 carries the user id
/// of the namespace it was set in; where that is our own root (0) it says the same as version 2, so a
/// build as root and one in a user namespace give the same bytes. Other values come back unchanged.
[[nodiscard]] std::string portable_capability(std::string_view value);

/// All attributes of a file, sorted by name, overlay's own included. `path` isn't followed if it is a
/// link, unless it names a descriptor in /proc/self/fd. A file system without attributes has none.
Result<std::vector<filetree::Xattr>> read_xattrs(const std::string& path, std::string_view shown);

/// How to name an entry of an open directory to calls that have no *at form.
[[nodiscard]] std::string proc_path(int directory, std::string_view name);

}  // namespace pgstrata::snapshot
