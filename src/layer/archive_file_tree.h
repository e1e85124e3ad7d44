// An archive as a FileTree, without unpacking it: a build context that comes as a tar.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "filetree/file_tree.h"
#include "layer/archive_tree.h"

namespace pgstrata::layer {

/// Owners, devices and attributes are the archive's. Immutable; any number of threads.
class ArchiveFileTree final : public filetree::FileTree {
 public:
  /// Hashes every file. `name` is for messages. An archive without entries is an empty directory.
  static Result<std::unique_ptr<ArchiveFileTree>> make(ArchiveTree archive, std::string name);

  [[nodiscard]] Result<std::optional<filetree::Entry>> lookup(std::string_view path) const override;
  [[nodiscard]] Result<std::vector<filetree::Entry>> list(std::string_view directory) const override;
  [[nodiscard]] Result<filetree::ChangeSet> walk(std::string_view path) const override;
  [[nodiscard]] Result<filetree::Content> open(const filetree::Entry& entry) const override;
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  ArchiveFileTree(filetree::ChangeSet entries, snapshot::ContentOpener open, std::string name);
  [[nodiscard]] const filetree::Entry* find(std::string_view path) const;
  /// The regular file that a hard link is another name of.
  [[nodiscard]] const filetree::Entry& file_of(const filetree::Entry& entry) const;

  filetree::ChangeSet entries_;  ///< sorted, the root first
  snapshot::ContentOpener open_;
  std::string name_;
};

}  // namespace pgstrata::layer
