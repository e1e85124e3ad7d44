#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>

#include "cli/container_verbs.h"
#include "container/control.h"
#include "container/options.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

struct RmOptions {
  std::vector<std::string> names;
  bool force = false;
  bool volumes = false;
};

Result<void> remove(const std::string& root, container::Container one, const RmOptions& options) {
  if (!std::holds_alternative<container::Exited>(one.state)) {
    if (!options.force)
      return fail({.kind = ErrorKind::kUsage,
                   .what = "the container is running",
                   .where = one.record.name,
                   .next = "stop it first, or pgstrata rm -f " + one.record.name});
    TRY_VOID(container::stop(one, std::chrono::seconds(10), SIGKILL));
  }
  // Whoever removes a container decides about its anonymous volumes.
  one.record.auto_remove = one.record.auto_remove || options.volumes;
  return container::remove_container(root, one);
}

Result<int> rm(const GlobalOptions& global, const RmOptions& options) {
  // Files of a container may belong to any id of the user namespace.
  TRY_VOID(sandbox::enter_namespaces());
  const std::string root = TRY(absolute_root(global));
  return for_each_container(global, options.names,
                            [&](const container::Container& one) { return remove(root, one, options); });
}

}  // namespace

Command add_rm(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<RmOptions>();
  app.add_option("CONTAINER", options->names, "names or IDs")->required();
  app.add_flag("-f,--force", options->force, "kill it first if it runs");
  app.add_flag("-v,--volumes", options->volumes, "its anonymous volumes as well");
  return [options, &global] { return rm(global, *options); };
}

}  // namespace pgstrata::cli
