// --attest, --sbom and --provenance: which attestations a build makes. buildx's syntax; without any of them
// there are none (docs/attestations.md says why that differs from buildx).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/provenance.h"
#include "core/result.h"

namespace pgstrata::cli {

struct ProvenanceRequest {
  attest::ProvenanceMode mode = attest::ProvenanceMode::kMax;
  std::string builder_id;  ///< "": pgstrata itself
  bool reproducible = false;
};

struct AttestRequest {
  std::optional<ProvenanceRequest> provenance;
  bool sbom = false;

  [[nodiscard]] bool any() const { return provenance.has_value() || sbom; }
};

/// `attest`: type=provenance|sbom[,disabled=true][,KEY=VALUE…], each type once; `sbom` and `provenance` are
/// the short forms: a truth value, or the keys. kUsage for other types, keys and values.
Result<AttestRequest> parse_attestations(const std::vector<std::string>& attest, const std::string& sbom,
                                         const std::string& provenance);

}  // namespace pgstrata::cli
