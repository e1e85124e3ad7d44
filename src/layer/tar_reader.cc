#include "layer/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <sys/stat.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/tar_beginning.h"
#include "os/file.h"
#include "snapshot/xattrs.h"

namespace pgstrata::layer {
namespace {

using filetree::Entry;
using filetree::EntryType;

constexpr std::size_t kReadSize = 256 * 1024;
/// With the slash before it and the NUL behind it that is all that a system call takes.
constexpr std::size_t kLongestPath = PATH_MAX - 2;
/// Of one that is longer.
constexpr std::size_t kShownOfName = 80;

struct FreeArchive {
  void operator()(archive* handle) const { ::archive_read_free(handle); }
};

/// pax names are UTF-8, and libarchive converts them to the thread's locale: in the "C" locale every name
/// that isn't ASCII would come out mangled. With a UTF-8 locale for the time of a call they come as they
/// are.
class Utf8Locale {
 public:
  Utf8Locale() : previous_(::uselocale(utf8())) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() { ::uselocale(previous_); }

 private:
  static locale_t utf8() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }
  locale_t previous_;
};

/// Without leading slashes, "." and empty components, ".." taken back; nothing if it climbs above the root,
/// or has a NUL.
std::optional<std::string> clean_relative(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const std::string_view component = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(component.size() + 1, name.size()));
    if (component.find('\0') != std::string_view::npos) return std::nullopt;
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (clean.empty()) return std::nullopt;
      clean.resize(filetree::parent_path(clean).size());
      continue;
    }
    if (!clean.empty()) clean += '/';
    clean += component;
  }
  return clean;
}

std::optional<EntryType> type_of(archive_entry* found) {
  switch (::archive_entry_filetype(found)) {
    case AE_IFREG:
      return EntryType::kRegular;
    case AE_IFDIR:
      return EntryType::kDirectory;
    case AE_IFLNK:
      return EntryType::kSymlink;
    case AE_IFCHR:
      return EntryType::kCharDevice;
    case AE_IFBLK:
      return EntryType::kBlockDevice;
    case AE_IFIFO:
      return EntryType::kFifo;
    default:
      return std::nullopt;
  }
}

std::vector<filetree::Xattr> xattrs_of(archive_entry* found) {
  std::vector<filetree::Xattr> xattrs;
  ::archive_entry_xattr_reset(found);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(found, &name, &value, &size) == ARCHIVE_OK) {
    if (name == nullptr || !snapshot::belongs_to_image(name)) continue;
    std::string text(static_cast<const char*>(value), size);
    if (std::string_view(name) == "security.capability") text = snapshot::portable_capability(text);
    xattrs.emplace_back(name, std::move(text));
  }
  // The same attribute may come in two dialects (SCHILY.xattr and LIBARCHIVE.xattr).
  std::stable_sort(xattrs.begin(), xattrs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  xattrs.erase(std::unique(xattrs.begin(), xattrs.end(), same), xattrs.end());
  return xattrs;
}

}  // namespace

struct TarReader::Archive {
  std::unique_ptr<archive, FreeArchive> handle;
  os::Fd fd;
  std::string name;
  bool sparse = false;  ///< the current entry
  // Of a file that grows meanwhile.
  SizeBeyond size_beyond;
  std::vector<char> block;
  std::uint64_t position = 0;
  std::optional<Error> failure;

  static la_ssize_t read_block(archive* handle, void* self, const void** bytes);
  [[nodiscard]] Error bad(std::string what, std::string_view entry, std::string why) const {
    if (failure) return *failure;
    std::string where = entry.empty() ? name : fmt::format("{}: {}", name, entry);
    return {.kind = ErrorKind::kCorrupt,
            .what = std::move(what),
            .where = std::move(where),
            .why = std::move(why)};
  }
  [[nodiscard]] std::string reason() const {
    const char* text = ::archive_error_string(handle.get());
    return text == nullptr ? "no reason given" : text;
  }
  Result<Entry> convert(archive_entry* found, std::string_view raw_name, EntryType type) const;
  Result<void> wait_for_all() const;
  [[nodiscard]] bool ends_within_a_block() const;
};

/// Until the file has its whole size: zeros end an archive, and more of them may follow.
Result<void> TarReader::Archive::wait_for_all() const {
  if (!size_beyond) return {};
  for (std::uint64_t size = position;;) {
    const std::uint64_t now = TRY(size_beyond(size));
    if (now == size) return {};
    size = now;
  }
}

