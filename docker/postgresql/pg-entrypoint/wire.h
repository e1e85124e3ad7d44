// PostgreSQL's frontend/backend protocol 3.0 as far as a health check needs it: start, be let in, ask one
// question. Bytes in, bytes out; who owns the socket is somebody else.
// https://www.postgresql.org/docs/15/protocol-message-formats.html
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pg_entrypoint {

std::string startup_message(const std::string& user, const std::string& database);
std::string query_message(const std::string& sql);
std::string terminate_message();

/// What a server has answered so far.
struct Reply {
  enum class Kind {
    kIncomplete,   // more bytes have to come
    kLetIn,        // ready for a query
    kWantsSecret,  // it takes connections, but asks for a password
    kRefused,      // an error: `sqlstate`
    kRows,         // the query has been answered: `row` is its first row
    kNonsense,     // this is no PostgreSQL
  } kind = Kind::kIncomplete;
  std::string sqlstate;
  std::string message;
  std::vector<std::optional<std::string>> row;
};

/// Reads the answer to a startup message. `bytes` is everything received since.
Reply read_startup_reply(std::string_view bytes);
/// Reads the answer to a query. `bytes` is everything received since the query was sent.
Reply read_query_reply(std::string_view bytes);

}  // namespace pg_entrypoint
