#include "trace/requests.h"

#include <dirent.h>
#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <vector>

#include "trace/server.h"

namespace pgstrata::trace {
namespace {

using filetree::Questions;

/// Seconds for which an answer holds: longer than any step, within the kernel's arithmetic.
constexpr double kForever = 1e9;

Server& server_of(fuse_req_t request) { return *static_cast<Server*>(::fuse_req_userdata(request)); }

/// Passes a failure on to who asked. What an immutable tree can't answer makes the recording worthless.
void reply_failure(fuse_req_t request, const char* what, int code) {
  server_of(request).fail(system_error(fmt::format("can't {} of the layers below", what), "", code));
  ::fuse_reply_err(request, code);
}

/// A directory's size and number of links depend on the file system that the layers happen to lie on.
void hide_directory_sizes(struct stat& status) {
  if (!S_ISDIR(status.st_mode)) return;
  status.st_nlink = 1;
  status.st_size = 4096;
  status.st_blocks = 8;
}

/// What a look-up tells by itself (filetree::kAskedKind): the kernel shows it to whoever asks for cached
/// attributes only (AT_STATX_DONT_SYNC), and uses the size for splice, copy_file_range, FIONREAD and page
/// faults.
struct stat kind_of(const struct stat& full) {
  struct stat kind {};
  kind.st_mode = full.st_mode;
  kind.st_uid = full.st_uid;
  kind.st_gid = full.st_gid;
  kind.st_rdev = full.st_rdev;
  kind.st_ino = full.st_ino;
  kind.st_size = full.st_size;
  kind.st_blksize = full.st_blksize;
  // Overlay treats names of one file as files of their own (a write breaks the link), if it knows.
  kind.st_nlink = full.st_nlink > 1 ? 2 : 1;
  hide_directory_sizes(kind);
  return kind;
}

/// What stat shows depends on more than stat's numbers: programs decide by times (make, rsync, cp -u).
Questions asked_by_stat(mode_t mode) {
  if (S_ISREG(mode)) return filetree::kAskedMeta | filetree::kAskedContent;
  if (S_ISDIR(mode)) return filetree::kAskedMeta | filetree::kAskedListing;
  if (S_ISLNK(mode)) return filetree::kAskedMeta | filetree::kAskedTarget;
  return filetree::kAskedMeta;
}

void init(void* server, fuse_conn_info* connection) {
  // The tree never changes: nothing is ever to be looked at again.
  connection->want |= connection->capable & (FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA |
                                             FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ);
  if (static_cast<Server*>(server)->acls()) connection->want |= connection->capable & FUSE_CAP_POSIX_ACL;
  // READDIRPLUS would be a look-up of every name in a directory that was listed.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS |
                                             FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ);
}

void look_up(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Server& server = server_of(request);
  fuse_entry_param entry{};
  entry.entry_timeout = kForever;
  struct stat status {};
  const int code = server.source().look_up(parent, name, status);
  if (code == -ENOENT) {
    server.nodes().add_absent(parent, name);
    ::fuse_reply_entry(request, &entry);  // node 0: the kernel keeps in mind that there is none
    return;
  }
  if (code == -ENAMETOOLONG) {  // on any tree
    ::fuse_reply_err(request, ENAMETOOLONG);
    return;
  }
  if (code != 0) return reply_failure(request, "look up a file", -code);
  entry.ino = server.nodes().add(parent, name, status);
  const Questions more = server.acls() ? asked_by_stat(status.st_mode) : Questions{0};
  const bool known = (server.nodes().ask(entry.ino, more) & filetree::kAskedMeta) != 0;
  entry.attr_timeout = known ? kForever : 0;
  entry.attr = known ? status : kind_of(status);
  hide_directory_sizes(entry.attr);
  if (known) server.show_mtime(entry.ino, entry.attr);
  ::fuse_reply_entry(request, &entry);
}

void get_attributes(fuse_req_t request, fuse_ino_t node, fuse_file_info* /*file*/) {
  Server& server = server_of(request);
  struct stat status {};
  if (const int code = server.source().status(node, status); code != 0)
    return reply_failure(request, "read the attributes of a file", -code);
  hide_directory_sizes(status);
  server.show_mtime(node, status);
  if (!server.recording()) {
    status = kind_of(status);
    ::fuse_reply_attr(request, &status, 0);
    return;
  }
  server.nodes().ask(node, asked_by_stat(status.st_mode));
  ::fuse_reply_attr(request, &status, kForever);
}

void read_link(fuse_req_t request, fuse_ino_t node) {
  Server& server = server_of(request);
  server.nodes().ask(node, filetree::kAskedTarget | filetree::kAskedRead);
  std::string target;
  if (const int code = server.source().read_link(node, target); code != 0)
    return reply_failure(request, "read a link", -code);
  ::fuse_reply_readlink(request, target.c_str());
}

/// Tells the kernel to open files and directories without asking from now on.
void open_without_asking(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info* /*file*/) {
  ::fuse_reply_err(request, ENOSYS);
}

void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info* /*file*/) {
  Server& server = server_of(request);
  server.nodes().ask(node, filetree::kAskedContent | filetree::kAskedRead);
  static thread_local std::vector<char> buffer;
  if (buffer.size() < size) buffer.resize(size);
  const ssize_t got = server.source().read(node, std::span(buffer).first(size), offset);
  if (got < 0) return reply_failure(request, "read a file", static_cast<int>(-got));
  ::fuse_reply_buf(request, buffer.data(), static_cast<std::size_t>(got));
}

