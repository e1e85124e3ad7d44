#include "graph/windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::graph {
namespace {

tl::unexpected<Error> refused(const std::string& path, std::string why) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("\"{}\" is no path that a Windows image can have", path),
               .why = std::move(why),
               .next = "write one of the drive C:, with or without that letter"});
}

}  // namespace

bool is_windows(const oci::Platform& platform) { return platform.os == "windows"; }

Result<std::string> without_drive(std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  if (path.starts_with("//")) return refused(path, "UNC paths aren't supported");
  const std::size_t colon = path.find(':');
  if (colon == std::string::npos) return path;
  if (path.substr(0, colon) != "c" && path.substr(0, colon) != "C")
    return refused(path, "it isn't on the system's drive");
  if (colon + 1 == path.size()) return refused(path, "it has nothing behind the drive");
  return path.substr(colon + 1);
}

std::string with_backslashes(std::string path) {
  std::replace(path.begin(), path.end(), '/', '\\');
  return path;
}

}  // namespace pgstrata::graph
