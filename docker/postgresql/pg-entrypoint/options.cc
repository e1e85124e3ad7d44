#include "options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace pg_entrypoint {
namespace {

std::string auth_method(Variables& read, const Environment& environment) {
  const auto official = environment.get("POSTGRES_HOST_AUTH_METHOD");
  const auto own = environment.get("EXTERNAL_ACCESS_METHOD");
  const std::string name = official ? "POSTGRES_HOST_AUTH_METHOD" : "EXTERNAL_ACCESS_METHOD";
  if (official && own && *official != *own) {
    read.error("POSTGRES_HOST_AUTH_METHOD='" + *official + "' and EXTERNAL_ACCESS_METHOD='" + *own +
               "' contradict each other; keep one of them");
  }
  std::string method = read.one_of(name, "scram-sha-256", {"scram-sha-256", "md5", "trust", "reject"});
  if (method == "md5") {
    read.warn(name +
              "=md5 is outdated: passwords are stored for scram-sha-256 all the same, and clients older "
              "than PostgreSQL 10 can't log in; use scram-sha-256");
  }
  if (method == "trust") {
    read.warn(name + "=trust lets everybody who reaches the port log in as any role, without a password");
  }
  return method;
}

void load_logging(Variables& read, Options& options) {
  const std::string level = read.text("LOG_LEVEL", "INFO");
  if (const auto parsed = parse_level(level))
    options.log_level = *parsed;
  else
    read.error("LOG_LEVEL='" + level + "' can't be used; use DEBUG, INFO, WARNING or ERROR");
  options.log_format =
      read.one_of("LOG_FORMAT", "json", {"json", "text"}) == "json" ? LogFormat::kJson : LogFormat::kText;
}

void load_paths(Variables& read, const Environment& environment, Options& options) {
  options.pgdata = read.absolute_path("PGDATA", "/usr/local/pgsql/data");
  options.pgconfig = read.absolute_path("PGCONFIG", "/usr/local/pgsql/config");
  options.home = read.absolute_path("CONTAINER_HOME", "/opt/container");
  options.hooks_dir = read.absolute_path("INIT_HOOKS_DIR", "/docker-entrypoint-initdb.d");
  options.socket_dir = socket_dir(environment);
  options.port = std::to_string(read.number("PGPORT", 5432, 1, 65'535));
  if (options.pgdata == options.pgconfig || options.pgconfig.starts_with(options.pgdata + "/")) {
    read.error("PGCONFIG='" + options.pgconfig +
               "' lies in PGDATA; configuration and data need separate folders");
  }
}

void load_server(Variables& read, Options& options) {
  options.user = read.text_or_file("POSTGRES_USER", "postgres");
  options.database = read.text_or_file("POSTGRES_DB", options.user);
  const std::string arguments = read.text_or_file("POSTGRES_INITDB_ARGS", "");
  if (auto words = split_words(arguments))
    options.initdb_arguments = std::move(*words);
  else
    read.error("POSTGRES_INITDB_ARGS='" + arguments + "' has an unclosed quote; close it");
  if (const std::string wal = read.text("POSTGRES_INITDB_WALDIR", ""); !wal.empty()) {
    options.initdb_arguments.push_back("--waldir=" + read.absolute_path("POSTGRES_INITDB_WALDIR", wal));
  }
  options.external_access = read.boolean("EXTERNAL_ACCESS_ENABLE", true);
  options.listen_addresses =
      read.text("POSTGRESQL_LISTEN_ADDRESSES", options.external_access ? "*" : "localhost");
  options.settings["shared_buffers"] = read.memory("POSTGRESQL_SHARED_BUFFERS", "128MB");
  options.settings["work_mem"] = read.memory("POSTGRESQL_WORK_MEM", "4MB");
  options.settings["max_connections"] =
      std::to_string(read.number("POSTGRESQL_MAX_CONNECTIONS", 100, 1, 262'143));
}

/// The health endpoints are reachable from where PostgreSQL is.
void load_health(Variables& read, Options& options) {
  options.health_port_wanted = read.has("HEALTH_PORT");
  options.health_port = read.number("HEALTH_PORT", 8009, 0, 65'535);
  const bool everywhere = options.listen_addresses.find_first_of("*") != std::string::npos ||
                          options.listen_addresses.find("0.0.0.0") != std::string::npos;
  options.health_address = read.text("HEALTH_ADDRESS", everywhere ? "0.0.0.0" : "127.0.0.1");
}

Environment for_scripts(Environment environment, const Options& options) {
  environment = without_secrets(std::move(environment));
  environment.set("PGDATA", options.pgdata);
  environment.set("PGCONFIG", options.pgconfig);
  environment.set("CONTAINER_HOME", options.home);
  environment.set("INIT_HOOKS_DIR", options.hooks_dir);
  environment.set("PGHOST", options.socket_dir);
  environment.set("PGPORT", options.port);
  environment.set("EXTERNAL_ACCESS_METHOD", options.auth_method);
  environment.erase("POSTGRES_HOST_AUTH_METHOD");
  environment.set("EXTERNAL_ACCESS_ENABLE", options.external_access ? "true" : "false");
  environment.set("POSTGRES_USER", options.user);
  environment.set("POSTGRES_DB", options.database);
  environment.set("POSTGRESQL_LISTEN_ADDRESSES", options.listen_addresses);
  environment.set("POSTGRESQL_SHARED_BUFFERS", options.settings.at("shared_buffers"));
  environment.set("POSTGRESQL_WORK_MEM", options.settings.at("work_mem"));
  environment.set("POSTGRESQL_MAX_CONNECTIONS", options.settings.at("max_connections"));
  if (!environment.get("LOG_LEVEL")) environment.set("LOG_LEVEL", "INFO");
  if (options.backup) {
    environment.set("PGBACKREST_CONFIG", options.pgconfig + "/pgbackrest.conf");
    environment.set("PGBACKREST_STANZA", options.backup->stanza);
  }
  return environment;
}

}  // namespace

LoadedOptions load_options(const Environment& environment) {
  LoadedOptions result;
  Options& options = result.options;
  options.secrets_dir = environment.get("SECRETS_DIR").value_or("/run/secrets");
  Variables read(environment, options.secrets_dir, result.complaints);

  load_paths(read, environment, options);
  load_logging(read, options);
  options.sleep_mode = read.boolean("SLEEP_MODE", false);
  options.wipe_failed_init = read.one_of("INIT_ON_FAILURE", "refuse", {"refuse", "wipe"}) == "wipe";
  options.timeout = read.seconds("TIMEOUT", 30, 1, 86'400);
  options.password_timeout = read.seconds("TIMEOUT_CHANGE_PASSWORD", 5, 1, 86'400);
  options.init_timeout = read.seconds("INIT_TIMEOUT", 0, 0, 604'800);
  options.auth_method = auth_method(read, environment);
  options.password = read.secret("POSTGRES_PASSWORD");
  options.change_password = read.boolean("CHANGE_PASSWORD", false);
  if (options.change_password && !options.password) {
    read.error("CHANGE_PASSWORD=true needs the new password; set POSTGRES_PASSWORD_FILE");
  }
  load_server(read, options);
  load_health(read, options);
  load_patroni(read, environment, options);
  load_backup(read, options);
  load_citus(read, options);
  options.scripts = for_scripts(environment, options);
  return result;
}

std::string socket_dir(const Environment& environment) {
  const std::string host = environment.get("PGHOST").value_or("");
  return host.starts_with('/') ? host : "/run/postgresql";
}

std::string health_socket(const Environment& environment) {
  return socket_dir(environment) + "/.s.pg-entrypoint." + environment.get("PGPORT").value_or("5432");
}

const std::vector<std::string>& secret_names() {
  static const std::vector<std::string> names{"POSTGRES_PASSWORD",          "PGPASSWORD",
                                              "PATRONI_SUPERUSER_PASSWORD", "PATRONI_REPLICATION_PASSWORD",
                                              "PATRONI_REWIND_PASSWORD",    "PATRONI_RESTAPI_PASSWORD",
                                              "PATRONI_ETCD3_PASSWORD",     "BACKUP_S3_KEY_SECRET",
                                              "BACKUP_CIPHER_PASSWORD"};
  return names;
}

void hide_secrets(Options& options) {
  const std::string stars = "********";
  const auto hide = [&stars](std::optional<std::string>& secret) {
    if (secret) secret = stars;
  };
  hide(options.password);
  if (options.backup) {
    hide(options.backup->s3_secret);
    hide(options.backup->cipher_password);
  }
  if (!options.patroni) return;
  PatroniOptions& patroni = *options.patroni;
  hide(patroni.etcd_password);
  hide(patroni.api_password);
  patroni.superuser.password = stars;
  patroni.replication.password = stars;
  if (patroni.rewind) patroni.rewind->password = stars;
}

Environment without_secrets(Environment environment) {
  for (const std::string& name : secret_names()) {
    environment.erase(name);
    environment.erase(name + "_FILE");
  }
  for (const char* name : {"POSTGRES_USER_FILE", "POSTGRES_DB_FILE", "POSTGRES_INITDB_ARGS_FILE"}) {
    environment.erase(name);
  }
  return environment;
}

std::optional<std::vector<std::string>> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else if (c == '\\' && quote == '"' && i + 1 < text.size()) {
        word += text[++i];
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace pg_entrypoint
