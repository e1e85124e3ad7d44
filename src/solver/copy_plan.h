// COPY and ADD without a mount: which entries the layer has, from the source tree and the chain below.
// The rules are those of BuildKit's file backend (solver/llbsolver/file, tonistiigi/fsutil copy):
//
// - Every component of the destination is followed through links of the stage; missing directories, the
//   destination of a directory among them, are created 0755 or as a numeric --chmod says, owned by --chown.
// - A name in --chown that the stage doesn't have is root, with a warning.
// - The destination is a directory if it ends with a slash or is one already. A file goes into it under its
//   own name, else it takes the destination's (of several such, the last one stands); of a directory only
//   the content is copied.
// - A source that is a link is followed within its tree; links below a source directory are copied.
// - A directory that exists keeps its attributes if it is the destination itself, and takes the source's
//   below. A file replaces a file or link, but never a directory; a directory never replaces a file.
// - What an archive holds does replace: a file a directory, a directory a file or link. --chmod isn't for
// it.
// - Of attributes only those stay that layers have (snapshot/xattrs.h).
// - --link has no stage: `below` is empty, and what the layer has hides what is there, links and modes too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"
#include "graph/op.h"
#include "snapshot/content.h"

namespace pgstrata::solver {

/// --link: the layer is made without looking at the stage, is the same on any, and has a key without it.
/// BuildKit (dockerfile2llb/convert_copy.go), too, makes an ordinary copy of --link with --chmod.
[[nodiscard]] inline bool is_linked(const graph::CopyAction& action) {
  return action.link && !action.chmod;
}

/// Where the bytes below one copied path come from.
struct CopyRoot {
  std::string destination;  ///< path in the layer
  std::string source;       ///< path of the same file or directory in the source
  /// Opens an entry whose path is in the source; kNotFound if the source doesn't have it.
  snapshot::ContentOpener open;
};

struct CopyPlan {
  filetree::ChangeSet entries;  ///< sorted, with implied parents up to the root; digests known
  std::vector<CopyRoot> roots;  ///< later ones win
  std::vector<graph::InlineFile> inline_files;  ///< `name` is the path in the layer
  std::string warning;                          ///< for whoever wrote the instruction, or empty

  /// The bytes of one of `entries`.
  [[nodiscard]] Result<filetree::Content> open(const filetree::Entry& entry) const;
};

struct CopyOptions {
  std::int64_t now_ns = 0;  ///< mtime of created directories and inline files
  /// SOURCE_DATE_EPOCH: mtime of everything that comes from a build context, whatever the checkout's are.
  std::optional<std::int64_t> epoch_ns;
  bool from_context = true;     ///< the source is a build context, not a stage or image
  bool has_stage = true;        ///< `below` is a stage whose passwd --chown can ask
  std::string spool_directory;  ///< where ADD spools an archive's contents
};

/// One source of a COPY: what a pattern selected, read once, used for the key and for the plan.
struct Selected {
  std::string path;                          ///< as matched; its last component names a copied file
  std::string top;                           ///< `path` with links followed
  filetree::ChangeSet entries;               ///< `top` and all below it, paths as in the source tree
  const filetree::FileTree* tree = nullptr;  ///< where it is, if not in the action's `from`
  bool unpack = false;                       ///< if it is an archive, its content is meant
  std::size_t source = 0;                    ///< which of the action's `sources` selected it
};

/// What the action's patterns select in `source`. A pattern with wildcards may select nothing, as in
/// BuildKit, whose users write `COPY go.mod go.su[m] ./` for a file that may be missing; kUsage names a
/// path that isn't there.
Result<std::vector<Selected>> select_sources(const graph::CopyAction& action,
                                             const filetree::FileTree& source);
/// What COPY's exact key takes from its source: paths, types, modes (as --chmod leaves them), owners
/// (unless --chown replaces them), links, xattrs and contents, not mtimes.
Result<oci::Digest> source_digest(const graph::CopyAction& action, const std::vector<Selected>& selected);

Result<CopyPlan> plan_copy(const graph::CopyAction& action, const filetree::FileTree& source,
                           std::vector<Selected> selected, const filetree::FileTree& below,
                           const CopyOptions& options);
/// WORKDIR.
Result<CopyPlan> plan_directory(const graph::MakeDirectory& action, const filetree::FileTree& below,
                                const CopyOptions& options);

/// Adds to `entries` (sorted) every missing parent as an implied directory as it is below.
Result<void> add_implied_parents(filetree::ChangeSet& entries, const filetree::FileTree& below,
                                 std::int64_t now_ns);

}  // namespace pgstrata::solver
