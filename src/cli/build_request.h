// What the command line of `pgstrata build` asks for, read and checked before anything is done.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/attest_options.h"
#include "cli/build_options.h"
#include "cli/contexts.h"
#include "cli/shared_caches.h"
#include "core/result.h"
#include "exporter/output.h"
#include "graph/from_dockerfile.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "solver/build_executor.h"

namespace pgstrata::cli {

struct Request {
  BuildOptions options;
  graph::BuildRequest graph;             ///< for the first of the platforms
  std::vector<oci::Platform> platforms;  ///< one at least, each once, in the order asked
  std::map<std::string, solver::Secret> secrets;
  std::map<std::string, std::string> image_contexts;
  ContextRequest contexts;
  std::map<std::string, std::vector<std::string>> ssh;
  std::map<std::string, std::string> annotations;
  std::vector<oci::Reference> names;
  std::vector<exporter::Output> outputs;
  SharedCaches caches;
  AttestRequest attestations;
  bool read_sets = true;
};

/// Secrets are read here. kUsage says which option is wrong.
Result<Request> read_request(const BuildOptions& options);

}  // namespace pgstrata::cli
