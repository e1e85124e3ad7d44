#include "registry/registries_conf.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::registry {
namespace {

/// How much of the name the prefix covers; nothing if the name doesn't begin with it.
std::optional<std::size_t> covered(std::string_view name, std::string_view prefix) {
  const bool is_wildcard = prefix.starts_with("*.");
  if (is_wildcard) prefix.remove_prefix(1);
  const std::string_view domain = name.substr(0, name.find('/'));
  const std::size_t start = is_wildcard ? domain.rfind(prefix) : 0;
  if (start == std::string_view::npos || name.substr(start, prefix.size()) != prefix) return std::nullopt;
  const std::size_t end = start + prefix.size();
  if (end == name.size() || name[end] == '/' || name[end] == '@') return end;
  // Behind a path a tag; behind a wildcard's host a port. Of a host alone the port is a part.
  const bool goes_on = is_wildcard || prefix.find('/') != std::string_view::npos;
  return name[end] == ':' && goes_on ? std::optional(end) : std::nullopt;
}

Error blocked(const oci::Reference& name, const std::string& where) {
  return {.kind = ErrorKind::kBuildFailed,
          .what = fmt::format("{} is blocked on this machine", name.familiar()),
          .where = where,
          .why = "blocked = true",
          .next = "name another image, or change that file"};
}

}  // namespace

void RegistriesConf::add(RegistriesConf later) {
  for (RegistryEntry& entry : later.entries_) {
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const RegistryEntry& other) {
      return other.prefix == entry.prefix;
    });
    if (same == entries_.end())
      entries_.push_back(std::move(entry));
    else
      *same = std::move(entry);
  }
}

const RegistryEntry* RegistriesConf::entry_of(const std::string& name) const {
  const RegistryEntry* longest = nullptr;
  for (const RegistryEntry& entry : entries_)
    if (covered(name, entry.prefix) && (longest == nullptr || entry.prefix.size() > longest->prefix.size()))
      longest = &entry;
  return longest;
}

Result<std::vector<Place>> RegistriesConf::read_places(const oci::Reference& name) const {
  const std::string text = name.str();
  const RegistryEntry* entry = entry_of(text);
  if (entry == nullptr) return std::vector{Place{.domain = name.domain, .path = name.path, .insecure = {}}};
  if (entry->is_blocked) return fail(blocked(name, entry->where));
  const std::string rest = text.substr(*covered(text, entry->prefix));
  const auto at = [&](const std::string& location, std::optional<bool> insecure) -> Result<Place> {
    if (location.empty()) return Place{.domain = name.domain, .path = name.path, .insecure = insecure};
    const std::string there = location + rest;
    const auto moved = oci::Reference::parse(there);
    if (moved && moved->domain == there.substr(0, there.find('/')))
      return Place{.domain = moved->domain, .path = moved->path, .insecure = insecure};
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("\"{}\" makes no name of {}", location, name.familiar()),
                 .where = entry->where,
                 .why = fmt::format("{} is none", there),
                 .next = "a location is HOST[:PORT][/NAMESPACE…], the host with a dot or a port"});
  };
  std::vector<Place> places;
  for (const MirrorEntry& mirror : entry->mirrors)
    if (mirror.use == MirrorEntry::Use::kAll ||
        (mirror.use == MirrorEntry::Use::kDigestOnly) == name.digest.has_value())
      places.push_back(TRY(at(mirror.location, mirror.insecure)));
  places.push_back(TRY(at(entry->location, entry->insecure)));
  return places;
}

Result<Place> RegistriesConf::write_place(const oci::Reference& name) const {
  Place place{.domain = name.domain, .path = name.path, .insecure = {}};
  const RegistryEntry* entry = entry_of(name.str());
  if (entry == nullptr) return place;
  if (entry->is_blocked) return fail(blocked(name, entry->where));
  // What is said of another host isn't said of this one.
  const std::string location_domain = entry->location.substr(0, entry->location.find('/'));
  if (location_domain.empty() || location_domain == name.domain) place.insecure = entry->insecure;
  return place;
}

}  // namespace pgstrata::registry
