#include "image/image.h"

#include <fmt/format.h>

namespace pgstrata::image {

Result<Image> load(const content::ContentStore& store, const oci::Descriptor& descriptor) {
  Image image{.descriptor = descriptor};
  const std::string manifest = TRY(store.read(descriptor.digest));
  image.manifest = TRY(oci::ImageManifest::from_json(manifest));
  const std::string config = TRY(store.read(image.manifest.config.digest));
  image.config = TRY(oci::ImageConfig::from_json(config));
  if (image.manifest.layers.size() != image.config.diff_ids.size())
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "the manifest and the configuration of an image contradict each other",
                 .where = store.blob_path(descriptor.digest),
                 .why = fmt::format("{} layers, {} diff_ids", image.manifest.layers.size(),
                                    image.config.diff_ids.size())});
  return image;
}

namespace {

/// `manifest` gets its configuration and layers.
Result<oci::Descriptor> store_image(const content::ContentStore& store, oci::ImageManifest manifest,
                                    const std::string& config_json, const oci::Platform& platform,
                                    const std::vector<LayerBlob>& layers) {
  for (const LayerBlob& layer : layers)
    manifest.layers.push_back(
        {.media_type = std::string(oci::media_type::kLayer), .digest = layer.diff_id, .size = layer.size});
  const oci::Digest config_digest = TRY(store.put(config_json));
  manifest.config = {.media_type = std::string(oci::media_type::kConfig),
                     .digest = config_digest,
                     .size = config_json.size()};
  const std::string manifest_json = manifest.to_json();
  const oci::Digest digest = TRY(store.put(manifest_json));
  return oci::Descriptor{.media_type = std::string(oci::media_type::kManifest),
                         .digest = digest,
                         .size = manifest_json.size(),
                         .platform = platform};
}

}  // namespace

Result<oci::Descriptor> write(const content::ContentStore& store, oci::ImageConfig config,
                              const std::vector<LayerBlob>& layers,
                              const std::map<std::string, std::string>& annotations) {
  config.diff_ids.clear();
  for (const LayerBlob& layer : layers) config.diff_ids.push_back(layer.diff_id);
  oci::ImageManifest manifest;
  manifest.annotations = annotations;
  return store_image(store, std::move(manifest), config.to_json(), config.platform, layers);
}

Result<oci::Descriptor> write_published(const content::ContentStore& store, const std::string& config_json,
                                        const std::vector<LayerBlob>& layers) {
  const oci::ImageConfig config = TRY(oci::ImageConfig::from_json(config_json));
  return store_image(store, {}, config_json, config.platform, layers);
}

}  // namespace pgstrata::image
