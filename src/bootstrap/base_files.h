// What a bootstrapped base has besides its packages, and what it must not have: written as the shell text
// of mmdebstrap's hooks, since the root file system belongs to another user namespace when a plain user
// runs it.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/apt_options.h"

namespace pgstrata::bootstrap {

struct BaseFile {
  std::string path;  ///< absolute, in the image
  std::string text;
  unsigned mode = 0644;
};

/// The files that Debian's official images have beyond their packages: apt and dpkg settings that suit
/// image builds, policy-rc.d, and, for slim, the list of what dpkg leaves out. Instead of its sources there
/// is a stub without any mirror.
[[nodiscard]] std::vector<BaseFile> base_files(bool slim);
/// Shell text for --setup-hook ($1 is the root file system): apt's settings of this machine, for the
/// time of the bootstrap, and what dpkg leaves out.
[[nodiscard]] std::string setup_script(bool slim, const AptOptions& options);
/// Shell text for --customize-hook: puts the base files in, takes out what tells of this machine, of
/// its mirror, or of the time of day.
[[nodiscard]] std::string customize_script(bool slim);

/// As one word of a POSIX shell.
[[nodiscard]] std::string shell_quote(std::string_view text);

}  // namespace pgstrata::bootstrap
