// A shared cache in a directory: an OCI image layout (image-spec image-layout.md).
#pragma once

#include <string>
#include <utility>

#include "remotecache/transfer.h"

namespace pgstrata::remotecache {

class DirectorySource final : public Source {
 public:
  explicit DirectorySource(DirectoryPlace place) : place_(std::move(place)) {}
  Result<std::string> manifest() override;
  Result<void> blob(const store::StoredBlob& blob, const registry::BlobSink& sink) override;

 private:
  Result<store::StoredBlob> find() const;
  const DirectoryPlace place_;
};

/// Blobs are complete or absent; index.json is replaced last, and keeps the entries of other tags.
class DirectoryDestination final : public Destination {
 public:
  explicit DirectoryDestination(DirectoryPlace place) : place_(std::move(place)) {}
  Result<bool> has(const store::StoredBlob& blob) override;
  Result<void> put(const registry::BlobSource& blob) override;
  Result<void> publish(const std::string& manifest) override;

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return place_.directory + "/" + name; }
  const DirectoryPlace place_;
};

}  // namespace pgstrata::remotecache
