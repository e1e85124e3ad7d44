#include "remotecache/transfer.h"

#include <utility>

#include "oci/manifest.h"
#include "registry/in_order.h"
#include "registry/known_repositories.h"
#include "remotecache/directory.h"

namespace pgstrata::remotecache {
namespace {

class RegistrySource final : public Source {
 public:
  RegistrySource(std::vector<registry::Repository> places, const oci::Reference& reference,
                 const Access& access)
      : places_(std::move(places)), reference_(reference), access_(access) {}

  Result<std::string> manifest() override {
    const registry::Repository* answered = nullptr;
    std::string bytes;
    const Transfer transfer = [&](const std::stop_token& stop) -> Result<void> {
      auto manifest = TRY(registry::first_answer(places_, access_.note, [&](registry::Repository& place) {
        answered = &place;
        return place.manifest(reference_.digest ? reference_.digest->str() : reference_.tag, stop);
      }));
      bytes = std::move(manifest.bytes);
      return {};
    };
    TRY_VOID(interruptible(transfer));
    // Who has it has its blobs, most likely.
    first_ = static_cast<std::size_t>(answered - places_.data());
    return bytes;
  }

  Result<void> blob(const store::StoredBlob& blob, const registry::BlobSink& sink) override {
    const oci::Descriptor descriptor{
        .media_type = "", .digest = blob.digest, .size = blob.size, .annotations = {}, .platform = {}};
    std::vector<registry::Repository> places(places_.begin() + static_cast<std::ptrdiff_t>(first_),
                                             places_.end());
    bool is_begun = false;
    return interruptible([&](const std::stop_token& stop) {
      return registry::first_answer(places, access_.note, [&](registry::Repository& place) -> Result<void> {
        if (std::exchange(is_begun, true)) TRY_VOID(sink.restart());
        TRY_VOID(place.blob(descriptor, sink, stop));
        return registry::KnownRepositories(access_.store, place.registry().domain())
            .add(blob.digest, place.name());
      });
    });
  }

 private:
  Result<void> interruptible(const Transfer& transfer) const {
    return access_.interruptible ? access_.interruptible(transfer) : transfer({});
  }

  std::vector<registry::Repository> places_;
  std::size_t first_ = 0;  ///< those before it don't have it
  const oci::Reference reference_;
  const Access access_;
};

class RegistryDestination final : public Destination {
 public:
  RegistryDestination(registry::Repository repository, const oci::Reference& reference,
                      const std::string& store)
      : repository_(std::move(repository)),
        known_(store, repository_.registry().domain()),
        reference_(reference) {}

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
  return std::make_unique<RegistrySource>(TRY(access.to_read(reference)), reference, access);
}

Result<std::unique_ptr<Destination>> open_destination(const Place& place, const Access& access) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place))
    return std::make_unique<DirectoryDestination>(*local);
  const oci::Reference& reference = std::get<RegistryPlace>(place).reference;
  return std::make_unique<RegistryDestination>(TRY(access.to_write(reference)), reference, access.store);
}

}  // namespace pgstrata::remotecache
