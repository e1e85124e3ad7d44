#include "core/error.h"

#include <cerrno>
#include <cstring>

namespace pgstrata {

std::string Error::message() const {
  std::string text;
  if (!where.empty()) text = where + ": ";
  text += what;
  if (!why.empty()) text += ": " + why;
  return text;
}

Error system_error(std::string what, std::string_view path, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  return {
      .kind = full ? ErrorKind::kMachine : ErrorKind::kIo,
      .what = std::move(what),
      .where = std::string(path),
      .why = ::strerrordesc_np(code) != nullptr ? ::strerrordesc_np(code) : "unknown error",
      .next = full ? "free some space there, or choose another store with --root or PGSTRATA_ROOT" : ""};
}

Error system_error(std::string what, std::string_view path) {
  return system_error(std::move(what), path, errno);
}

}  // namespace pgstrata