/// A file whose last, cut block would have been read: there aren't two blocks of zeros before it.
/// libarchive doesn't mind, Go's reader does.
bool TarReader::Archive::ends_within_a_block() const {
  struct stat status {};
  if (::archive_filter_count(handle.get()) > 1 || ::fstat(fd.get(), &status) != 0) return false;
  constexpr off_t kBlock = 512;
  if (!S_ISREG(status.st_mode) || status.st_size % kBlock == 0) return false;
  std::array<char, 2 * kBlock> end{};
  const off_t whole = status.st_size - status.st_size % kBlock;
  const auto size = static_cast<ssize_t>(end.size());
  if (whole < size || ::pread(fd.get(), end.data(), end.size(), whole - size) != size) return true;
  return std::any_of(end.begin(), end.end(), [](char c) { return c != 0; });
}

TarReader::TarReader(std::unique_ptr<Archive> archive) : archive_(std::move(archive)) {}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

Result<TarReader> TarReader::open(const std::string& path) {
  return open(TRY(os::open(path, O_RDONLY)), path);
}

Result<TarReader> TarReader::open(os::Fd fd, std::string name) {
  const Utf8Locale locale;
  auto state = prepare(std::move(fd), std::move(name));
  const bool opened = state->handle &&
                      ::archive_read_open_fd(state->handle.get(), state->fd.get(), kReadSize) == ARCHIVE_OK;
  return begin(std::move(state), opened);
}

Result<TarReader> TarReader::open(const std::string& path, SizeBeyond size_beyond) {
  const Utf8Locale locale;
  auto state = prepare(TRY(os::open(path, O_RDONLY)), path);
  state->size_beyond = std::move(size_beyond);
  state->block.resize(kReadSize);
  const bool opened = state->handle && ::archive_read_open(state->handle.get(), state.get(), nullptr,
                                                           Archive::read_block, nullptr) == ARCHIVE_OK;
  return begin(std::move(state), opened);
}

std::unique_ptr<TarReader::Archive> TarReader::prepare(os::Fd fd, std::string name) {
  auto state = std::make_unique<Archive>();
  state->handle.reset(::archive_read_new());
  state->fd = std::move(fd);
  state->name = std::move(name);
  archive* handle = state->handle.get();
  if (handle == nullptr) return state;
  ::archive_read_support_filter_gzip(handle);
  ::archive_read_support_filter_bzip2(handle);
  ::archive_read_support_filter_xz(handle);
  ::archive_read_support_filter_zstd(handle);
  ::archive_read_support_format_tar(handle);
  ::archive_read_support_format_gnutar(handle);
  return state;
}

Result<TarReader> TarReader::begin(std::unique_ptr<Archive> state, bool opened) {
  if (!state->handle)
    return fail({.kind = ErrorKind::kMachine, .what = "out of memory", .where = state->name});
  if (!opened) return fail(state->bad("a damaged archive", "", state->reason()));
  // The count includes the file itself. BuildKit undoes one compression.
  if (::archive_filter_count(state->handle.get()) > 2)
    return fail(state->bad("not an archive", "", "it is compressed more than once"));
  return TarReader(std::move(state));
}

la_ssize_t TarReader::Archive::read_block(archive* handle, void* self, const void** bytes) {
  auto& state = *static_cast<Archive*>(self);
  const auto size = state.size_beyond(state.position);
  if (!size) {
    state.failure = size.error();
    ::archive_set_error(handle, ECANCELED, "the file didn't arrive");
    return ARCHIVE_FATAL;
  }
  const std::size_t wanted = std::min<std::uint64_t>(state.block.size(), *size - state.position);
  ssize_t got = 0;
  do {
    got = ::pread(state.fd.get(), state.block.data(), wanted, static_cast<off_t>(state.position));
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    state.failure = system_error("can't read a layer", state.name);
    ::archive_set_error(handle, errno, "can't read");
    return ARCHIVE_FATAL;
  }
  state.position += static_cast<std::uint64_t>(got);
  *bytes = state.block.data();
  return got;
}

