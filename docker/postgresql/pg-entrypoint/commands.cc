#include "commands.h"

#include <unistd.h>

#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "configuration.h"
#include "passwd.h"
#include "registration.h"
#include "volume.h"

namespace pg_entrypoint {
namespace {

namespace fs = std::filesystem;

bool user_has_name() { return !user_name_of(geteuid()).empty(); }

/// Gives `command` an open file with a secret; the result is the path under which it finds it.
std::string hand_over(PreparedCommand& prepared, const std::string& content) {
  prepared.secrets.push_back(std::make_unique<SecretFile>(content));
  prepared.command.inherited.push_back(prepared.secrets.back()->fd());
  return prepared.secrets.back()->path();
}

std::string nss_wrapper() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib", error)) {
    const fs::path library = entry.path() / "libnss_wrapper.so";
    if (fs::exists(library, error)) return library;
  }
  throw std::runtime_error(
      "user id " + std::to_string(geteuid()) +
      " has no name in /etc/passwd, and libnss_wrapper is not installed; start the container with a user "
      "that has one");
}

/// initdb insists on a name for its user id; an unknown id gets the name `postgres` for this one command.
void add_user_name(PreparedCommand& prepared, const Options& options) {
  if (user_has_name()) return;
  Environment& environment = prepared.command.environment;
  environment.set("LD_PRELOAD", nss_wrapper());
  const std::string ids = std::to_string(geteuid()) + ":" + std::to_string(getegid());
  environment.set(
      "NSS_WRAPPER_PASSWD",
      hand_over(prepared, "postgres:x:" + ids + ":PostgreSQL:" + options.pgdata + ":/bin/false\n"));
  environment.set("NSS_WRAPPER_GROUP",
                  hand_over(prepared, "postgres:x:" + std::to_string(getegid()) + ":\n"));
}

PreparedCommand initdb(const Options& options) {
  PreparedCommand prepared;
  Command& command = prepared.command;
  command.argv = {"initdb",
                  "--pgdata=" + staging_dir(options.pgdata),
                  "--username=" + options.user,
                  "--encoding=UTF8",
                  "--data-checksums",
                  "--no-sync",
                  "--auth-local=peer"};
  command.environment = options.scripts;
  command.drop_stdout = true;
  if (options.password) {
    command.argv.emplace_back("--auth-host=scram-sha-256");
    command.argv.push_back("--pwfile=" + hand_over(prepared, *options.password));
  } else {
    command.argv.emplace_back("--auth-host=reject");
  }
  command.argv.insert(command.argv.end(), options.initdb_arguments.begin(), options.initdb_arguments.end());
  add_user_name(prepared, options);
  return prepared;
}

PreparedCommand restore(const Options& options) {
  const RestoreOptions& restore = *options.backup->restore;
  std::vector<std::string> arguments{
      "restore", "--pg1-path=" + staging_dir(options.pgdata),
      // The cluster moves from the staging folder to its place before it recovers.
      "--recovery-option=restore_command=pgbackrest --config=\"" + options.pgconfig +
          "/pgbackrest.conf\" --stanza=" + options.backup->stanza + " archive-get %f \"%p\"",
      "--type=" + restore.type};
  if (!restore.target.empty()) arguments.push_back("--target=" + restore.target);
  if (restore.type != "default") arguments.emplace_back("--target-action=promote");
  if (!restore.set.empty()) arguments.push_back("--set=" + restore.set);
  if (!restore.timeline.empty()) arguments.push_back("--target-timeline=" + restore.timeline);
  return {backup_command(options, arguments), {}};
}

/// `entrypoint.sh PHASE`, with every process that it starts in one group.
PreparedCommand scripts(const std::string& phase, const Options& options) {
  PreparedCommand prepared;
  if (!has_scripts(options, phase)) return prepared;
  Command& command = prepared.command;
  command.argv = {"bash", options.home + "/entrypoint.sh", phase};
  command.environment = options.scripts;
  if (phase == "runtime") return prepared;
  command.environment.set("PGUSER", options.user);
  if (!options.password || options.patroni) return prepared;
  if (phase == "init")
    command.environment.set("POSTGRES_PASSWORD_FILE", hand_over(prepared, *options.password));
  if (!user_has_name()) {
    // Without a name there is no peer authentication.
    command.environment.set("PGPASSFILE",
                            hand_over(prepared, pgpass_line(options.user, *options.password)));
  }
  return prepared;
}

PreparedCommand change_password(const Options& options) {
  PreparedCommand prepared;
  prepared.command.argv = {"/proc/self/exe", "change-password"};
  prepared.command.environment = options.scripts;
  prepared.command.environment.set("POSTGRES_PASSWORD_FILE", hand_over(prepared, *options.password));
  return prepared;
}

