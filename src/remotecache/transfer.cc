#include "remotecache/transfer.h"

#include "oci/manifest.h"
#include "registry/known_repositories.h"
#include "remotecache/directory.h"

namespace pgstrata::remotecache {
namespace {

class RegistrySource final : public Source {
 public:
  RegistrySource(registry::Registry& registry, const oci::Reference& reference, const std::string& store)
      : repository_(registry, reference.path), known_(store, reference.domain), reference_(reference) {}

  Result<std::string> manifest() override {
    auto manifest =
        TRY(repository_.manifest(reference_.digest ? reference_.digest->str() : reference_.tag));
    return std::move(manifest.bytes);
  }

  Result<void> blob(const store::StoredBlob& blob, const registry::BlobSink& sink) override {
    const oci::Descriptor descriptor{
        .media_type = "", .digest = blob.digest, .size = blob.size, .annotations = {}, .platform = {}};
    TRY_VOID(repository_.blob(descriptor, sink));
    return known_.add(blob.digest, repository_.name());
  }

 private:
  registry::Repository repository_;
  registry::KnownRepositories known_;
  const oci::Reference reference_;
};

class RegistryDestination final : public Destination {
 public:
  RegistryDestination(registry::Registry& registry, const oci::Reference& reference,
                      const std::string& store)
      : repository_(registry, reference.path), known_(store, reference.domain), reference_(reference) {}

  Result<bool> has(const store::StoredBlob& blob) override {
    if (!TRY(repository_.has_blob(blob.digest)) && !TRY(mount(blob.digest))) return false;
    TRY_VOID(known_.add(blob.digest, repository_.name()));
    return true;
  }
  Result<void> put(const registry::BlobSource& blob) override {
    TRY_VOID(repository_.upload(blob));
    return known_.add(blob.digest, repository_.name());
  }
  Result<void> publish(const std::string& manifest) override {
    return repository_.put_manifest(reference_.tag, oci::media_type::kManifest, manifest);
  }

 private:
  /// An image that was pushed has most of the layers. One more request, and no more, is worth that.
  Result<bool> mount(const oci::Digest& digest) {
    for (const std::string& other : known_.of(digest))
      if (other != repository_.name()) return repository_.mount(digest, other);
    return false;
  }

  registry::Repository repository_;
  registry::KnownRepositories known_;
  const oci::Reference reference_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_source(const Place& place, const Access& access) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place))
    return std::make_unique<DirectorySource>(*local);
  const oci::Reference& reference = std::get<RegistryPlace>(place).reference;
  return std::make_unique<RegistrySource>(*TRY(access.registries(reference.domain)), reference,
                                          access.store);
}

Result<std::unique_ptr<Destination>> open_destination(const Place& place, const Access& access) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place))
    return std::make_unique<DirectoryDestination>(*local);
  const oci::Reference& reference = std::get<RegistryPlace>(place).reference;
  return std::make_unique<RegistryDestination>(*TRY(access.registries(reference.domain)), reference,
                                               access.store);
}

}  // namespace pgstrata::remotecache
