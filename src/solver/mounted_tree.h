// The files of a bind mount as a RUN sees them, and their answers to what it asked: the content of a mount
// is kept nowhere, so a recorded run carries the answers themselves.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "filetree/entry.h"
#include "filetree/observation.h"
#include "oci/digest.h"

namespace pgstrata::solver {

class MountedTree {
 public:
  /// `entries` is what FileTree::walk(top) gave.
  MountedTree(const filetree::ChangeSet& entries, std::string_view top);

  /// The answers to all questions of one observation, whose path is relative to the mount; equal trees give
  /// equal digests.
  [[nodiscard]] oci::Digest answer(const filetree::Observation& observation) const;
  /// What there is, in words.
  [[nodiscard]] std::string describe(const std::string& path) const;

 private:
  struct Node {
    filetree::Entry entry;
    std::vector<std::string> links;  ///< all its names, if it has several
  };
  void add_listing(const std::string& directory, oci::KeyHasher& key) const;

  std::map<std::string, Node, std::less<>> nodes_;
};

/// "a file of 12 bytes, mode 644", "absent" …
[[nodiscard]] std::string describe(const filetree::Entry* entry);

}  // namespace pgstrata::solver
