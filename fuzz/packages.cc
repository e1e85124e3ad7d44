// Package databases and os-release of an image's root file system, and the SBOM that is made of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "attest/license.h"
#include "attest/packages.h"
#include "attest/sbom.h"
#include "filetree/fake_file_tree.h"

namespace {

using namespace pgstrata;

/// Nothing is made up: whatever a package has stands in the text.
void check(const std::vector<attest::Package>& packages, std::string_view text) {
  if (packages.size() > text.size()) std::abort();
  for (const attest::Package& package : packages) {
    if (package.name.empty() || package.version.empty()) std::abort();
    for (const std::string& value : {package.name, package.version, package.source, package.maintainer})
      if (text.find(value) == std::string_view::npos) std::abort();
    static_cast<void>(attest::is_spdx_expression(package.license));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(attest::parse_dpkg_status(text), text);
  check(attest::parse_apk_installed(text), text);
  static_cast<void>(attest::parse_os_release(text));
  filetree::FakeFileTree root;
  for (const char* path : {"etc", "lib", "lib/apk", "lib/apk/db", "var", "var/lib", "var/lib/dpkg"})
    root.directory(path);
  for (const char* path : {"etc/os-release", "lib/apk/db/installed", "var/lib/dpkg/status"})
    root.file(path, text);
  const auto sbom =
      attest::sbom_json(root, {.name = text, .version = "v", .created = text, .tool = "fuzz"});
  if (!sbom || nlohmann::json::parse(*sbom, nullptr, /*allow_exceptions=*/false).is_discarded())
    std::abort();
  return 0;
}