void seek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* /*file*/) {
  Server& server = server_of(request);
  server.nodes().ask(node, filetree::kAskedContent | filetree::kAskedRead);
  const off_t found = server.source().seek(node, offset, whence);
  if (found >= 0)
    ::fuse_reply_lseek(request, found);
  else if (found == -ENXIO || found == -EINVAL)  // no data behind; beyond the end
    ::fuse_reply_err(request, static_cast<int>(-found));
  else
    reply_failure(request, "find the holes of a file", static_cast<int>(-found));
}

void read_directory(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                    fuse_file_info* /*file*/) {
  Server& server = server_of(request);
  server.nodes().ask(node, filetree::kAskedListing | filetree::kAskedRead);
  std::shared_ptr<const Listing> listing;
  if (const int code = server.source().list(node, listing); code != 0)
    return reply_failure(request, "list a directory", -code);
  std::vector<char> buffer(size);
  std::size_t used = 0;
  for (auto at = static_cast<std::size_t>(offset); at < listing->size() + 2; ++at) {
    struct stat status {};
    status.st_mode = S_IFDIR;
    status.st_ino = node;
    const char* name = at == 0 ? "." : "..";
    if (at >= 2) {
      const Item& item = (*listing)[at - 2];
      name = item.name.c_str();
      status.st_mode = static_cast<mode_t>(DTTOIF(item.type));
      status.st_ino = item.inode;
    }
    const std::size_t length =
        ::fuse_add_direntry(request, &buffer[used], size - used, name, &status, static_cast<off_t>(at + 1));
    if (length > size - used) break;
    used += length;
  }
  ::fuse_reply_buf(request, buffer.data(), used);
}

void get_xattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
  Server& server = server_of(request);
  std::vector<char> value(size);
  const ssize_t got = server.source().get_xattr(node, name, value);
  if (got != -ENODATA || !is_overlay_mark(name)) server.nodes().ask(node, filetree::kAskedXattrs);
  if (got == -ENODATA || got == -ERANGE)
    ::fuse_reply_err(request, static_cast<int>(-got));
  else if (got < 0)
    reply_failure(request, "read an attribute of a file", static_cast<int>(-got));
  else if (size == 0)
    ::fuse_reply_xattr(request, static_cast<std::size_t>(got));
  else
    ::fuse_reply_buf(request, value.data(), static_cast<std::size_t>(got));
}

void list_xattrs(fuse_req_t request, fuse_ino_t node, std::size_t size) {
  Server& server = server_of(request);
  server.nodes().ask(node, filetree::kAskedXattrs);
  std::string names;
  if (const int code = server.source().list_xattrs(node, names); code != 0)
    return reply_failure(request, "list the attributes of a file", -code);
  if (size == 0)
    ::fuse_reply_xattr(request, names.size());
  else if (names.size() > size)
    ::fuse_reply_err(request, ERANGE);
  else
    ::fuse_reply_buf(request, names.data(), names.size());
}

/// The same for every tree. Overlay asks for the length of names when it is mounted.
void file_system_status(fuse_req_t request, fuse_ino_t /*node*/) {
  struct statvfs status {};
  status.f_bsize = 4096;
  status.f_frsize = 4096;
  status.f_namemax = 255;
  ::fuse_reply_statfs(request, &status);
}

/// Nodes are kept (nodes.h).
void forget(fuse_req_t request, fuse_ino_t /*node*/, std::uint64_t /*count*/) {
  ::fuse_reply_none(request);
}

}  // namespace

const fuse_lowlevel_ops& operations() {
  static const fuse_lowlevel_ops all{.init = init,
                                     .lookup = look_up,
                                     .forget = forget,
                                     .getattr = get_attributes,
                                     .readlink = read_link,
                                     .open = open_without_asking,
                                     .read = read,
                                     .opendir = open_without_asking,
                                     .readdir = read_directory,
                                     .statfs = file_system_status,
                                     .getxattr = get_xattr,
                                     .listxattr = list_xattrs,
                                     .lseek = seek};
  return all;
}

}  // namespace pgstrata::trace
