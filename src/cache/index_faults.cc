// What SQLite and its schema find wrong with the index: Index::faults().
#include <fmt/format.h>

#include "cache/index.h"
#include "cache/schema.sql.h"
#include "cache/sqlite.h"

namespace pgstrata::cache {
namespace {

Result<std::string> schema_of(const Database& database) {
  Statement statement = TRY(database.prepare("SELECT sql FROM sqlite_master ORDER BY type, name"));
  std::string text;
  while (TRY(statement.step())) text += statement.text(0) + "\n";
  return text;
}

Result<std::vector<std::string>> look(const std::string& path) {
  const Database database = TRY(Database::open(path));
  std::vector<std::string> faults;
  {
    Statement version = TRY(database.prepare("PRAGMA user_version"));
    const bool row = TRY(version.step());
    if (!row || version.integer(0) != kSchemaVersion) {
      faults.push_back(fmt::format("its schema isn't version {}", kSchemaVersion));
      return faults;
    }
  }
  const Database model = TRY(Database::open(":memory:"));
  TRY_VOID(model.execute(kSchema));
  const std::string expected = TRY(schema_of(model));
  // A flipped bit in a column's name is no fault to SQLite.
  const std::string found = TRY(schema_of(database));
  if (found != expected) return std::vector<std::string>{"its tables aren't those of its schema"};
  Statement integrity = TRY(database.prepare("PRAGMA integrity_check(5)"));
  while (TRY(integrity.step()))
    if (const std::string line = integrity.text(0); line != "ok") faults.push_back(line);
  Statement foreign = TRY(database.prepare("PRAGMA foreign_key_check"));
  while (TRY(foreign.step()))
    if (faults.size() < 10)
      faults.push_back("a row of " + foreign.text(0) + " names a layer that isn't there");
  return faults;
}

}  // namespace

Result<std::vector<std::string>> Index::faults(const std::string& path) {
  auto faults = look(path);
  if (!faults && faults.error().kind == ErrorKind::kCorrupt)
    return std::vector<std::string>{faults.error().why};
  return faults;
}

}  // namespace pgstrata::cache
