// A thin RAII layer over SQLite: a connection, prepared statements, errors as values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "oci/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pgstrata::cache {

/// A prepared statement, bound and stepped in one expression:
///   statement.bind(1, key); if (TRY(statement.step())) use(statement.integer(0));
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, const oci::Digest& digest);
  Statement& bind_blob(int index, std::string_view bytes);
  /// True: a row is there to be read. False: done, and the statement is ready to be bound anew.
  Result<bool> step();
  /// Runs to the end, ignoring rows.
  Result<void> run();
  /// Makes the statement ready for other values before all rows were read.
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< or the bytes of a blob
  /// All zeros if the column isn't 32 bytes.
  [[nodiscard]] oci::Digest digest(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// Opens or creates the file. Waits up to ten seconds for other processes' locks.
  static Result<Database> open(const std::string& path);
  Result<Statement> prepare(std::string_view sql) const;
  /// Runs one or several statements without values.
  Result<void> execute(const std::string& sql) const;
  [[nodiscard]] std::int64_t last_changes() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace pgstrata::cache
