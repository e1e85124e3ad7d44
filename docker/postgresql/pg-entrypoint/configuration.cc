#include "configuration.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "extensions.h"
#include "passwd.h"
#include "secret.h"

namespace pg_entrypoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "# Rendered at each start";

/// In the container the user of the server is the superuser; a user id without a name can't prove who it
/// is.
void add_access(const Options& options, Values& values) {
  const std::string name = user_name_of(geteuid());
  const bool trust = options.auth_method == "trust";
  values["SUPERUSER"] = hba_quote(options.user);
  values["OS_USER"] = hba_quote(name.empty() ? std::to_string(geteuid()) : name);
  values["AUTH_METHOD"] = options.auth_method;
  values["LOCAL_METHOD"] = trust ? "trust" : "scram-sha-256";
  values["LOCAL_SUPERUSER_METHOD"] = trust          ? "trust"
                                     : name.empty() ? "scram-sha-256"
                                                    : "peer map=container";
  values["EXTERNAL"] = options.external_access ? "host" : "";
  values["REPLICATION_USER"] = "";
  values["MEMBER_METHOD"] = "";
  if (!options.patroni) return;
  values["REPLICATION_USER"] = hba_quote(options.patroni->replication.user);
  // The members of a cluster have to reach each other, whatever clients may do.
  values["MEMBER_METHOD"] = trust ? "trust" : "scram-sha-256";
}

/// pg_stat_monitor takes 276 MB unless told otherwise; a container may have 1 GB for everything.
void add_extensions(const Options& options, Values& values) {
  const std::set<std::string> libraries =
      installed_libraries(library_folder(options.scripts.get("PATH").value_or("")));
  const bool monitor = libraries.count("pg_stat_monitor") != 0;
  values["PRELOAD"] = preload_order(libraries);
  values["MONITOR_MEMORY"] = monitor ? "32MB" : "";
  values["MONITOR_TEXTS"] = monitor ? "4MB" : "";
}

std::string yaml_list(const std::vector<std::string>& lines) {
  std::string result;
  for (const std::string& line : lines) result += (result.empty() ? "- " : "\n    - ") + yaml_quote(line);
  return result;
}

std::string yaml_optional(const std::string& value) { return value.empty() ? "" : yaml_quote(value); }

