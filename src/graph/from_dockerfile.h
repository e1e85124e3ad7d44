// From a parsed Dockerfile to the build graph: which stages the target needs, what every instruction does
// to the environment, the configuration and the files. The semantics are those of BuildKit's frontend 1.26.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/op.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace pgstrata::graph {

class PlanObserver;

/// What the command line says about a build, as far as it shapes the graph.
struct BuildRequest {
  std::map<std::string, std::string> build_args;  ///< --build-arg, values resolved
  /// What SOURCE_DATE_EPOCH before the first FROM stands for (epoch.h): "" for nothing. None: not asked
  /// yet.
  std::optional<std::string> epoch;
  std::string target;                              ///< --target; "" is the last stage
  oci::Platform platform = oci::Platform::host();  ///< --platform, what is built for
  std::optional<oci::Platform> build_platform;     ///< BUILDPLATFORM; the machine's own if not given
  bool platform_given = false;  ///< by the command line: the image is of it, whatever its stage is FROM
  bool name_platforms = false;  ///< the names of steps say which platform they are for: there are several
  /// Names of --build-context that are local directories. A name also replaces a stage that is called so.
  std::set<std::string> named_contexts;
  /// Names of --build-context that are images. They reach the BaseResolver and SourceOp::reference as the
  /// name, not as what it stands for.
  std::set<std::string> image_contexts;
  std::set<std::string> empty_contexts;       ///< names of --build-context NAME=docker-image://scratch
  std::map<std::string, std::string> labels;  ///< --label, over those of the Dockerfile
  bool every_stage = false;  ///< without --target: plan also the stages that the last one doesn't need
  bool no_cache = false;
  std::vector<std::string> no_cache_filter;  ///< stage names, or "stage-N"
  ExecLimits limits;                         ///< --add-host, --ulimit, --shm-size
  Network network = Network::kDefault;       ///< --network, for every RUN that doesn't say otherwise
  std::set<std::string> entitlements;  ///< --allow: "network.host", "security.insecure", "device[=NAME]"
};

/// Finds the configuration of images that stages are FROM.
class BaseResolver {
 public:
  BaseResolver() = default;
  BaseResolver(const BaseResolver&) = delete;
  BaseResolver& operator=(const BaseResolver&) = delete;
  virtual ~BaseResolver() = default;

  /// `reference` as written, variables expanded. Called once for every image that a stage which the target
  /// needs is FROM; not for COPY --from=IMAGE. An error without place gets that of the FROM.
  virtual Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) = 0;
};

/// The graph of the target. Errors are kUsage with the place of the instruction, or the resolver's. The
/// observer, if there is one, sees every stage that is planned, up to the first error.
Result<BuildGraph> build_graph(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request,
                               BaseResolver& resolver, PlanObserver* observer = nullptr);

}  // namespace pgstrata::graph
