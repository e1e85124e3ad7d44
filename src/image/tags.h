// The tagged images of a store: its index.json (image-spec image-layout.md). Every manifest entry
// carries the complete reference as io.containerd.image.name, so that other tools that read the
// layout find the names, too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "content/content_store.h"
#include "core/result.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace pgstrata::image {

struct Tagged {
  std::string name;  ///< oci::Reference::str()
  oci::Descriptor manifest;
};

/// In the order in which they were tagged. If a power cut has left nothing of index.json, the list that was
/// last known to be on the disk (store/background_sync.h).
Result<std::vector<Tagged>> list_tags(const content::ContentStore& store);
Result<std::optional<oci::Descriptor>> find_tag(const content::ContentStore& store,
                                                const oci::Reference& name);
/// Points `names` at `manifest`; where they pointed before loses them. All or none of them; several
/// processes may tag at once.
Result<void> set_tags(const content::ContentStore& store, const std::vector<oci::Reference>& names,
                      const oci::Descriptor& manifest);
/// False if there was no such tag.
Result<bool> remove_tag(const content::ContentStore& store, const oci::Reference& name);

/// True if index.json can't be read as what it is.
[[nodiscard]] bool is_list_damaged(const content::ContentStore& store);
/// Writes what list_tags() gives in its place.
Result<void> restore_list(const content::ContentStore& store);

}  // namespace pgstrata::image
