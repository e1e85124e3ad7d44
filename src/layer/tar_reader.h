// Reads tar archives that others made: base images, `docker save`, ADD. libarchive takes them apart; what
// it finds is checked here, as nobody vouches for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"
#include "os/fd.h"

namespace pgstrata::layer {

/// A forward-only reader. Formats: ustar, pax, GNU (sparse files too), v7; compressed with gzip, bzip2, xz
/// or zstd, or not at all, recognised by their first bytes. Move-only. Errors are kCorrupt and name the
/// archive and the entry.
class TarReader {
 public:
  /// Reads from the descriptor's position on; it may be a pipe. `name` is for messages.
  static Result<TarReader> open(os::Fd fd, std::string name);
  static Result<TarReader> open(const std::string& path);
  /// Of a file that grows meanwhile: `size_beyond` gives its size once that is more than a number of bytes,
  /// or the same number at its end (ArrivingTar::wait_beyond()). Its errors are given back as they are.
  using SizeBeyond = std::function<Result<std::uint64_t>(std::uint64_t)>;
  static Result<TarReader> open(const std::string& path, SizeBeyond size_beyond);

  TarReader(TarReader&&) noexcept;
  TarReader& operator=(TarReader&&) noexcept;
  ~TarReader();

  /// The next entry, or nothing at the end. Paths are relative and clean: leading slashes and "."
  /// components are dropped, ".." takes back the one before it; a name that climbs above the archive, has a
  /// NUL, or is longer than Linux takes, is refused. So are hard-link targets. Names such as ".wh.x" are
  /// ordinary files here. `content` and `tar_offset` are empty; `size` is that of a regular file. A hard
  /// link that carries data of its own (old cpio habit) is refused. Sockets are skipped.
  Result<std::optional<filetree::Entry>> next();
  /// The next bytes of the current entry's content, holes as zeros; 0 at its end.
  Result<std::size_t> read(std::span<std::byte> space);

  /// Where the current entry's content begins in the uncompressed archive; asked before it is read.
  [[nodiscard]] std::uint64_t content_offset() const;
  /// True if the content has holes that the archive doesn't.
  [[nodiscard]] bool is_sparse() const;

 private:
  struct Archive;
  explicit TarReader(std::unique_ptr<Archive> archive);
  static std::unique_ptr<Archive> prepare(os::Fd fd, std::string name);
  static Result<TarReader> begin(std::unique_ptr<Archive> archive, bool opened);
  std::unique_ptr<Archive> archive_;
};

/// What makes ADD unpack a file: true if it is an archive that TarReader reads, at least its first entry,
/// or one that gzip compressed and that is damaged behind its first header. Reads its first bytes only.
Result<bool> is_tar(const std::string& path);

}  // namespace pgstrata::layer