/// What is in patroni.yml must not reach Patroni a second time: its own reading of these would win, without
/// the secrets that belong to them.
void leave_to_file(Environment& environment) {
  for (const char* name : {"SCOPE",
                           "NAMESPACE",
                           "NAME",
                           "ETCD3_HOST",
                           "ETCD3_HOSTS",
                           "ETCD3_PROTOCOL",
                           "ETCD3_USERNAME",
                           "ETCD3_CACERT",
                           "ETCD3_CERT",
                           "ETCD3_KEY",
                           "RESTAPI_LISTEN",
                           "RESTAPI_CONNECT_ADDRESS",
                           "RESTAPI_USERNAME",
                           "RESTAPI_CERTFILE",
                           "RESTAPI_KEYFILE",
                           "RESTAPI_CAFILE",
                           "RESTAPI_VERIFY_CLIENT",
                           "POSTGRESQL_LISTEN",
                           "POSTGRESQL_CONNECT_ADDRESS",
                           "SUPERUSER_USERNAME",
                           "REPLICATION_USERNAME",
                           "REWIND_USERNAME"}) {
    environment.erase(std::string("PATRONI_") + name);
  }
}

Command pgbackrest(const Options& options) {
  Command command;
  command.argv = {"pgbackrest", "--config=" + options.pgconfig + "/pgbackrest.conf"};
  command.environment = options.scripts;
  for (const char* name : {"PGBACKREST_CONFIG", "PGBACKREST_STANZA"}) command.environment.erase(name);
  command.death_signal = SIGKILL;
  return command;
}

/// Patroni takes its own variables out of the environment before it starts anything.
void name_citus_database(Environment& environment) {
  const auto database = environment.get("PATRONI_CITUS_DATABASE");
  if (environment.get("PATRONI_CITUS_GROUP") && database)
    environment.set("CITUS_BOOTSTRAP_DATABASE", *database);
}

}  // namespace

bool has_scripts(const Options& options, const std::string& phase) {
  const fs::path folder = options.home + "/entrypoint.d/scripts";
  std::error_code error;
  if (phase == "shutdown" || phase == "healthcheck")
    return fs::exists(folder / "runtime" / (phase + ".sh"), error);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / phase, error)) {
    const std::string name = entry.path().filename();
    const auto digit = [&name](std::size_t i) {
      return std::isdigit(static_cast<unsigned char>(name[i])) != 0;
    };
    if (name.size() > 6 && digit(0) && digit(1) && name[2] == '-' && name.ends_with(".sh")) return true;
    if (phase == "runtime" && name == "startup.sh") return true;
  }
  return false;
}

PreparedCommand task_command(Task task, const Options& options) {
  PreparedCommand prepared;
  switch (task) {
    case Task::kInitdb:
      prepared = initdb(options);
      break;
    case Task::kRestore:
      prepared = restore(options);
      break;
    case Task::kRuntimeScripts:
    case Task::kInitScripts:
    case Task::kShutdownScript:
      prepared = scripts(task_name(task), options);
      break;
    case Task::kChangePassword:
      prepared = change_password(options);
      break;
  }
  prepared.command.death_signal = SIGKILL;
  return prepared;
}

Command server_command(const Options& options, const std::vector<std::string>& arguments) {
  Command command;
  command.environment = options.scripts;
  if (options.patroni) {
    command.argv = {"python3", options.home + "/entrypoint.d/scripts/utils/start_patroni.py",
                    options.pgconfig + "/patroni.yml"};
    name_citus_database(command.environment);
    leave_to_file(command.environment);
    command.death_signal = SIGTERM;
    return command;
  }
  if (options.citus) command.environment.set("PGPASSFILE", citus_pgpass(options));
  command.argv = {"postgres", "-D", options.pgdata, "-c",
                  "config_file=" + options.pgconfig + "/postgresql.conf"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.death_signal = SIGQUIT;  // an immediate shutdown: nobody would stop it later
  return command;
}

PreparedCommand registration_command(const Options& options) {
  const CitusOptions& citus = *options.citus;
  PreparedCommand prepared;
  Command& command = prepared.command;
  command.argv = {"psql",
                  "--no-psqlrc",
                  "--no-password",
                  "--quiet",
                  "--output=/dev/null",
                  "--set=ON_ERROR_STOP=1",
                  "--set=node_host=" + citus.node_host,
                  "--set=node_port=" + std::to_string(citus.node_port)};
  if (citus.worker) command.argv.push_back("--set=coordinator=" + coordinator_conninfo(options));
  command.argv.push_back("--file=" + hand_over(prepared, registration_sql(citus)));
  command.environment = options.scripts;
  command.environment.set("PGUSER", options.user);
  command.environment.set("PGDATABASE", options.database);
  command.environment.set("PGPASSFILE", citus_pgpass(options));
  command.death_signal = SIGKILL;
  return prepared;
}

Command backup_command(const Options& options, const std::vector<std::string>& arguments) {
  Command command = pgbackrest(options);
  command.argv.push_back("--stanza=" + options.backup->stanza);
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

Command backup_server_command(const Options& options) {
  Command command = pgbackrest(options);
  command.argv.emplace_back("server");
  return command;
}

}  // namespace pg_entrypoint
