#include "cache/sqlite.h"

#include <sqlite3.h>

#include <cerrno>

namespace pgstrata::cache {
namespace {

/// `is_schema`: the statement doesn't fit the tables, which are then not those that we made.
Error sqlite_error(sqlite3* database, std::string what, bool is_schema = false) {
  const int code = sqlite3_errcode(database);
  const char* path = sqlite3_db_filename(database, "main");
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || is_schema;
  // The file that processes share beside a database (-shm) can't grow: SQLite calls that an I/O error.
  const int extended = sqlite3_extended_errcode(database);
  const bool full = code == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE ||
                    (code == SQLITE_IOERR && sqlite3_system_errno(database) == ENOSPC);
  return {.kind = damaged ? ErrorKind::kCorrupt
                  : full  ? ErrorKind::kMachine
                          : ErrorKind::kIo,
          .what = std::move(what),
          .where = path != nullptr ? path : "",
          .why = sqlite3_errmsg(database),
          .next = full      ? "free some space there, or choose another store with --root or PGSTRATA_ROOT"
                  : damaged ? "pgstrata check-store --repair"
                            : ""};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind(int index, double value) {
  sqlite3_bind_double(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, const oci::Digest& digest) {
  sqlite3_bind_blob64(statement_.get(), index, digest.bytes.data(), digest.bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    Error error = sqlite_error(database_, "the index of the store can't be used");
    reset();
    return fail(std::move(error));
  }
  reset();
  return false;
}

Result<void> Statement::run() {
  while (TRY(step())) {
  }
  return {};
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

oci::Digest Statement::digest(int column) const {
  oci::Digest digest;
  const std::string bytes = text(column);
  if (bytes.size() == digest.bytes.size())
    for (size_t i = 0; i < bytes.size(); ++i) digest.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
  return digest;
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return fail(sqlite_error(handle, "can't open the index of the store"));
  sqlite3_busy_timeout(handle, 10'000);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK) {
    const bool is_schema = sqlite3_errcode(database_.get()) == SQLITE_ERROR;
    return fail(sqlite_error(database_.get(), "the index of the store can't be used", is_schema));
  }
  return Statement(database_.get(), statement);
}

Result<void> Database::execute(const std::string& sql) const {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return fail(sqlite_error(database_.get(), "the index of the store can't be used"));
  return {};
}

std::int64_t Database::last_changes() const { return sqlite3_changes64(database_.get()); }

}  // namespace pgstrata::cache
