// An image into a registry. Only what the registry lacks is sent: what the tag's present image has is known
// to be there, then each blob is asked for (HEAD), then asked to be taken from another repository of the
// same registry (mount), and sent if that doesn't do.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "core/result.h"
#include "exporter/exporter.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/repository.h"

namespace pgstrata::exporter {

struct PushOptions {
  Compression compression;
  unsigned parallel = 3;  ///< blobs at once
  std::stop_token stop = {};
};

struct Pushed {
  oci::Descriptor manifest;  ///< as the registry has it: what the name stands for there
  int present = 0;           ///< blobs that were there
  int mounted = 0;
  int uploaded = 0;
  std::uint64_t uploaded_bytes = 0;
};

/// Manifest and configuration have the media types of the image-spec. Layers go as the registry that they
/// came from had them, or compressed as asked; both are kept, so a second push compresses nothing. The
/// manifest goes last, under the name's tag. With attestations or several platforms all manifests go by
/// their digests, and last the index of them under the tag. `repository` is where the name leads to.
Result<Pushed> push(const Request& request, const registry::Repository& repository,
                    const oci::Reference& name, const PushOptions& options);

/// "pushed NAME: 1 blob sent (3.2 kB), 7 were there; sha256:…"
[[nodiscard]] std::string in_words(const oci::Reference& name, const Pushed& pushed);

}  // namespace pgstrata::exporter
