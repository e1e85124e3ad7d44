#include "extensions.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace pg_entrypoint {
namespace {

namespace filesystem = std::filesystem;

using Checks = std::vector<ExtensionCheck>;

void add_preload(const std::set<std::string>& libraries, Checks& checks) {
  const std::string order = preload_order(libraries);
  if (order.empty()) return;
  checks.push_back(
      {"preload", "the libraries are loaded, in their order",
       "SELECT starts_with(replace(current_setting('shared_preload_libraries'), ' ', ''), '" + order + "')",
       "t"});
}

void add_citus(Checks& checks) {
  const std::string name = "citus";
  checks.insert(checks.end(),
                {{name, "CREATE EXTENSION", "CREATE EXTENSION citus", ""},
                 {name, "the library answers", "SELECT starts_with(citus_version(), 'Citus ')", "t"},
                 {name, "the newest of its SQL versions",
                  "SELECT extversion = default_version FROM pg_extension JOIN pg_available_extensions ON "
                  "name = extname "
                  "WHERE extname = 'citus'",
                  "t"},
                 {name, "a table", "CREATE TABLE distributed (id bigint PRIMARY KEY, text text)", ""},
                 {name, "is distributed", "SELECT create_distributed_table('distributed', 'id')", ""},
                 {name, "takes rows",
                  "INSERT INTO distributed SELECT i, md5(i::text) FROM generate_series(1, 100) AS i", ""},
                 {name, "and has them", "SELECT count(*) FROM distributed", "100"},
                 {name, "in all its shards",
                  "SELECT count(*) = current_setting('citus.shard_count')::int FROM pg_dist_shard WHERE "
                  "logicalrelid = "
                  "'distributed'::regclass",
                  "t"},
                 {name, "the coordinator is a node",
                  "SELECT count(*) FROM pg_dist_node WHERE groupid = 0 AND isactive", "1"}});
}

/// `view` is the name of the extension as well. Each view counts its own rows: statements that differ in
/// nothing but the name of a column are one statement to them.
void add_statistics(const std::string& view, Checks& checks) {
  const std::string query = "SELECT count(*) >= ";
  checks.insert(
      checks.end(),
      {{view, "CREATE EXTENSION", "CREATE EXTENSION " + view, ""},
       {view, "a query", query + "0 FROM " + view, "t"},
       {view, "is seen",
        "SELECT count(*) > 0 FROM " + view + " WHERE query LIKE '" + query + "% FROM " + view + "'", "t"}});
}

/// The slot is temporary: whatever happens, it ends with the session, and never keeps WAL back.
void add_decoderbufs(Checks& checks) {
  const std::string name = "decoderbufs";
  const std::string slot = "'pg_entrypoint_check', NULL, NULL";
  checks.insert(
      checks.end(),
      {{name, "wal_level is logical", "SHOW wal_level", "logical"},
       {name, "a table", "CREATE TABLE decoded (id int PRIMARY KEY, text text)", ""},
       {name, "a replication slot",
        "SELECT slot_name FROM pg_create_logical_replication_slot('pg_entrypoint_check', 'decoderbufs', "
        "true)",
        "pg_entrypoint_check"},
       {name, "a row", "INSERT INTO decoded VALUES (1, 'a')", ""},
       {name, "is decoded as text",
        "SELECT count(*) FROM pg_logical_slot_peek_changes(" + slot +
            ", 'debug-mode', '1') WHERE position('op[0]' IN data) > 0",
        "1"},
       {name, "and as Protocol Buffers",
        "SELECT count(*) > 0 FROM pg_logical_slot_peek_binary_changes(" + slot + ") WHERE length(data) > 0",
        "t"},
       {name, "the slot goes away", "SELECT pg_drop_replication_slot('pg_entrypoint_check')", ""}});
}

}  // namespace

std::string library_folder(const std::string& search_path) {
  std::error_code error;
  for (std::size_t at = 0; at < search_path.size();) {
    const auto end = std::min(search_path.find(':', at), search_path.size());
    const filesystem::path folder = search_path.substr(at, end - at);
    const filesystem::path program = filesystem::canonical(folder / "postgres", error);
    if (!error) return program.parent_path().parent_path() / "lib";
    at = end + 1;
  }
  return "";
}

std::set<std::string> installed_libraries(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const filesystem::directory_entry& entry : filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".so") names.insert(entry.path().stem());
  }
  return names;
}

std::string preload_order(const std::set<std::string>& libraries) {
  std::string order;
  for (const char* name : {"citus", "pg_stat_statements", "pg_stat_monitor"}) {
    if (libraries.count(name) != 0) order += (order.empty() ? "" : ",") + std::string(name);
  }
  return order;
}

std::vector<ExtensionCheck> extension_checks(const std::set<std::string>& libraries) {
  Checks checks;
  add_preload(libraries, checks);
  if (libraries.count("citus") != 0) add_citus(checks);
  for (const char* view : {"pg_stat_statements", "pg_stat_monitor"}) {
    if (libraries.count(view) != 0) add_statistics(view, checks);
  }
  if (libraries.count("pg_stat_monitor") != 0) {
    checks.push_back({"pg_stat_monitor", "library and SQL are of one version",
                      "SELECT starts_with(pg_stat_monitor_version(), extversion) FROM pg_extension WHERE "
                      "extname = 'pg_stat_monitor'",
                      "t"});
  }
  if (libraries.count("decoderbufs") != 0) add_decoderbufs(checks);
  return checks;
}

}  // namespace pg_entrypoint
