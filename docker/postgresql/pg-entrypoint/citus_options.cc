// CITUS_*: a node of a Citus cluster without Patroni.
#include "options.h"

namespace pg_entrypoint {
void load_citus(Variables& read, Options& options) {
  CitusOptions citus;
  const std::string role = read.one_of("CITUS_ROLE", "standalone", {"standalone", "coordinator", "worker"});
  citus.worker = role == "worker";
  citus.registers = read.boolean("CITUS_AUTO_REGISTER_WORKERS", false);
  citus.node_host = read.text("CITUS_NODE_HOST", host_name());
  citus.node_port = read.number("CITUS_NODE_PORT", std::stoi(options.port), 1, 65'535);
  citus.coordinator_host = read.text("CITUS_COORDINATOR_HOST", "");
  citus.coordinator_port = read.number("CITUS_COORDINATOR_PORT", 5432, 1, 65'535);
  if (role == "standalone") return;
  if (options.patroni) {
    read.warn("CITUS_ROLE=" + role +
              " plays no part under Patroni, which registers the nodes itself; PATRONI_CITUS_GROUP and "
              "PATRONI_CITUS_DATABASE say what this one is");
    return;
  }
  if (citus.worker && citus.registers && citus.coordinator_host.empty())
    read.error(
        "CITUS_ROLE=worker with CITUS_AUTO_REGISTER_WORKERS=true needs CITUS_COORDINATOR_HOST, the name "
        "under "
        "which this container reaches the coordinator");
  if (citus.registers && !options.password && options.auth_method != "trust")
    read.warn(
        "the nodes of a Citus cluster log in to each other with the superuser's password, and this one has "
        "none; set POSTGRES_PASSWORD_FILE, the same on every node, at each start");
  options.citus = std::move(citus);
}

}  // namespace pg_entrypoint
