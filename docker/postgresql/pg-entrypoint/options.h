// The contract of variables, read once and checked as a whole: the user's own, docker-library's POSTGRES_*
// and Patroni's PATRONI_*. README.md has the table.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "environment.h"
#include "log.h"
#include "variables.h"

namespace pg_entrypoint {

/// A role that Patroni logs in as.
struct Credentials {
  std::string user;
  std::string password;
};

struct PatroniOptions {
  std::string scope, namespace_, name;
  std::string etcd_hosts;  // HOST:PORT,…
  std::string etcd_protocol, etcd_user, etcd_ca, etcd_cert, etcd_key;
  std::optional<std::string> etcd_password;
  std::string api_listen, api_connect;
  std::string api_user, api_cert, api_key, api_ca, api_verify_client;
  std::optional<std::string> api_password;
  std::string server_listen, server_connect;
  Credentials superuser, replication;
  std::optional<Credentials> rewind;
  int ttl = 30, loop_wait = 10, retry_timeout = 10, most_lag = 1'048'576;
  bool synchronous = false, synchronous_strict = false, failsafe = false;
  std::string watchdog_mode, watchdog_device;
  int watchdog_margin = 5;
};

struct RestoreOptions {
  std::string type;    // default, immediate, time, name, xid, lsn
  std::string target;  // of the types that have one
  std::string set;     // the label of a backup, or empty: the latest that fits
  std::string timeline;
};

/// How the leader reaches the other members of its cluster, to copy the files of one that is a standby.
struct StandbyOptions {
  std::vector<std::string> hosts;  // without this node's own
  int port = 8432;
  std::string cert, key, ca;  // of the server and of its client alike
  std::string client;         // the common name of certificates that are let in
};

struct BackupOptions {
  std::string stanza;
  std::string repository_type;  // posix, s3
  std::string repository_path;
  std::string s3_bucket, s3_endpoint, s3_region, s3_key, s3_ca;
  std::string s3_uri_style;
  bool s3_verify = true;
  std::optional<std::string> s3_secret, cipher_password;
  int keep_full = 2, keep_differential = 6;
  std::chrono::seconds full_every{0}, differential_every{0};  // 0: never by itself
  int processes = 1;
  std::optional<StandbyOptions> standby;  // backups are copied from one, if there is one
  std::optional<RestoreOptions> restore;
};

/// A node of a Citus cluster that Patroni doesn't manage.
struct CitusOptions {
  bool worker = false;     // else the coordinator
  bool registers = false;  // it makes itself known to the cluster
  std::string node_host;   // where the other nodes reach this one
  int node_port = 5432;
  std::string coordinator_host;  // of a worker
  int coordinator_port = 5432;
};

struct Options {
  std::string pgdata;
  std::string pgconfig;
  std::string home;         // where entrypoint.sh, its scripts and the templates are
  std::string socket_dir;   // of the Unix socket that clients in the container and the health check use
  std::string port;         // PGPORT
  std::string secrets_dir;  // /run/secrets
  std::string hooks_dir;    // /docker-entrypoint-initdb.d
  Level log_level = Level::kInfo;
  LogFormat log_format = LogFormat::kJson;
  bool sleep_mode = false;
  bool wipe_failed_init = false;
  bool change_password = false;
  std::chrono::seconds timeout{30};
  std::chrono::seconds password_timeout{5};
  std::chrono::seconds init_timeout{0};
  std::string auth_method;  // of connections over TCP
  bool external_access = true;
  std::string listen_addresses;
  std::string user, database;
  std::vector<std::string> initdb_arguments;
  std::map<std::string, std::string> settings;  // POSTGRESQL_* without the prefix
  std::optional<std::string> password;
  std::string health_address;
  int health_port = 8009;  // 0: none
  bool health_port_wanted = false;
  std::optional<PatroniOptions> patroni;
  std::optional<BackupOptions> backup;
  std::optional<CitusOptions> citus;

  /// The variables of children: checked, defaulted, without any secret.
  Environment scripts;
};

struct LoadedOptions {
  Options options;
  Complaints complaints;  // `options` is of use only without any error
};

/// Reads the environment and the files it names. Writes nothing and never throws for what a user got wrong.
LoadedOptions load_options(const Environment& environment);

/// Its parts, each in a file of its own.
void load_patroni(Variables& read, const Environment& environment, Options& options);
void load_backup(Variables& read, Options& options);
void load_citus(Variables& read, Options& options);

/// The folder of the Unix socket: PGHOST, where libpq looks, if that is a path, else /run/postgresql.
std::string socket_dir(const Environment& environment);

/// Where the health endpoints listen besides TCP, for `pg-entrypoint healthcheck`.
std::string health_socket(const Environment& environment);

/// Names of variables whose values nobody may see.
const std::vector<std::string>& secret_names();

/// Replaces each secret by stars, for showing what would be written.
void hide_secrets(Options& options);

/// What children may see: the environment without secrets and their files' names.
Environment without_secrets(Environment environment);

/// Words and quotes as in a shell, but nothing is expanded or executed. Nothing if a quote isn't closed.
std::optional<std::vector<std::string>> split_words(const std::string& text);

}  // namespace pg_entrypoint
