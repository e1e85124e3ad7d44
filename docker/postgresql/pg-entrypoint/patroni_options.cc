// PATRONI_*: what goes into Patroni's configuration. Variables that aren't here reach Patroni as they are.
#include "options.h"

namespace pg_entrypoint {
namespace {

std::string etcd_hosts(Variables& read, const Environment& environment) {
  if (environment.get("PATRONI_ETCD3_HOST"))
    return read.host_and_port("PATRONI_ETCD3_HOST", "localhost:2379");
  std::string hosts = read.text("PATRONI_ETCD3_HOSTS", "");
  if (hosts.empty()) {
    read.error(
        "PATRONI_ENABLE=true needs to know where etcd is; set PATRONI_ETCD3_HOSTS=HOST:PORT,HOST:PORT,… "
        "(the v3 API)");
  }
  // Patroni's own notation has quotes around each of them.
  std::erase_if(hosts, [](char c) { return c == ' ' || c == '\'' || c == '"'; });
  return hosts;
}

/// Nobody gets a default password: a cluster that everybody knows how to enter is none.
std::string password(Variables& read, const std::string& name, const std::optional<std::string>& fallback) {
  if (auto value = read.secret(name)) return *value;
  if (fallback) return *fallback;
  read.error("PATRONI_ENABLE=true needs " + name + "; set it, or better " + name +
             "_FILE, the same on every node");
  return "";
}

void load_api(Variables& read, PatroniOptions& patroni, bool everywhere) {
  patroni.api_listen =
      read.host_and_port("PATRONI_RESTAPI_LISTEN", everywhere ? "0.0.0.0:8008" : "127.0.0.1:8008");
  const std::string port = patroni.api_listen.substr(patroni.api_listen.rfind(':'));
  patroni.api_connect = read.host_and_port("PATRONI_RESTAPI_CONNECT_ADDRESS",
                                           (everywhere ? patroni.name : "127.0.0.1") + port);
  patroni.api_user = read.text("PATRONI_RESTAPI_USERNAME", "");
  patroni.api_password = read.secret("PATRONI_RESTAPI_PASSWORD");
  if (patroni.api_user.empty() == patroni.api_password.has_value()) {
    read.error("PATRONI_RESTAPI_USERNAME and PATRONI_RESTAPI_PASSWORD belong together; set both or none");
  }
  if (!patroni.api_password && everywhere) {
    read.warn(
        "everybody who reaches Patroni's REST API can restart and reconfigure the cluster; set "
        "PATRONI_RESTAPI_USERNAME and "
        "PATRONI_RESTAPI_PASSWORD_FILE");
  }
  patroni.api_cert = read.text("PATRONI_RESTAPI_CERTFILE", "");
  patroni.api_key = read.text("PATRONI_RESTAPI_KEYFILE", "");
  patroni.api_ca = read.text("PATRONI_RESTAPI_CAFILE", "");
  patroni.api_verify_client =
      read.one_of("PATRONI_RESTAPI_VERIFY_CLIENT", "none", {"none", "optional", "required"});
}

void load_etcd(Variables& read, const Environment& environment, PatroniOptions& patroni) {
  patroni.etcd_hosts = etcd_hosts(read, environment);
  patroni.etcd_protocol = read.one_of("PATRONI_ETCD3_PROTOCOL", "http", {"http", "https"});
  patroni.etcd_user = read.text("PATRONI_ETCD3_USERNAME", "");
  patroni.etcd_password = read.secret("PATRONI_ETCD3_PASSWORD");
  patroni.etcd_ca = read.text("PATRONI_ETCD3_CACERT", "");
  patroni.etcd_cert = read.text("PATRONI_ETCD3_CERT", "");
  patroni.etcd_key = read.text("PATRONI_ETCD3_KEY", "");
}

void load_loop(Variables& read, PatroniOptions& patroni) {
  patroni.ttl = read.number("PATRONI_TTL", 30, 5, 3'600);
  patroni.loop_wait = read.number("PATRONI_LOOP_WAIT", 10, 1, 600);
  patroni.retry_timeout = read.number("PATRONI_RETRY_TIMEOUT", 10, 1, 600);
  if (patroni.ttl < patroni.loop_wait + 2 * patroni.retry_timeout) {
    read.error("PATRONI_TTL=" + std::to_string(patroni.ttl) +
               " is too short; it has to be at least PATRONI_LOOP_WAIT + 2 * PATRONI_RETRY_TIMEOUT");
  }
  patroni.most_lag = read.number("PATRONI_MAXIMUM_LAG_ON_FAILOVER", 1'048'576, 0, 2'147'483'647);
  patroni.synchronous = read.boolean("PATRONI_SYNCHRONOUS_MODE", false);
  patroni.synchronous_strict = read.boolean("PATRONI_SYNCHRONOUS_MODE_STRICT", false);
  patroni.failsafe = read.boolean("PATRONI_FAILSAFE_MODE", false);
  patroni.watchdog_mode = read.one_of("PATRONI_WATCHDOG_MODE", "off", {"off", "automatic", "required"});
  patroni.watchdog_device = read.absolute_path("PATRONI_WATCHDOG_DEVICE", "/dev/watchdog");
  patroni.watchdog_margin = read.number("PATRONI_WATCHDOG_SAFETY_MARGIN", 5, -1, 3'600);
}

}  // namespace

void load_patroni(Variables& read, const Environment& environment, Options& options) {
  if (!read.boolean("PATRONI_ENABLE", false)) return;
  PatroniOptions patroni;
  const bool everywhere = options.health_address != "127.0.0.1";
  patroni.scope = read.text("PATRONI_SCOPE", "postgres-cluster");
  patroni.namespace_ = read.text("PATRONI_NAMESPACE", "/service/");
  patroni.name = read.text("PATRONI_NAME", host_name());
  load_etcd(read, environment, patroni);
  load_api(read, patroni, everywhere);
  const std::string first = options.listen_addresses.substr(0, options.listen_addresses.find(','));
  patroni.server_listen =
      read.text("PATRONI_POSTGRESQL_LISTEN", options.listen_addresses + ":" + options.port);
  patroni.server_connect = read.host_and_port("PATRONI_POSTGRESQL_CONNECT_ADDRESS",
                                              (everywhere ? patroni.name : first) + ":" + options.port);
  patroni.superuser = {read.text("PATRONI_SUPERUSER_USERNAME", options.user),
                       password(read, "PATRONI_SUPERUSER_PASSWORD", options.password)};
  patroni.replication = {read.text("PATRONI_REPLICATION_USERNAME", "replicator"),
                         password(read, "PATRONI_REPLICATION_PASSWORD", std::nullopt)};
  if (const std::string user = read.text("PATRONI_REWIND_USERNAME", ""); !user.empty()) {
    patroni.rewind = Credentials{user, password(read, "PATRONI_REWIND_PASSWORD", std::nullopt)};
  }
  if (patroni.superuser.user != options.user) {
    read.error("PATRONI_SUPERUSER_USERNAME='" + patroni.superuser.user + "' and POSTGRES_USER='" +
               options.user + "' contradict each other; keep one of them");
  }
  if (options.change_password) {
    read.error(
        "CHANGE_PASSWORD is for a server without Patroni; there, change the role's password on the leader");
  }
  load_loop(read, patroni);
  if (!options.password && !patroni.superuser.password.empty())
    options.password = patroni.superuser.password;
  options.patroni = std::move(patroni);
}

}  // namespace pg_entrypoint
