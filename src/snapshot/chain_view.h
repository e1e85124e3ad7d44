// ChainView: the merged tree of a chain of layers, from their change sets alone. It shows what an overlay
// mount of the layers shows (image-spec layer.md, "Applying Changesets"; Documentation/filesystems/
// overlayfs.rst, "Merged directories"), without mounting, reading or unpacking anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"
#include "snapshot/change_set_file.h"
#include "snapshot/content.h"

namespace pgstrata::snapshot {

struct LayerView {
  const ChangeSetFile* changes = nullptr;  ///< borrowed; must outlive the view
  ContentOpener open;
};

/// - A directory is merged with those of the layers below it, down to the first that is opaque; its own
///   attributes are those of the topmost layer that has it.
/// - Anything else, and a whiteout, hides what lies below. A directory over a file hides the file and
///   everything that the file hid.
/// - A hard link is the file that its own layer links it to, also when that other name is hidden.
/// A chain without layers, or without an entry for the root, has a root of mode 0755 owned by 0:0.
class ChainView final : public filetree::FileTree {
 public:
  /// `layers` bottom first.
  ChainView(std::vector<LayerView> layers, std::string name);

  Result<std::optional<filetree::Entry>> lookup(std::string_view path) const override;
  Result<std::vector<filetree::Entry>> list(std::string_view directory) const override;
  Result<filetree::ChangeSet> walk(std::string_view top) const override;
  Result<filetree::Content> open(const filetree::Entry& entry) const override;
  std::string name() const override { return name_; }

  /// Where what the tree shows at a path comes from.
  struct Origin {
    std::size_t layer = 0;  ///< in the chain, bottom first
    std::string inode;      ///< its name in that layer, or that of the file that it is a hard link to
  };
  /// Nothing for a path that isn't there, and for a root without an entry.
  [[nodiscard]] Result<std::optional<Origin>> origin(std::string_view path) const;

 private:
  struct Place {
    std::size_t layer = 0;
    std::size_t index = 0;
  };
  /// A layer's part of a merged directory.
  struct Part {
    std::size_t layer = 0;
    ChangeSetFile::Range below;
  };
  /// One name of the merged tree while the layers are gone through from the top.
  struct Node {
    std::string_view path;
    std::optional<Place> shown;  ///< none: absent (or a root without an entry)
    bool closed = false;         ///< nothing further down has a say
    std::vector<Part> parts;     ///< of a directory, top first
  };

  /// Takes what `layer` has at `index` into account.
  Result<void> merge(Node& node, std::size_t layer, std::size_t index, ChangeSetFile::Range within) const;
  Result<Node> root() const;
  /// `path` if every component before the last is a directory.
  Result<std::optional<Node>> find(std::string_view path) const;
  Result<std::vector<Node>> children(const Node& directory) const;
  Result<filetree::Entry> entry_of(const Node& node) const;
  /// The record that holds the bytes and attributes of a file: itself, or what it is a hard link to.
  Result<Place> inode(Place place) const;
  Result<void> walk_into(const Node& node, std::vector<Node>& found) const;

  std::vector<LayerView> layers_;  ///< top first
  std::string name_;
};

}  // namespace pgstrata::snapshot