Result<Entry> TarReader::Archive::convert(archive_entry* found, std::string_view raw_name,
                                          EntryType type) const {
  constexpr const char* kUnsafe = "unsafe entry in an archive";
  auto path = clean_relative(raw_name);
  if (!path) return fail(bad(kUnsafe, raw_name, "its name climbs out of the archive by '..'"));
  // No file can have it, and each of its parents would be an entry: some hundred bytes, compressed, would
  // become gigabytes.
  if (path->size() > kLongestPath)
    return fail(bad(kUnsafe, fmt::format("{}…", raw_name.substr(0, kShownOfName)),
                    fmt::format("its name has {} bytes; {} is the limit", path->size(), kLongestPath)));
  Entry entry;
  entry.path = *std::move(path);
  entry.type = type;
  entry.mode = ::archive_entry_perm(found) & 07777;
  const auto uid = ::archive_entry_uid(found);
  const auto gid = ::archive_entry_gid(found);
  constexpr std::int64_t kNoId = 0xffffffff;
  if (uid < 0 || uid >= kNoId || gid < 0 || gid >= kNoId)
    return fail(bad(kUnsafe, raw_name, fmt::format("its owner {}:{} is out of range", uid, gid)));
  entry.uid = static_cast<std::uint32_t>(uid);
  entry.gid = static_cast<std::uint32_t>(gid);
  entry.mtime_ns =
      filetree::to_nanoseconds(::archive_entry_mtime(found), ::archive_entry_mtime_nsec(found));
  entry.xattrs = xattrs_of(found);
  if (const char* target = ::archive_entry_hardlink(found)) {
    auto link = clean_relative(target);
    if (!link || link->empty())
      return fail(bad(kUnsafe, raw_name, fmt::format("it is a hard link to '{}'", target)));
    if (::archive_entry_size(found) != 0)
      return fail(bad(kUnsafe, raw_name, "it is a hard link with content of its own"));
    entry.type = EntryType::kHardLink;
    entry.link = *std::move(link);
  } else if (type == EntryType::kSymlink) {
    const char* link = ::archive_entry_symlink(found);
    entry.link = link == nullptr ? "" : link;
    if (entry.link.empty()) return fail(bad(kUnsafe, raw_name, "it is a symbolic link to nowhere"));
  } else if (type == EntryType::kRegular) {
    entry.size = static_cast<std::uint64_t>(::archive_entry_size(found));
  } else if (type != EntryType::kDirectory && type != EntryType::kFifo) {
    entry.device_major = static_cast<std::uint32_t>(::archive_entry_rdevmajor(found));
    entry.device_minor = static_cast<std::uint32_t>(::archive_entry_rdevminor(found));
  }
  return entry;
}

Result<std::optional<Entry>> TarReader::next() {
  const Utf8Locale locale;
  while (true) {
    archive_entry* found = nullptr;
    const int status = ::archive_read_next_header(archive_->handle.get(), &found);
    if (status == ARCHIVE_EOF) TRY_VOID(archive_->wait_for_all());
    if (status == ARCHIVE_EOF && archive_->ends_within_a_block())
      return fail(archive_->bad("a damaged archive", "", "unexpected end of file"));
    if (status == ARCHIVE_EOF) return std::nullopt;
    // With EILSEQ a warning is about something that libarchive could not turn into the locale, and kept as
    // it was. With anything else it has passed over records of a header, which may have had the name or the
    // size.
    const bool kept = status == ARCHIVE_WARN && ::archive_errno(archive_->handle.get()) == EILSEQ;
    if (status != ARCHIVE_OK && !kept)
      return fail(archive_->bad("a damaged archive", "", archive_->reason()));
    const char* name = ::archive_entry_pathname(found);
    if (name == nullptr) return fail(archive_->bad("a damaged archive", "", "an entry without a name"));
    auto type = type_of(found);
    if (!type && ::archive_entry_hardlink(found) != nullptr) type = EntryType::kRegular;
    if (!type) continue;
    archive_->sparse = ::archive_entry_sparse_count(found) > 0;
    return TRY(archive_->convert(found, name, *type));
  }
}

Result<std::size_t> TarReader::read(std::span<std::byte> space) {
  const la_ssize_t size = ::archive_read_data(archive_->handle.get(), space.data(), space.size());
  if (size < 0) return fail(archive_->bad("a damaged archive", "", archive_->reason()));
  return static_cast<std::size_t>(size);
}

std::uint64_t TarReader::content_offset() const {
  // Filter 0 is the one next to the tar format: its output is the uncompressed archive.
  return static_cast<std::uint64_t>(::archive_filter_bytes(archive_->handle.get(), 0));
}

bool TarReader::is_sparse() const { return archive_->sparse; }

Result<bool> is_tar(const std::string& path) {
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  auto reader = TarReader::open(path);
  if (!reader && reader.error().kind != ErrorKind::kCorrupt) return fail(std::move(reader).error());
  if (!reader) return begins_as_gzipped_tar(fd.get());
  const auto first = reader->next();
  if (first) return first->has_value();
  if (first.error().what == std::string_view("unsafe entry in an archive")) return true;
  return begins_as_gzipped_tar(fd.get());
}

}  // namespace pgstrata::layer
