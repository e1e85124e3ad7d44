// BACKUP_*: the repository of pgBackRest, what it keeps, when backups are made, and what an empty volume is
// restored to.
#include <sstream>

#include "options.h"

namespace pg_entrypoint {
namespace {

void load_s3(Variables& read, BackupOptions& backup) {
  backup.s3_bucket = read.text("BACKUP_S3_BUCKET", "");
  backup.s3_endpoint = read.text("BACKUP_S3_ENDPOINT", "");
  backup.s3_region = read.text("BACKUP_S3_REGION", "us-east-1");
  backup.s3_key = read.text("BACKUP_S3_KEY", "");
  backup.s3_secret = read.secret("BACKUP_S3_KEY_SECRET");
  backup.s3_ca = read.text("BACKUP_S3_CA_FILE", "");
  backup.s3_verify = read.boolean("BACKUP_S3_VERIFY_TLS", true);
  backup.s3_uri_style = read.one_of("BACKUP_S3_URI_STYLE", "host", {"host", "path"});
  if (backup.repository_type != "s3") return;
  if (backup.s3_bucket.empty() || backup.s3_endpoint.empty() || backup.s3_key.empty() ||
      !backup.s3_secret) {
    read.error(
        "BACKUP_REPOSITORY_TYPE=s3 needs BACKUP_S3_BUCKET, BACKUP_S3_ENDPOINT, BACKUP_S3_KEY and "
        "BACKUP_S3_KEY_SECRET (or "
        "its _FILE)");
  }
}

std::optional<RestoreOptions> load_restore(Variables& read) {
  const bool wanted = read.boolean("BACKUP_RESTORE", false);
  RestoreOptions restore;
  restore.type =
      read.one_of("BACKUP_RESTORE_TYPE", "default", {"default", "immediate", "time", "name", "xid", "lsn"});
  restore.target = read.text("BACKUP_RESTORE_TARGET", "");
  restore.set = read.text("BACKUP_RESTORE_SET", "");
  restore.timeline = read.text("BACKUP_RESTORE_TIMELINE", "");
  const bool has_target = restore.type != "default" && restore.type != "immediate";
  if (has_target == restore.target.empty()) {
    read.error("BACKUP_RESTORE_TYPE=" + restore.type + (has_target ? " needs" : " has no") +
               " BACKUP_RESTORE_TARGET; the types time, name, xid and lsn have one, default and immediate "
               "have none");
  }
  return wanted ? std::optional(restore) : std::nullopt;
}

std::vector<std::string> other_members(const std::string& list, const std::string& own_address) {
  const std::string own = own_address.substr(0, own_address.rfind(':'));
  std::vector<std::string> hosts;
  std::stringstream words(list);
  for (std::string host; std::getline(words, host, ',');) {
    std::erase_if(host, [](char c) { return c == ' '; });
    if (!host.empty() && host != own) hosts.push_back(host);
  }
  return hosts;
}

std::optional<StandbyOptions> load_standby(Variables& read, const Options& options) {
  const bool wanted = read.one_of("BACKUP_FROM", "leader", {"leader", "standby"}) == "standby";
  StandbyOptions standby;
  const std::string hosts = read.text("BACKUP_MEMBERS", "");
  standby.port = read.number("BACKUP_TLS_PORT", 8432, 1, 65'535);
  standby.cert = read.text("BACKUP_TLS_CERT_FILE", "");
  standby.key = read.text("BACKUP_TLS_KEY_FILE", "");
  standby.ca = read.text("BACKUP_TLS_CA_FILE", "");
  standby.client = read.text("BACKUP_TLS_CLIENT", "pgbackrest");
  if (!wanted) return std::nullopt;
  if (!options.patroni) {
    read.error(
        "BACKUP_FROM=standby is for a cluster, whose nodes know who is a standby; set PATRONI_ENABLE=true");
    return std::nullopt;
  }
  standby.hosts = other_members(hosts, options.patroni->server_connect);
  if (standby.hosts.empty()) {
    read.error(
        "BACKUP_FROM=standby needs to know the other nodes; set BACKUP_MEMBERS=HOST,HOST,… (this node's "
        "own, " +
        options.patroni->server_connect.substr(0, options.patroni->server_connect.rfind(':')) +
        ", may be among them)");
  }
  if (standby.cert.empty() || standby.key.empty() || standby.ca.empty()) {
    read.error(
        "BACKUP_FROM=standby needs BACKUP_TLS_CERT_FILE, BACKUP_TLS_KEY_FILE and BACKUP_TLS_CA_FILE: the "
        "nodes read each other's files over TLS only");
  }
  return standby;
}

}  // namespace

void load_backup(Variables& read, Options& options) {
  BackupOptions backup;
  const bool enabled = read.boolean("BACKUP_ENABLED", false);
  backup.stanza = read.text("BACKUP_STANZA", "default");
  backup.repository_type = read.one_of("BACKUP_REPOSITORY_TYPE", "posix", {"posix", "s3"});
  backup.repository_path = read.absolute_path("BACKUP_REPOSITORY_PATH", "/var/lib/pgbackrest");
  backup.keep_full = read.number("BACKUP_RETENTION_FULL", 2, 1, 9'999'999);
  backup.keep_differential = read.number("BACKUP_RETENTION_DIFF", 6, 1, 9'999'999);
  backup.full_every = read.seconds("BACKUP_FULL_INTERVAL", 604'800, 0, 31'536'000);
  backup.differential_every = read.seconds("BACKUP_DIFF_INTERVAL", 86'400, 0, 31'536'000);
  backup.processes = read.number("BACKUP_PROCESSES", 1, 1, 999);
  backup.cipher_password = read.secret("BACKUP_CIPHER_PASSWORD");
  load_s3(read, backup);
  backup.standby = load_standby(read, options);
  backup.restore = load_restore(read);
  if (backup.restore && !enabled) {
    read.error("BACKUP_RESTORE=true needs the repository; set BACKUP_ENABLED=true and where it is");
  }
  if (enabled) options.backup = std::move(backup);
}

}  // namespace pg_entrypoint
