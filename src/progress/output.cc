#include "progress/output.h"

#include <sys/ioctl.h>

#include "os/file.h"

namespace pgstrata::progress {

void FdOutput::write(std::string_view text) { static_cast<void>(os::write_all(fd_, text, "progress")); }

Size FdOutput::size() {
  winsize window{};
  if (::ioctl(fd_, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {.columns = window.ws_col, .rows = window.ws_row};
}

}  // namespace pgstrata::progress
