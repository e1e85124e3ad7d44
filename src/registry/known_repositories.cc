#include "registry/known_repositories.h"

#include <algorithm>

#include "os/file.h"

namespace pgstrata::registry {
namespace {

constexpr std::size_t kMost = 8;

}  // namespace

KnownRepositories::KnownRepositories(const std::string& root, const std::string& domain)
    : directory_(root + "/registries/" + oci::sha256(domain).hex()) {}

std::vector<std::string> KnownRepositories::of(const oci::Digest& blob) const {
  std::vector<std::string> names;
  const auto text = os::read_file(path(blob));
  if (!text) return names;
  std::string line;
  for (const char c : *text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    if (!line.empty()) names.push_back(line);
    line.clear();
  }
  return names;
}

Result<void> KnownRepositories::add(const oci::Digest& blob, const std::string& repository) {
  std::vector<std::string> names = of(blob);
  if (!names.empty() && names.front() == repository) return {};
  names.erase(std::remove(names.begin(), names.end(), repository), names.end());
  names.insert(names.begin(), repository);
  if (names.size() > kMost) names.resize(kMost);
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  TRY_VOID(os::make_directories(directory_));
  return os::replace_file(path(blob), text, /*durable=*/false);
}

}  // namespace pgstrata::registry
