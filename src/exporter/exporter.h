// What a build leaves behind besides the image in the store: archives, layouts, plain files, an image in
// an engine. exporter/output.h says which there are.
//
// The same image and names give the same bytes: entries are sorted, owned by 0:0, and dated 0 or
// SOURCE_DATE_EPOCH; the time in annotations is that of the configuration. A file is complete or absent.
// All manifests and media types are those of the image-spec, also in archives for Docker: every engine
// since Docker 1.10 reads them or manifest.json beside them, and the image ID is the same everywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "attest/attestation.h"
#include "cache/index.h"
#include "core/result.h"
#include "exporter/output.h"
#include "image/image.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/repository.h"
#include "store/layer_store.h"

namespace pgstrata::exporter {

/// The image of one platform.
struct PlatformImage {
  image::Image image;
  std::vector<cache::LayerRow> chain;  ///< the image's layers, bottom first
  /// What OCI layouts and registries get beside the image: its name then leads to an index with both
  /// (attest/attestation.h). Other outputs leave it out, and say so.
  std::vector<attest::Predicate> attestations = {};
};

/// The platform that it was built for, which may be newer than that of its base.
[[nodiscard]] inline const oci::Platform& platform_of(const PlatformImage& one) {
  return one.image.descriptor.platform ? *one.image.descriptor.platform : one.image.config.platform;
}

struct Request {
  std::vector<PlatformImage> images;  ///< one at least; names of several lead to an index of them
  std::vector<oci::Reference> names;  ///< those without a tag name nothing in an archive
  store::LayerStore& layers;
  std::optional<std::int64_t> source_date_epoch = {};  ///< seconds
  /// Where a name's image is written to, for outputs that push.
  std::function<Result<registry::Repository>(const oci::Reference& name)> repository = {};
  std::stop_token stop = {};
};

struct Exported {
  /// Of the image as it was given away, or of its index: its layers may be compressed there, and not in the
  /// store.
  oci::Descriptor manifest;
  /// What a person may want to know: the engine's answer, files that a plain user can't make.
  std::vector<std::string> messages;
};

/// An OCI image layout (image-spec image-layout.md). index.json has one manifest descriptor per name, with
/// the tag as org.opencontainers.image.ref.name and the complete reference as io.containerd.image.name. In
/// a directory that holds a layout already, other images stay; index.json is replaced last.
Result<Exported> export_oci(const Request& request, const OciOutput& output);

/// The same with a manifest.json, which is what `docker load` before 25 and podman look at. Layers are
/// uncompressed unless something else is asked for: the archive is read once, by a program beside us that
/// unpacks it at once, and compressing costs ten times what it saves. (zstd: Docker since 23.)
/// With ToEngine: loads it. kUsage: several platforms, which no such archive holds.
Result<Exported> export_docker(const Request& request, const DockerOutput& output);

/// The merged root file system as one tar, with its owners and modes, without an entry for the root. Of
/// several platforms each has a directory, "linux_amd64".
Result<Exported> export_tar(const Request& request, const TarOutput& output);

/// The merged root file system's files into a directory, which may exist: as in buildx, equal names are
/// replaced, others stay, and everything belongs to who calls. Links in the directory are never followed.
/// Each file is complete or as it was. Devices and attributes that the caller may not make are left out
/// with a message. Of several platforms each has a directory, "linux_amd64". Without platform_split they
/// share one; kUsage, before anything is written: two have a file of one name.
Result<Exported> export_local(const Request& request, const LocalOutput& output);

/// Points the names at the image, and pushes it to each of them if that is asked for (exporter/push.h).
Result<Exported> export_to_store(const Request& request, const ImageOutput& output);

/// Whichever of them `output` is. Names in `output` are added to the request's.
Result<Exported> export_image(const Request& request, const Output& output);

}  // namespace pgstrata::exporter
