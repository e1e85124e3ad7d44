#include "advise/write_back.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "os/file.h"

namespace pgstrata::advise {
namespace {

/// The file itself, not a link to it.
std::string resolved(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  std::string text = real != nullptr ? real : path;
  ::free(real);
  return text;
}

}  // namespace

Result<void> write_back(const std::string& path, std::string_view before, std::string_view after) {
  const std::string file = resolved(path);
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return fail(system_error("can't change the Dockerfile", file));
  if (TRY(os::read_file(file)) != before)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "the Dockerfile has changed meanwhile, and stays as it is",
                 .where = file,
                 .next = "build it again, and ask again"});
  TRY_VOID(os::replace_file(file, after, /*durable=*/true, status.st_mode & 07777));
  // Who isn't root can't give a file away, and has no need to.
  if (::geteuid() == 0 && ::chown(file.c_str(), status.st_uid, status.st_gid) != 0)
    return fail(system_error("can't give the Dockerfile back to its owner", file));
  return {};
}

}  // namespace pgstrata::advise
