// A FileTree over a directory that is mounted somewhere: the root file system of a container.
#pragma once

#include <string>

#include "filetree/file_tree.h"

namespace pgstrata::container {

/// Reads what is there at the time of each call. Extended attributes aren't read.
class MountedTree final : public filetree::FileTree {
 public:
  explicit MountedTree(std::string root) : root_(std::move(root)) {}

  Result<std::optional<filetree::Entry>> lookup(std::string_view path) const override;
  Result<std::vector<filetree::Entry>> list(std::string_view directory) const override;
  Result<filetree::ChangeSet> walk(std::string_view path) const override;
  Result<filetree::Content> open(const filetree::Entry& entry) const override;
  std::string name() const override { return "the container"; }

 private:
  [[nodiscard]] std::string host_path(std::string_view path) const;
  Result<void> walk_into(const filetree::Entry& entry, filetree::ChangeSet& found) const;

  std::string root_;
};

}  // namespace pgstrata::container
