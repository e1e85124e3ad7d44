// Signatures by cosign, where it is installed.
#pragma once

#include <stop_token>
#include <string>

#include "core/result.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace pgstrata::cli {

/// kMachine if there is no cosign in PATH. Asked before a push, so that nothing unsigned gets out.
Result<void> find_cosign();

/// Runs `cosign sign` for what a registry has as `digest`. `key` is cosign's --key: a file, env://NAME, or
/// a key management service's address; cosign takes its password from COSIGN_PASSWORD. `is_insecure`: the
/// registry may speak HTTP. kIo with cosign's last words if it fails.
Result<void> sign(const oci::Reference& name, const oci::Digest& digest, const std::string& key,
                  bool is_insecure, const std::stop_token& stop);

}  // namespace pgstrata::cli
