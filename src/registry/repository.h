// What can be asked of one repository of a registry: manifests and blobs (distribution-spec 1.1, "Pull",
// "Push"). Nothing that a registry says is believed: every byte is hashed while it comes, sizes are those
// that the manifest promises, and what comes before it can be checked is small.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "registry/registry.h"

namespace pgstrata::registry {

/// The largest manifest or index (distribution-spec: registries should take 4 MB, no more is of use).
inline constexpr std::size_t kLargestManifest = 4UL * 1024 * 1024;

struct Manifest {
  std::string media_type;  ///< what the registry says it is
  oci::Digest digest;
  std::string bytes;
};

/// Where the bytes of a blob go. After a broken connection they may come again from the beginning.
struct BlobSink {
  std::function<Result<void>(std::span<const std::byte>)> write;
  std::function<Result<void>()> restart;
};

/// The bytes of a blob that is sent, in an open file.
struct BlobSource {
  int fd = -1;
  oci::Digest digest;
  std::uint64_t size = 0;
};

/// What a manifest with a `subject` is to an index of referrers: its artifact type and annotations are
/// there.
struct Referrer {
  oci::Digest subject;
  oci::Descriptor descriptor;
};
/// Nothing for a manifest without a subject. kCorrupt: it isn't JSON, or its subject none.
Result<std::optional<Referrer>> referrer_of(std::string_view media_type, const std::string& manifest);

/// Calls may come from several threads. The registry is borrowed.
class Repository {
 public:
  Repository(Registry& registry, std::string name) : registry_(registry), name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Registry& registry() const { return registry_; }

  /// `tag_or_digest`: "latest", or "sha256:…", which the bytes must have. kNotFound: there is none;
  /// kCorrupt: too large, or not what its digest (asked for, or said by the registry) is, with both.
  Result<Manifest> manifest(const std::string& tag_or_digest, const std::stop_token& stop = {});
  /// The digest that the tag stands for now, without fetching it; nothing if there is no such tag, or if
  /// the registry doesn't say.
  Result<std::optional<oci::Digest>> digest_of(const std::string& tag, const std::stop_token& stop = {});
  /// The whole blob. After a broken connection the rest is asked for (Range). kCorrupt: another digest or
  /// size than the descriptor's, with both; what was written is then worth nothing.
  Result<void> blob(const oci::Descriptor& blob, const BlobSink& sink, const std::stop_token& stop = {});

  Result<bool> has_blob(const oci::Digest& digest, const std::stop_token& stop = {});
  /// Asks the registry to take the blob from another of its repositories; true if it did.
  Result<bool> mount(const oci::Digest& digest, const std::string& from, const std::stop_token& stop = {});
  /// In one request, or in several for a large blob; after a broken connection from where the registry has
  /// it.
  Result<void> upload(const BlobSource& blob, const std::stop_token& stop = {});
  /// What names the manifest as its `subject`, of one artifact type or of all (""). From the registry's
  /// list of referrers, or from the index with the tag sha256-HEX if it keeps none (distribution-spec 1.1,
  /// "Listing Referrers"); an empty list if there is neither. kCorrupt: not an index, or too much of it.
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 const std::string& artifact_type = "",
                                                 const std::stop_token& stop = {});
  /// Under `tag`, or under its digest if that is "". One that has a `subject` is added to the index with
  /// the tag sha256-HEX where the registry keeps no list of referrers itself; of two at the same moment one
  /// may be lost there, as registries without the list know no way to exclude that.
  Result<void> put_manifest(const std::string& tag, std::string_view media_type, const std::string& bytes,
                            const std::stop_token& stop = {});

 private:
  [[nodiscard]] std::string path(const std::string& rest) const { return "/v2/" + name_ + "/" + rest; }
  [[nodiscard]] std::string pull_scope() const { return "repository:" + name_ + ":pull"; }
  [[nodiscard]] std::string push_scope() const { return "repository:" + name_ + ":pull,push"; }
  Result<std::vector<oci::Descriptor>> tagged_referrers(const oci::Digest& subject,
                                                        const std::stop_token& stop);
  Result<void> add_tagged_referrer(const Referrer& referrer, const std::stop_token& stop);
  Result<std::string> begin_upload(const std::stop_token& stop);
  Result<void> send_chunks(const BlobSource& blob, std::string& location, const std::stop_token& stop);
  Result<std::uint64_t> received(std::string& location, const std::stop_token& stop);
  Result<std::string> location_of(const Answer& answer, const std::string& asked) const;

  Registry& registry_;
  std::string name_;
};

}  // namespace pgstrata::registry
