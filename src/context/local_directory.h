// Reading a directory of this machine by descriptors: nothing here follows a symbolic link, so nothing
// leads out of the directory that `root` is.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/entry.h"
#include "oci/digest.h"
#include "os/fd.h"

namespace pgstrata::context {

/// Opens `path` (clean, "" for the root itself) below the directory `root`. No descriptor if it isn't
/// there, a component is a link or it can't be opened: errno says which. Paths may be longer than PATH_MAX.
[[nodiscard]] os::Fd open_beneath(int root, const std::string& path, int flags);
/// True for the values of errno that mean that there is nothing at a path.
[[nodiscard]] bool is_absent(int code);
/// can't read the file or directory `shown`: kUsage with advice if it isn't permitted, else kIo.
[[nodiscard]] Error unreadable(const std::string& shown, int code);

/// The names in a directory, sorted bytewise, without "." and "..".
class DirectoryNames {
 public:
  struct Name {
    const char* text;  ///< ends with a NUL
    std::uint32_t length;
    bool may_be_directory;  ///< false if the file system says that it is something else
    [[nodiscard]] std::string_view view() const { return {text, length}; }
  };
  /// Reads the open directory from its beginning. The names are valid until the next call.
  Result<void> read(int fd, const std::string& shown);
  [[nodiscard]] const std::vector<Name>& names() const { return names_; }

 private:
  std::string bytes_;  ///< getdents64's buffers, one after the other
  std::vector<Name> names_;
};

/// What lstat says, as an entry of a build context: owned by root, without content and xattrs. A socket is
/// an empty file: that is what BuildKit's client sends in its place (tonistiigi/fsutil, stat.go). Nothing
/// for what has no type at all.
std::optional<filetree::Entry> make_entry(std::string path, const struct stat& status);
/// The target of the link `name` in the directory `fd`; nothing if it is no link any more.
std::optional<std::string> read_link(int fd, const char* name);
/// The attributes of an open file that go into an image: security.capability, the only one that containerd
/// writes into layers (pkg/archive/tar.go).
std::vector<filetree::Xattr> read_xattrs(int fd);

struct HashedFile {
  struct stat status;     ///< the file's while it was read
  std::int64_t began_ns;  ///< by the kernel's coarse clock, which stamps the files
  oci::Digest content;
  std::vector<filetree::Xattr> xattrs;
};

/// Hashes files; keeps a buffer. One per thread.
class FileHasher {
 public:
  /// The regular file `name` in the directory `fd`. Nothing if there is no regular file (any more). A file
  /// that changes while it is read is read again, a few times; kIo after that.
  Result<std::optional<HashedFile>> hash(int fd, const char* name, const std::string& shown);

 private:
  Result<oci::Digest> digest(int fd, std::uint64_t size, const std::string& shown);

  oci::Sha256 sha256_;
  std::vector<std::byte> buffer_;
};

/// Now, by the kernel's coarse clock.
[[nodiscard]] std::int64_t coarse_now_ns();

}  // namespace pgstrata::context
