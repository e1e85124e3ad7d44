#include "layer/archive_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "layer/archive_names.h"
#include "os/file.h"

namespace pgstrata::layer {
namespace {

using filetree::Entry;
using filetree::EntryType;

constexpr std::size_t kCopySize = 256 * 1024;
constexpr std::uint64_t kSpoolStart = 512;

Result<os::Fd> make_spool(const std::string& directory) {
  os::Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  // Some file systems have no unnamed files.
  std::string name = directory + "/spool-XXXXXX";
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail(system_error("can't make a temporary file", directory));
  ::unlink(name.c_str());
  return fd;
}

/// The contents of an archive, one behind the other in a file without a name.
class Spool {
 public:
  static Result<Spool> make(const std::string& directory) {
    os::Fd fd = TRY(make_spool(directory));
    if (::lseek(fd.get(), kSpoolStart, SEEK_SET) < 0)
      return fail(system_error("can't use the spool file", directory));
    return Spool(std::move(fd));
  }

  /// Takes the content of a regular file, whose entry the archive has just given.
  Result<void> take(TarReader& archive, Entry& entry);
  os::Fd release() { return std::move(fd_); }

 private:
  explicit Spool(os::Fd fd) : fd_(std::move(fd)), buffer_(kCopySize) {}

  os::Fd fd_;
  std::vector<std::byte> buffer_;
  /// Not 0, which would mean that a content is all of its file (snapshot/content.h).
  std::uint64_t spooled_ = kSpoolStart;
};

Result<void> Spool::take(TarReader& archive, Entry& entry) {
  entry.tar_offset = spooled_;
  while (true) {
    const std::size_t size = TRY(archive.read(buffer_));
    if (size == 0) break;
    TRY_VOID(os::write_all(fd_.get(), std::span(buffer_).first(size), "the spool file"));
    spooled_ += size;
  }
  const std::uint64_t found = spooled_ - entry.tar_offset;
  if (found != entry.size)
    return fail(
        {.kind = ErrorKind::kCorrupt,
         .what = "a damaged archive",
         .where = "/" + entry.path,
         .why = "it promises " + std::to_string(entry.size) + " bytes and has " + std::to_string(found)});
  return {};
}

}  // namespace

Result<ArchiveTree> read_archive(TarReader archive, const std::string& spool_directory) {
  Spool spool = TRY(Spool::make(spool_directory));
  ArchiveNames names([&](TarReader& from, Entry& entry) { return spool.take(from, entry); });
  while (true) {
    auto entry = TRY(archive.next());
    if (!entry) break;
    TRY_VOID(names.add(archive, *std::move(entry)));
  }
  ArchiveTree result;
  result.entries = names.take();
  result.open = snapshot::files_of_blob(spool.release());
  return result;
}

Result<ArchiveMembers> read_members(TarReader archive, const std::string& spool_directory) {
  Spool spool = TRY(Spool::make(spool_directory));
  ArchiveMembers result;
  while (true) {
    auto entry = TRY(archive.next());
    if (!entry) break;
    if (entry->type == EntryType::kRegular) TRY_VOID(spool.take(archive, *entry));
    result.members.push_back(*std::move(entry));
  }
  result.open = snapshot::files_of_blob(spool.release());
  return result;
}

}  // namespace pgstrata::layer
