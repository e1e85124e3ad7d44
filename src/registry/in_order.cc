#include "registry/in_order.h"

#include <fmt/format.h>

namespace pgstrata::registry {

bool may_be_elsewhere(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUsage:
    case ErrorKind::kMachine:
    case ErrorKind::kCancelled:
      return false;
    case ErrorKind::kBuildFailed:
    case ErrorKind::kNotFound:
    case ErrorKind::kCorrupt:
    case ErrorKind::kIo:
    case ErrorKind::kUnreachable:
    case ErrorKind::kTls:
      return true;
  }
  return true;
}

std::string passed_over(const Repository& place, const Error& error) {
  return fmt::format("the mirror {}/{} is passed over: {}", place.registry().domain(), place.name(),
                     error.message());
}

void add_earlier(Error& error, const Repository& place, const Error& earlier) {
  error.detail += passed_over(place, earlier) + "\n";
  if (error.kind == ErrorKind::kUnreachable && earlier.kind != ErrorKind::kUnreachable)
    error.kind = earlier.kind;
}

}  // namespace pgstrata::registry
