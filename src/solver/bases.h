// Base images: what FROM and COPY --from=image name. Resolution order (docs/bases.md): --build-context,
// the store's own images, the registry, and, where that can't be reached, a bootstrap from Debian's
// packages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "graph/from_dockerfile.h"
#include "image/image.h"
#include "oci/reference.h"
#include "solver/vertex_result.h"
#include "store/layer_store.h"

namespace pgstrata::solver {

/// The label that a bootstrapped base carries: the suite. RUN then gets the machine's apt sources, since
/// the image itself names no mirror.
inline constexpr const char* kBootstrapLabel = "org.pgstrata.bootstrap.suite";

struct Base {
  image::Image image;
  Chain chain;
};

/// Makes a base image that the store doesn't have; gives the image as it was stored.
using BaseMaker = std::function<Result<oci::Descriptor>(const oci::Reference&, const oci::Platform&)>;

class Bases final : public graph::BaseResolver {
 public:
  struct Options {
    std::map<std::string, std::string> build_contexts;  ///< NAME → docker-image://… or oci-layout://…
    bool pull = false;
    BaseMaker make;
  };
  Bases(store::LayerStore& layers, Options options) : layers_(layers), options_(std::move(options)) {}

  Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) override;
  /// The image and its layers; resolved once per build.
  Result<const Base*> resolve(const std::string& reference, const oci::Platform& platform);

 private:
  Result<Base> find(const std::string& reference, const oci::Platform& platform);
  /// `any_platform`: what it is for doesn't count.
  Result<Base> load(const oci::Descriptor& named, const std::string& name, const oci::Platform& platform,
                    bool any_platform);

  store::LayerStore& layers_;
  Options options_;
  std::map<std::string, std::unique_ptr<Base>> resolved_;
};

}  // namespace pgstrata::solver
