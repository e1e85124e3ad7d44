#include "remotecache/transfer.h"

#include "oci/manifest.h"
#include "remotecache/directory.h"

namespace pgstrata::remotecache {
namespace {

class RegistrySource final : public Source {
 public:
  RegistrySource(registry::Registry& registry, const oci::Reference& reference)
      : repository_(registry, reference.path), reference_(reference) {}

  Result<std::string> manifest() override {
    auto manifest =
        TRY(repository_.manifest(reference_.digest ? reference_.digest->str() : reference_.tag));
    return std::move(manifest.bytes);
  }

  Result<void> blob(const store::StoredBlob& blob, const registry::BlobSink& sink) override {
    return repository_.blob(
        {.media_type = "", .digest = blob.digest, .size = blob.size, .annotations = {}, .platform = {}},
        sink);
  }

 private:
  registry::Repository repository_;
  const oci::Reference reference_;
};

class RegistryDestination final : public Destination {
 public:
  RegistryDestination(registry::Registry& registry, const oci::Reference& reference)
      : repository_(registry, reference.path), reference_(reference) {}

  Result<bool> has(const store::StoredBlob& blob) override { return repository_.has_blob(blob.digest); }
  Result<void> put(const registry::BlobSource& blob) override { return repository_.upload(blob); }
  Result<void> publish(const std::string& manifest) override {
    return repository_.put_manifest(reference_.tag, oci::media_type::kManifest, manifest);
  }

 private:
  registry::Repository repository_;
  const oci::Reference reference_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_source(const Place& place, const Registries& registries) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place))
    return std::make_unique<DirectorySource>(*local);
  const oci::Reference& reference = std::get<RegistryPlace>(place).reference;
  return std::make_unique<RegistrySource>(*TRY(registries(reference.domain)), reference);
}

Result<std::unique_ptr<Destination>> open_destination(const Place& place, const Registries& registries) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place))
    return std::make_unique<DirectoryDestination>(*local);
  const oci::Reference& reference = std::get<RegistryPlace>(place).reference;
  return std::make_unique<RegistryDestination>(*TRY(registries(reference.domain)), reference);
}

}  // namespace pgstrata::remotecache