void add_patroni(const Options& options, Values& values) {
  const PatroniOptions& patroni = *options.patroni;
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  values.insert({
      {"SCOPE", yaml_quote(patroni.scope)},
      {"NAMESPACE", yaml_quote(patroni.namespace_)},
      {"NAME", yaml_quote(patroni.name)},
      {"ETCD_HOSTS", yaml_quote(patroni.etcd_hosts)},
      {"ETCD_PROTOCOL", patroni.etcd_protocol},
      {"ETCD_USER", yaml_optional(patroni.etcd_user)},
      {"ETCD_PASSWORD", yaml_optional(patroni.etcd_password.value_or(""))},
      {"ETCD_CA", yaml_optional(patroni.etcd_ca)},
      {"ETCD_CERT", yaml_optional(patroni.etcd_cert)},
      {"ETCD_KEY", yaml_optional(patroni.etcd_key)},
      {"API_LISTEN", yaml_quote(patroni.api_listen)},
      {"API_CONNECT", yaml_quote(patroni.api_connect)},
      {"API_AUTHENTICATION", patroni.api_user.empty() ? "" : "authentication:"},
      {"API_USER", yaml_optional(patroni.api_user)},
      {"API_PASSWORD", yaml_optional(patroni.api_password.value_or(""))},
      {"API_CERT", yaml_optional(patroni.api_cert)},
      {"API_KEY", yaml_optional(patroni.api_key)},
      {"API_CA", yaml_optional(patroni.api_ca)},
      {"API_VERIFY_CLIENT", patroni.api_verify_client},
      {"SERVER_LISTEN", yaml_quote(patroni.server_listen)},
      {"SERVER_CONNECT", yaml_quote(patroni.server_connect)},
      {"SUPERUSER_NAME", yaml_quote(patroni.superuser.user)},
      {"SUPERUSER_PASSWORD", yaml_quote(patroni.superuser.password)},
      {"REPLICATION_NAME", yaml_quote(patroni.replication.user)},
      {"REPLICATION_PASSWORD", yaml_quote(patroni.replication.password)},
      {"REWIND", patroni.rewind ? "rewind:" : ""},
      {"REWIND_NAME", patroni.rewind ? yaml_quote(patroni.rewind->user) : ""},
      {"REWIND_PASSWORD", patroni.rewind ? yaml_quote(patroni.rewind->password) : ""},
      {"TTL", std::to_string(patroni.ttl)},
      {"LOOP_WAIT", std::to_string(patroni.loop_wait)},
      {"RETRY_TIMEOUT", std::to_string(patroni.retry_timeout)},
      {"MOST_LAG", std::to_string(patroni.most_lag)},
      {"SYNCHRONOUS", flag(patroni.synchronous)},
      {"SYNCHRONOUS_STRICT", flag(patroni.synchronous_strict)},
      {"FAILSAFE", flag(patroni.failsafe)},
      {"WATCHDOG_MODE", "\"" + patroni.watchdog_mode + "\""},  // YAML takes a bare off for false
      {"WATCHDOG_DEVICE", yaml_quote(patroni.watchdog_device)},
      {"WATCHDOG_MARGIN", std::to_string(patroni.watchdog_margin)},
      {"RESTORES", options.backup && options.backup->restore ? "true" : ""},
      {"PGPASS", yaml_quote(options.socket_dir + "/.pgpass." + options.port)},
      {"PGDATA_YAML", yaml_quote(options.pgdata)},
      {"CUSTOM_CONF", yaml_quote(options.pgconfig + "/postgresql.conf")},
      {"SOCKET_YAML", yaml_quote(options.socket_dir)},
      {"LOG_LEVEL", options.log_level == Level::kDebug     ? "DEBUG"
                    : options.log_level == Level::kWarning ? "WARNING"
                    : options.log_level == Level::kError   ? "ERROR"
                                                           : "INFO"},
      {"HBA_LINES", yaml_list(effective_lines(render(options, "pg_hba.conf", Access::kOpen)))},
      {"IDENT_LINES", yaml_list(effective_lines(render(options, "pg_ident.conf", Access::kOpen)))},
  });
}

void add_backup(const Options& options, Values& values) {
  const BackupOptions& backup = *options.backup;
  const bool s3 = backup.repository_type == "s3";
  const auto of_s3 = [s3](const std::string& value) { return s3 ? value : ""; };
  const auto of_tls = [&backup](const std::string& value) { return backup.standby ? value : ""; };
  const StandbyOptions standby = backup.standby.value_or(StandbyOptions{});
  values.insert({
      {"TLS_ADDRESS", of_tls("*")},
      {"TLS_PORT", of_tls(std::to_string(standby.port))},
      {"TLS_CERT", standby.cert},
      {"TLS_KEY", standby.key},
      {"TLS_CA", standby.ca},
      {"TLS_CLIENT", standby.client},
      {"STANZA", backup.stanza},
      {"REPOSITORY_TYPE", backup.repository_type},
      {"REPOSITORY_PATH", backup.repository_path},
      {"S3_BUCKET", of_s3(backup.s3_bucket)},
      {"S3_ENDPOINT", of_s3(backup.s3_endpoint)},
      {"S3_REGION", of_s3(backup.s3_region)},
      {"S3_KEY", of_s3(backup.s3_key)},
      {"S3_SECRET", of_s3(backup.s3_secret.value_or(""))},
      {"S3_CA", of_s3(backup.s3_ca)},
      {"S3_VERIFY", of_s3(backup.s3_verify ? "y" : "n")},
      {"S3_URI_STYLE", of_s3(backup.s3_uri_style)},
      {"S3_BUNDLE", of_s3("y")},  // an object per file is a request per file, of some thousand files
      {"CIPHER_TYPE", backup.cipher_password ? "aes-256-cbc" : ""},
      {"CIPHER_PASSWORD", backup.cipher_password.value_or("")},
      {"KEEP_FULL", std::to_string(backup.keep_full)},
      {"KEEP_DIFFERENTIAL", std::to_string(backup.keep_differential)},
      {"PROCESSES", std::to_string(backup.processes)},
      {"SUPERUSER_PLAIN", options.user},
      {"RUN_FOLDER", options.socket_dir},
  });
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("can't read the template " + path + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_persons_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return false;
  std::string first;
  std::getline(file, first);
  return !first.starts_with(kMark);
}

[[noreturn]] void cannot_write(const Options& options, const std::string& path, int error) {
  throw std::runtime_error("PGCONFIG " + options.pgconfig + " can't be written by user id " +
                           std::to_string(geteuid()) + " (" + path + ": " + std::strerror(error) +
                           "); mount a volume or a tmpfs there that it may write");
}

void write_file(const Options& options, const std::string& path, const std::string& text) {
  const std::string unfinished = path + ".new";
  unlink(unfinished.c_str());
  const int fd = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) cannot_write(options, unfinished, errno);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = errno;
      close(fd);
      cannot_write(options, unfinished, error);
    }
    done += static_cast<std::size_t>(written);
  }
  close(fd);
  if (rename(unfinished.c_str(), path.c_str()) != 0) cannot_write(options, path, errno);
}

