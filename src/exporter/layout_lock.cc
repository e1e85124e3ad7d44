#include "exporter/layout_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "os/file.h"

namespace pgstrata::exporter {

Result<os::Fd> lock_layout(const std::string& directory) {
  os::Fd fd = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    if (errno == EBADF || errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL) break;
    return fail(system_error("can't lock the image layout", directory));
  }
  return fd;
}

}  // namespace pgstrata::exporter
