// Which unpacked layers a power cut may have torn. A layer that is known to be on the disk may be unpacked
// long after that, and its row of the index doesn't change by it:
//
//   ROOT/synced   a link to the time at which the last syncfs that has ended began, in ns since the epoch
//   ROOT/boot     a link to the boot id under which unpacked/ was gone through last
//
// Links, as a file system writes what a link says together with its name, and in the order of the changes:
// if the name of an unpacked layer has reached the disk, so has its time of change, which is that of its
// rename.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace pgstrata::store {

/// After a syncfs. It may be lost: then an earlier one counts.
void note_sync(const std::string& root, std::int64_t began);

/// True if this is another boot than the last one that was noted. A store without a note has none yet:
/// nothing tells how it came to be, and somebody may have its layers mounted.
bool is_first_after_boot(const std::string& root, const std::string& boot_id);
/// Names in unpacked/ that have come there after the last syncfs began.
Result<std::vector<std::string>> perhaps_torn(const std::string& root);
/// When those are gone.
Result<void> note_boot(const std::string& root, const std::string& boot_id);

}  // namespace pgstrata::store
