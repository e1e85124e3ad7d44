// The content store: a directory that is itself an OCI image layout (image-spec image-layout.md):
//
//   oci-layout               {"imageLayoutVersion":"1.0.0"}
//   index.json               the tagged images (image/tags.h)
//   index.json.synced        as it was when it was last known to be on the disk
//   blobs/sha256/<hex>       layers as uncompressed tars, configurations, manifests
//   tmp/                     what is being written; anything in it may be removed when no build runs
//
// A blob appears under its name by rename(2), when its bytes are complete and their digest is known.
// Nothing is fsynced here: docs/store.md says how a power cut is noticed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "oci/digest.h"
#include "os/fd.h"

namespace pgstrata::content {

class ContentStore;

/// Ending of the name of index.json's older self.
inline constexpr const char* kSynced = ".synced";

/// A blob in the making. Discarded unless committed. Move-only.
class Ingest {
 public:
  Ingest(Ingest&& other) noexcept;
  Ingest& operator=(Ingest&&) = delete;
  ~Ingest();

  /// For writing the bytes. They are not hashed here: whoever writes them knows their digest.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Publishes the bytes under `digest`, in place of what is there under it.
  Result<void> commit(const oci::Digest& digest);

 private:
  friend class ContentStore;
  Ingest(const ContentStore& store, os::Fd fd, std::string path)
      : store_(store), fd_(std::move(fd)), path_(std::move(path)) {}

  const ContentStore& store_;
  os::Fd fd_;
  std::string path_;
};

class ContentStore {
 public:
  /// Opens the store at `root`, and creates what is missing of it.
  static Result<ContentStore> open(std::string root);

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string blob_path(const oci::Digest& digest) const;
  /// A path below tmp/ that nobody else uses; nothing is created.
  [[nodiscard]] std::string temporary_path(std::string_view purpose) const;

  /// Size in bytes of a blob; kNotFound if it isn't there.
  [[nodiscard]] Result<std::uint64_t> size(const oci::Digest& digest) const;
  [[nodiscard]] bool has(const oci::Digest& digest) const { return size(digest).has_value(); }
  [[nodiscard]] Result<os::Fd> open_blob(const oci::Digest& digest) const;
  /// A small blob (JSON): read whole, its digest checked; kCorrupt if it isn't what its name says.
  [[nodiscard]] Result<std::string> read(const oci::Digest& digest) const;
  /// Hashes a blob of any size and compares; kCorrupt names both digests.
  [[nodiscard]] Result<void> verify(const oci::Digest& digest) const;

  [[nodiscard]] Result<Ingest> ingest() const;
  /// Stores a small blob and gives its digest.
  Result<oci::Digest> put(std::string_view bytes) const;

 private:
  explicit ContentStore(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace pgstrata::content
