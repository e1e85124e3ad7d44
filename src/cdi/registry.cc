#include "cdi/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>

#include "os/file.h"

namespace pgstrata::cdi {
namespace {

constexpr const char* kClass = "org.mobyproject.buildkit.device.class";
constexpr const char* kAutoAllow = "org.mobyproject.buildkit.device.autoallow";

/// strconv.ParseBool's words for true.
bool is_true(std::string_view text) {
  return text == "1" || text == "t" || text == "T" || text == "true" || text == "TRUE" || text == "True";
}

}  // namespace

std::vector<std::string> Registry::default_directories() {
  const char* set = std::getenv("PGSTRATA_CDI_DIRS");
  if (set == nullptr) return {"/etc/cdi", "/var/run/cdi"};
  std::vector<std::string> directories;
  std::string_view rest = set;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) directories.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return directories;
}

Registry Registry::read(const std::vector<std::string>& directories) {
  Registry registry;
  for (std::size_t priority = 0; priority < directories.size(); ++priority) {
    std::set<std::string> files;
    std::error_code code;
    for (std::filesystem::directory_iterator file(directories[priority], code), end; !code && file != end;
         file.increment(code))
      files.insert(file->path().string());
    for (const std::string& file : files) {
      if (file.ends_with(".yaml"))
        registry.problems_.push_back(fmt::format("{} is YAML, and only JSON is read", file));
      if (!file.ends_with(".json")) continue;
      const auto text = os::read_file(file);
      auto spec = text ? Spec::parse(*text) : Result<Spec>(fail(text.error()));
      if (spec)
        registry.add(std::move(*spec), priority, file);
      else
        registry.problems_.push_back(fmt::format("{}: {}", file, spec.error().message()));
    }
  }
  return registry;
}

void Registry::add(Spec spec, std::size_t priority, const std::string& file) {
  for (std::size_t i = 0; i < spec.devices.size(); ++i) {
    const std::string qualified = spec.kind + "=" + spec.devices[i].name;
    const Place place{.spec = specs_.size(), .device = i, .priority = priority};
    const auto [known, is_new] = devices_.emplace(qualified, place);
    if (is_new) continue;
    if (known->second.priority < priority) {
      known->second = place;
    } else if (known->second.priority == priority) {
      known->second.ambiguous = true;
      problems_.push_back(fmt::format("{}: another file of its directory has {} as well", file, qualified));
    }
  }
  specs_.push_back(std::move(spec));
}

const Device* Registry::device(const std::string& qualified) const {
  const auto found = devices_.find(qualified);
  if (found == devices_.end() || found->second.ambiguous) return nullptr;
  return &specs_[found->second.spec].devices[found->second.device];
}

std::vector<std::string> Registry::find(const std::string& name) const {
  std::vector<std::string> found;
  const std::size_t sign = std::min(name.find('='), name.size());
  const std::string kind = name.substr(0, sign);
  const std::string wanted = sign < name.size() ? name.substr(sign + 1) : "";
  const std::size_t slash = kind.find('/');
  if (slash != std::string::npos && slash != 0 && slash + 1 < kind.size())
    for (const auto& [qualified, place] : devices_) {
      if (place.ambiguous || !qualified.starts_with(kind + "=")) continue;
      if (wanted.empty() && !found.empty()) break;
      if (wanted.empty() || wanted == "*" || qualified == name) found.push_back(qualified);
    }
  if (!found.empty()) return found;
  for (const auto& [qualified, place] : devices_) {
    const Device* device = this->device(qualified);
    if (device == nullptr) continue;
    const auto annotation = device->annotations.find(kClass);
    if (annotation != device->annotations.end() && annotation->second == name) found.push_back(qualified);
  }
  return found;
}

bool Registry::allows_itself(const std::string& qualified) const {
  const Device* device = this->device(qualified);
  if (device == nullptr) return false;
  const auto annotation = device->annotations.find(kAutoAllow);
  return annotation != device->annotations.end() && is_true(annotation->second);
}

ContainerEdits Registry::edits(const std::vector<std::string>& qualified) const {
  ContainerEdits edits;
  std::set<std::size_t> specs;
  for (const std::string& name : qualified) {
    const Device* device = this->device(name);
    if (device == nullptr) continue;
    const std::size_t spec = devices_.at(name).spec;
    if (specs.insert(spec).second) edits.append(specs_[spec].edits);
    edits.append(device->edits);
  }
  return edits;
}

}  // namespace pgstrata::cdi
