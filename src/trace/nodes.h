// Nodes: every name that the kernel looked up, what it stands for, and what was asked of it.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "filetree/observation.h"

namespace pgstrata::trace {

using NodeId = std::uint64_t;
inline constexpr NodeId kRoot = 1;  ///< the kernel's name for it (FUSE_ROOT_ID)

/// A node is a file, not a path: two hard links are one node, so what was asked of it holds for every name
/// by which it was looked up, before or after. Nodes are never forgotten, also when the kernel does so:
/// their observations are needed at the end, and they are small (some 100 bytes a name). All calls may come
/// from several threads.
class Nodes {
 public:
  Nodes();

  /// One of the names of a node; not for the root.
  struct Place {
    NodeId parent = 0;
    std::string name;
  };

  /// The node of a name that is there: the same one each time, and for each name of a file with several.
  /// Asks Kind.
  NodeId add(NodeId parent, std::string name, const struct stat& status);
  /// Notes that there is no such name.
  void add_absent(NodeId parent, std::string name);
  /// Notes a question, and returns all that was asked of the node until now.
  filetree::Questions ask(NodeId node, filetree::Questions questions);
  [[nodiscard]] Place place(NodeId node) const;
  /// The path of a node, by the name under which it was looked up first.
  [[nodiscard]] std::string path(NodeId node) const;
  [[nodiscard]] filetree::Observations observations() const;

 private:
  struct Name {
    NodeId parent = 0;
    std::string name;
    bool operator==(const Name&) const = default;
  };
  struct HashName {
    std::size_t operator()(const Name& name) const {
      return std::hash<std::string>()(name.name) ^ (name.parent * 0x9e3779b97f4a7c15U);
    }
  };
  struct Node {
    const Name* first_name = nullptr;  ///< a key of names_; none for the root
    filetree::Questions asked = 0;
  };

  [[nodiscard]] std::string path_of(const Name* name) const;

  mutable std::mutex mutex_;
  std::deque<Node> nodes_;                            ///< by id
  std::unordered_map<Name, NodeId, HashName> names_;  ///< 0: absent
  std::map<std::pair<dev_t, ino_t>, NodeId> linked_;  ///< files with several names
};

}  // namespace pgstrata::trace
