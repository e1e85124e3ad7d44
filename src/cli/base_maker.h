// Where a build gets a base image that the store doesn't have: from its registry, or, if that can't even be
// reached, from Debian's packages (docs/bases.md).
#pragma once

#include <cstddef>

#include "cli/registries.h"
#include "cli/store.h"
#include "core/result.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "progress/event.h"

namespace pgstrata::cli {

class BaseMaker {
 public:
  /// All are borrowed. `pull`: --pull, which wants the registry's image and nothing else.
  BaseMaker(const Store& store, Registries& registries, progress::Sink& sink, bool pull)
      : store_(store), registries_(registries), sink_(sink), pull_(pull) {}

  /// Never a bootstrap after the registry has answered (401, 404, 429), for a digest, or with --pull.
  /// kUnreachable: neither way is open.
  Result<oci::Descriptor> make(const oci::Reference& name, const oci::Platform& platform);
  /// How many steps the sink was told of.
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  Result<oci::Descriptor> pull(const oci::Reference& name, const oci::Platform& platform);
  Result<oci::Descriptor> bootstrap(const oci::Reference& name, const oci::Platform& platform);

  const Store& store_;
  Registries& registries_;
  progress::Sink& sink_;
  const bool pull_;
  std::size_t steps_ = 0;
};

}  // namespace pgstrata::cli
