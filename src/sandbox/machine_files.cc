#include "sandbox/machine_files.h"

#include <utility>

#include "os/file.h"

namespace pgstrata::sandbox {

std::string hosts_text(const std::string& hostname,
                       const std::vector<std::pair<std::string, std::string>>& extra) {
  std::string text = "127.0.0.1\tlocalhost " + hostname +
                     "\n"
                     "::1\tlocalhost ip6-localhost ip6-loopback\n"
                     "fe00::0\tip6-localnet\n"
                     "ff00::0\tip6-mcastprefix\n"
                     "ff02::1\tip6-allnodes\n"
                     "ff02::2\tip6-allrouters\n";
  for (const auto& [name, address] : extra) text += address + "\t" + name + "\n";
  return text;
}

std::optional<std::string> resolv_conf_text() {
  auto text = os::read_file("/etc/resolv.conf");
  if (!text) return std::nullopt;
  return std::move(*text);
}

}  // namespace pgstrata::sandbox
