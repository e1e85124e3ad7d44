// SLSA provenance v0.2 (https://slsa.dev/spec/v0.2/provenance) in the shape that BuildKit gives it
// (slsa-definitions.md of its documentation, "SLSA v0.2"): who
// built, from what, and how.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/manifest.h"

namespace pgstrata::attest {

/// Something from elsewhere that went into the image.
struct Material {
  std::string uri;
  std::map<std::string, std::string> digest;  ///< algorithm → hex digits
  bool operator==(const Material&) const = default;
};

/// A secret or ssh agent that a RUN mounts. Never its value.
struct NamedMount {
  std::string id;
  bool optional = false;
};

/// One step as LLB would have it; mode=max only.
struct BuildStep {
  std::string op;                   ///< JSON object: {"exec": …}, {"file": …} or {"source": …}
  std::string platform;             ///< "os/arch[/variant]" or ""
  std::vector<std::size_t> inputs;  ///< of the steps before it
  int first_line = 0;               ///< of the Dockerfile, from 1; 0: it has no line of its own
  int last_line = 0;
  std::vector<oci::Descriptor> layers;  ///< the chain that it leaves, bottom first, uncompressed
};

enum class ProvenanceMode { kMin, kMax };

struct Provenance {
  ProvenanceMode mode = ProvenanceMode::kMax;
  std::string builder_id;
  bool reproducible = false;  ///< what the author says (reproducible=true)

  std::optional<Material> context;  ///< CONTEXT, if it is a URL
  std::string entry_point;          ///< the Dockerfile's name
  /// As BuildKit's frontend gets them: "build-arg:NAME", "label:NAME", "target", …. With mode=min those two
  /// kinds are left out.
  std::map<std::string, std::string> args;
  std::vector<NamedMount> secrets;  ///< mode=max only
  std::vector<NamedMount> ssh;      ///< mode=max only
  std::vector<std::string> locals;  ///< directories of this machine, by their names
  std::string builder_platform;

  std::vector<Material> materials;
  bool materials_complete = false;
  bool network = false;  ///< a RUN could reach it

  std::string invocation_id;  ///< "": none
  std::string started;        ///< RFC 3339
  std::string finished;

  std::string dockerfile;  ///< its text; mode=max only
  std::vector<BuildStep> steps;
  std::optional<std::size_t> result;  ///< the step that the image is, if it has any
};

/// The predicate. The same value always gives the same bytes.
[[nodiscard]] std::string predicate_json(const Provenance& provenance);

}  // namespace pgstrata::attest
