// Paths within a tree: cleaning, following symbolic links without ever leaving the root, and globs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::filetree {

/// Lexical: "/a/./b//../c/" becomes "a/c"; ".." never climbs above the root.
[[nodiscard]] std::string clean(std::string_view path);

enum class FinalLink { kFollow, kKeep };

/// Where `path` leads in `tree`: symbolic links in every component (in the last one only with kFollow)
/// are followed as if the tree were the root directory: absolute targets start at it and ".." stops at it.
/// Components that don't exist are kept as they are, so the result can name something to create.
/// Fails after 255 links (kUsage: a loop), as BuildKit does.
Result<std::string> resolve(const FileTree& tree, std::string_view path, FinalLink last);

/// True if Go's filepath.Match(pattern, name) is: `*`, `?`, `[a-z]`, `[^a]`, backslash escapes; a star
/// doesn't cross a slash. kUsage for a malformed pattern. See glob_pattern.h for many names.
Result<bool> match(std::string_view pattern, std::string_view name);
/// True if `pattern` has one of `*?[` that no backslash stands before. Without one a source is a plain
/// path, and a backslash in it is a backslash.
[[nodiscard]] bool has_glob(std::string_view pattern);

/// The paths in `tree` that match `pattern`, component by component, in the order of a walk (sorted by
/// name within each directory; it decides which of two sources wins). A pattern without glob characters
/// gives itself if what it leads to exists; a link in its last component is kept, since a copied file takes
/// its name from there. As in BuildKit, links are followed in the components before the
/// first one with a glob character, and not in those behind it; a match that is a link stays one.
Result<std::vector<std::string>> glob(const FileTree& tree, std::string_view pattern);

}  // namespace pgstrata::filetree