void install(const Options& options, const std::string& name, Access access) {
  const std::string path = options.pgconfig + "/" + name;
  if (is_persons_file(path)) {
    if (access == Access::kOpen)
      log(Level::kInfo, "keeping " + path + ", which was not made by this image");
    return;
  }
  write_file(options, path, render(options, name, access));
}

}  // namespace

Values template_values(const Options& options) {
  Values values{
      {"LISTEN_ADDRESSES", conf_quote(options.listen_addresses)},
      {"SOCKET_FOLDER", conf_quote(options.socket_dir)},
      {"CONFIG_FOLDER", options.patroni ? "" : conf_quote(options.pgconfig)},
      {"INCLUDE_FOLDER", conf_quote(options.pgconfig)},
      {"CONTAINER_HOME", conf_quote(options.home)},
      {"MAX_CONNECTIONS", options.settings.at("max_connections")},
      {"SHARED_BUFFERS", options.settings.at("shared_buffers")},
      {"WORK_MEM", options.settings.at("work_mem")},
      {"ARCHIVE_MODE", options.backup ? "on" : "off"},
      {"ARCHIVE_COMMAND", options.backup ? conf_quote("pgbackrest --config=\"" + options.pgconfig +
                                                      "/pgbackrest.conf\" --stanza=" +
                                                      options.backup->stanza + " archive-push \"%p\"")
                                         : ""},
      {"PGDATA", options.pgdata},
      {"PORT", options.port},
  };
  add_access(options, values);
  add_extensions(options, values);
  return values;
}

std::string render(const Options& options, const std::string& name, Access access) {
  Values values = template_values(options);
  if (name == "patroni.yml") add_patroni(options, values);
  if (name == "pgbackrest.conf") add_backup(options, values);
  const bool closed = access == Access::kClosed && name == "pg_hba.conf";
  const std::string path = options.home + "/config/" + (closed ? "pg_hba.init.conf" : name) + ".template";
  try {
    return fill_template(read_text(path), values);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

std::vector<std::string> configuration_files(const Options& options) {
  std::vector<std::string> names{"postgresql.conf"};
  if (options.patroni) {
    names.emplace_back(
        "patroni.yml");  // which carries the rules of access, as Patroni writes those files itself
  } else {
    names.insert(names.end(), {"pg_hba.conf", "pg_ident.conf"});
  }
  if (options.backup) names.emplace_back("pgbackrest.conf");
  return names;
}

void write_configuration(const Options& options, Access access) {
  std::error_code error;
  fs::create_directories(options.pgconfig + "/conf.d", error);
  if (error) cannot_write(options, options.pgconfig + "/conf.d", error.value());
  fs::create_directories(options.socket_dir, error);
  if (error || ::access(options.socket_dir.c_str(), W_OK) != 0) {
    throw std::runtime_error("the folder of the socket, " + options.socket_dir +
                             ", can't be written by user id " + std::to_string(geteuid()) +
                             "; mount a tmpfs there, or set PGHOST to another folder");
  }
  for (const std::string& name : configuration_files(options)) install(options, name, access);
  if (options.citus && options.password)
    write_file(options, citus_pgpass(options), pgpass_line(options.user, *options.password));
}

std::string citus_pgpass(const Options& options) { return options.pgconfig + "/citus.pgpass"; }

void write_access(const Options& options, Access access) { install(options, "pg_hba.conf", access); }

}  // namespace pg_entrypoint
