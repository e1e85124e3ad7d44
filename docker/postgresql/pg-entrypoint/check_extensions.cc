#include "check_extensions.h"

#include <cstdio>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "exit_code.h"
#include "extensions.h"
#include "session.h"

namespace pg_entrypoint {
namespace {

constexpr const char* kCheckDatabase = "pg_entrypoint_check";

std::string first_value(const Reply& reply) {
  return reply.row.empty() ? "" : reply.row.front().value_or("NULL");
}

/// For what has to work before anything can be asked.
std::string need_answer(Session& session, const std::string& sql) {
  const Reply reply = session.ask(sql);
  if (reply.kind != Reply::Kind::kRows)
    throw std::runtime_error("the server refused \"" + sql + "\": " + reply.message);
  return first_value(reply);
}

/// Why the answer isn't right.
std::optional<std::string> what_is_wrong(const ExtensionCheck& check, const Reply& reply) {
  if (reply.kind != Reply::Kind::kRows) return reply.message + " (SQLSTATE " + reply.sqlstate + ")";
  if (check.expected.empty() || first_value(reply) == check.expected) return std::nullopt;
  return "the answer is '" + first_value(reply) + "' instead of '" + check.expected + "'";
}

/// Asks all of them; the number of wrong answers. After one, the rest of its extension is of no use.
int ask_all(Session& session, const std::vector<ExtensionCheck>& checks) {
  std::set<std::string> broken;
  for (const ExtensionCheck& check : checks) {
    if (broken.count(check.extension) != 0) continue;
    const auto wrong = what_is_wrong(check, session.ask(check.sql));
    if (wrong) broken.insert(check.extension);
    std::printf("%-6s %s: %s%s\n", wrong ? "FAILED" : "ok", check.extension.c_str(), check.meaning.c_str(),
                wrong ? (": " + *wrong + "; asked by: " + check.sql).c_str() : "");
  }
  return static_cast<int>(broken.size());
}

/// What ALTER SYSTEM has set of these: Citus turns TLS on in the whole server when its extension is made in
/// one without, with a certificate of its own in PGDATA.
std::set<std::string> altered_settings(Session& server) {
  std::set<std::string> altered;
  for (const char* name : {"ssl", "ssl_ciphers"}) {
    const std::string count =
        need_answer(server, std::string("SELECT count(*) FROM pg_file_settings WHERE name = '") + name +
                                "' AND sourcefile LIKE '%/postgresql.auto.conf'");
    if (count != "0") altered.insert(name);
  }
  return altered;
}

/// A check changes nothing: what wasn't set `before` goes away.
void reset_settings(Session& server, const std::set<std::string>& before) {
  bool reset = false;
  for (const std::string& name : altered_settings(server)) {
    if (before.count(name) != 0) continue;
    need_answer(server, "ALTER SYSTEM RESET " + name);
    reset = true;
  }
  if (reset) need_answer(server, "SELECT pg_reload_conf()");
}

/// Asks everything in a database that exists for that time only. The number of extensions that don't work.
int ask_in_database(Session& server, const std::string& socket, const Options& options,
                    const std::vector<ExtensionCheck>& checks) {
  const std::string database = kCheckDatabase;
  const std::string drop = "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)";
  need_answer(server, drop);  // one that was left by a check that was killed
  need_answer(server, "CREATE DATABASE " + database + " TEMPLATE template0");
  const std::set<std::string> before = altered_settings(server);
  std::optional<int> failed;
  std::string why;
  try {
    Session session(socket, options.user, database);
    need_answer(session, "SET statement_timeout = '30s'");
    failed = ask_all(session, checks);
  } catch (const std::exception& error) {
    why = error.what();
  }
  need_answer(server, drop);
  reset_settings(server, before);
  if (!failed) throw std::runtime_error(why);
  return *failed;
}

}  // namespace

int check_extensions(const Options& options) {
  const std::set<std::string> libraries =
      installed_libraries(library_folder(options.scripts.get("PATH").value_or("")));
  const std::vector<ExtensionCheck> checks = extension_checks(libraries);
  const std::string socket = options.socket_dir + "/.s.PGSQL." + options.port;
  Session server(socket, options.user, "postgres");
  if (need_answer(server, "SELECT pg_is_in_recovery()") == "t")
    throw std::runtime_error("this server is a replica, where nothing can be made; ask its primary");
  const int failed = ask_in_database(server, socket, options, checks);
  std::printf("%s\n", failed == 0 ? "every extension works" : "not every extension works");
  return failed == 0 ? 0 : exit_code::kUnhealthy;
}

}  // namespace pg_entrypoint
