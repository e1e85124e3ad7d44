#include "image/platforms.h"

namespace pgstrata::image {

Result<oci::Descriptor> join(const content::ContentStore& store, std::vector<oci::Descriptor> manifests) {
  if (manifests.size() == 1) return std::move(manifests.front());
  oci::ImageIndex index;
  index.manifests = std::move(manifests);
  for (oci::Descriptor& manifest : index.manifests)
    for (const char* name : {oci::annotation::kImageName, oci::annotation::kRefName})
      manifest.annotations.erase(name);
  const std::string json = index.to_json();
  const oci::Digest digest = TRY(store.put(json));
  return oci::Descriptor{
      .media_type = std::string(oci::media_type::kIndex), .digest = digest, .size = json.size()};
}

Result<std::vector<oci::Descriptor>> manifests(const content::ContentStore& store,
                                               const oci::Descriptor& named) {
  if (named.media_type != oci::media_type::kIndex) return std::vector{named};
  const std::string json = TRY(store.read(named.digest));
  oci::ImageIndex index = TRY(oci::ImageIndex::from_json(json));
  if (index.manifests.empty())
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "an index of images is empty",
                 .where = store.blob_path(named.digest)});
  return std::move(index.manifests);
}

std::optional<oci::Descriptor> choose(const std::vector<oci::Descriptor>& manifests,
                                      const oci::Platform& platform) {
  std::optional<oci::Descriptor> best;
  std::string best_variant;
  for (const oci::Descriptor& manifest : manifests) {
    if (!manifest.platform) {
      if (!best) best = manifest;  // nobody says that it doesn't run here
      continue;
    }
    const auto theirs = oci::Platform::parse(manifest.platform->str());
    if (!theirs || !platform.runs(*theirs)) continue;
    if (*theirs == platform) return manifest;
    if (!best || !best->platform || theirs->variant > best_variant) {
      best = manifest;
      best_variant = theirs->variant;
    }
  }
  return best;
}

}  // namespace pgstrata::image
