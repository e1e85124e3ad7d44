#include "wire.h"

#include <algorithm>
#include <cstdint>

namespace pg_entrypoint {
namespace {

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>((number >> shift) & 0xffU);
  return bytes;
}

std::uint32_t read_number(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = (number << 8U) | static_cast<unsigned char>(bytes[i]);
  return number;
}

struct Message {
  char type = '\0';
  std::string_view body;
};

constexpr std::uint32_t kLongestMessage = 1U << 20U;

/// Takes one message off the front of `bytes`. Nothing if it isn't complete; type 0 if it can't be one.
std::optional<Message> take(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  if (std::string_view("RESKZTDCNA1234nst").find(bytes.front()) == std::string_view::npos) return Message{};
  if (bytes.size() < 5) return std::nullopt;
  const std::uint32_t length = read_number(bytes.substr(1));
  if (length < 4 || length > kLongestMessage) return Message{};
  if (bytes.size() < std::size_t{length} + 1) return std::nullopt;
  const Message message{bytes.front(), bytes.substr(5, length - 4)};
  bytes.remove_prefix(std::size_t{length} + 1);
  return message;
}

/// One field of an ErrorResponse: fields of a letter and a text, each ending with a zero byte.
std::string field(std::string_view fields, char wanted) {
  while (!fields.empty() && fields.front() != '\0') {
    const auto end = std::min(fields.find('\0'), fields.size());
    if (fields.front() == wanted) return std::string(fields.substr(1, end - 1));
    fields.remove_prefix(std::min(end + 1, fields.size()));
  }
  return "";
}

Reply refused(std::string_view fields) {
  return {Reply::Kind::kRefused, field(fields, 'C'), field(fields, 'M'), {}};
}

/// DataRow: a count of columns, then each as its length (-1 for NULL) and its bytes.
std::vector<std::optional<std::string>> read_row(std::string_view body) {
  std::vector<std::optional<std::string>> row;
  if (body.size() < 2) return row;
  body.remove_prefix(2);
  while (body.size() >= 4) {
    const auto length = static_cast<std::int32_t>(read_number(body));
    body.remove_prefix(4);
    if (length < 0) {
      row.emplace_back(std::nullopt);
      continue;
    }
    if (static_cast<std::size_t>(length) > body.size()) break;
    row.emplace_back(std::string(body.substr(0, static_cast<std::size_t>(length))));
    body.remove_prefix(static_cast<std::size_t>(length));
  }
  return row;
}

}  // namespace

std::string startup_message(const std::string& user, const std::string& database) {
  std::string body = big_endian(3U << 16U);
  for (const std::string& text : {std::string("user"), user, std::string("database"), database,
                                  std::string("application_name"), std::string("pg-entrypoint")}) {
    body += text + '\0';
  }
  body += '\0';
  return big_endian(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

std::string query_message(const std::string& sql) {
  return "Q" + big_endian(static_cast<std::uint32_t>(sql.size() + 5)) + sql + '\0';
}

std::string terminate_message() { return "X" + big_endian(4); }

Reply read_startup_reply(std::string_view bytes) {
  while (const auto message = take(bytes)) {
    switch (message->type) {
      case '\0':
        return {Reply::Kind::kNonsense, "", "", {}};
      case 'E':
        return refused(message->body);
      case 'R':
        if (message->body.size() < 4) return {Reply::Kind::kNonsense, "", "", {}};
        if (read_number(message->body) != 0) return {Reply::Kind::kWantsSecret, "", "", {}};
        break;
      case 'Z':
        return {Reply::Kind::kLetIn, "", "", {}};
      default:
        break;  // parameters, notices, the key for cancelling
    }
  }
  return {};
}

Reply read_query_reply(std::string_view bytes) {
  Reply reply{Reply::Kind::kRows, "", "", {}};
  bool has_row = false;
  while (const auto message = take(bytes)) {
    if (message->type == '\0') return {Reply::Kind::kNonsense, "", "", {}};
    if (message->type == 'E') reply = refused(message->body);
    if (message->type == 'D' && !has_row) {
      reply.row = read_row(message->body);
      has_row = true;
    }
    if (message->type == 'Z') return reply;
  }
  return {};
}

}  // namespace pg_entrypoint
