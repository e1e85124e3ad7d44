// Source: the directory that the recording lower passes through, by node instead of by path.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/fd.h"
#include "trace/nodes.h"
#include "trace/recently_used.h"

namespace pgstrata::trace {

/// A name in a directory, as readdir shows it.
struct Item {
  std::string name;
  std::uint64_t inode = 0;
  unsigned char type = 0;  ///< DT_*, never DT_UNKNOWN
};
using Listing = std::vector<Item>;  ///< sorted by name

/// Overlay's own attributes: in the lower of an overlay they would be obeyed, not shown.
[[nodiscard]] bool is_overlay_mark(std::string_view name);

/// Every step goes through one name in one open directory, so paths may be longer than PATH_MAX, and no
/// link is ever followed. Only the descriptors used last stay open. Functions return 0 or more, or errno's
/// value negated, as replies to the kernel need it. All calls may come from several threads.
class Source {
 public:
  /// `nodes` is borrowed.
  Source(os::Fd root, Nodes& nodes)
      : root_(std::make_shared<const os::Fd>(std::move(root))), nodes_(nodes) {}

  /// What lstat shows of a name in a directory. What overlay would take for a whiteout is not there.
  int look_up(NodeId directory, const char* name, struct stat& status);
  int status(NodeId node, struct stat& status);
  int read_link(NodeId node, std::string& target);
  int list(NodeId directory, std::shared_ptr<const Listing>& listing);
  ssize_t read(NodeId node, std::span<char> buffer, off_t offset);
  off_t seek(NodeId node, off_t offset, int whence);
  /// An empty buffer asks for the size alone.
  ssize_t get_xattr(NodeId node, const char* name, std::span<char> value);
  /// Names that belong to the tree, each with its NUL.
  int list_xattrs(NodeId node, std::string& names);

 private:
  /// A name in an open directory.
  struct At {
    std::shared_ptr<const os::Fd> directory;
    std::string name;
  };
  int directory(NodeId node, std::shared_ptr<const os::Fd>& fd);
  int file(NodeId node, std::shared_ptr<const os::Fd>& fd);
  int at(NodeId node, At& place);

  std::shared_ptr<const os::Fd> root_;
  Nodes& nodes_;
  RecentlyUsed<os::Fd> directories_{48};
  RecentlyUsed<os::Fd> files_{32};
  RecentlyUsed<Listing> listings_{8};
};

}  // namespace pgstrata::trace
