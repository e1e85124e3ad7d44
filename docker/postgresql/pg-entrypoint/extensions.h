// The extensions that the image may carry: the order in which the server has to preload them, and the
// questions that tell whether each works. Pure; check_extensions.h asks.
#pragma once
#include <set>
#include <string>
#include <vector>

namespace pg_entrypoint {

/// The folder of the server's shared objects, ../lib beside the first `postgres` in `search_path` (as PATH
/// has it). Empty if there is no such program.
std::string library_folder(const std::string& search_path);

/// The names of the shared objects in `folder`, without `.so`. Empty if there is no such folder.
std::set<std::string> installed_libraries(const std::string& folder);

/// The value of shared_preload_libraries. Citus has to be the first, since it refuses to be loaded after
/// anybody else's hooks; pg_stat_statements goes before pg_stat_monitor, which then sees utility statements
/// too.
std::string preload_order(const std::set<std::string>& libraries);

/// One question to the server, in a database that is there for the questions only.
struct ExtensionCheck {
  std::string extension;
  std::string meaning;   // what works if the answer is right
  std::string sql;       // one statement
  std::string expected;  // the first column of the first row; empty: whatever isn't an error
};

/// The questions for what is installed, in order: a later one may need what an earlier one made.
std::vector<ExtensionCheck> extension_checks(const std::set<std::string>& libraries);

}  // namespace pg_entrypoint
