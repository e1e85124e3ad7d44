#include "remotecache/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "core/suggestion.h"
#include "exporter/csv.h"

namespace pgstrata::remotecache {
namespace {

using Keys = std::map<std::string, std::string>;

/// One of the two options.
struct Option {
  const char* name;
  const char* directory;  ///< what its key for a directory is called
  std::vector<std::string> local;
  std::vector<std::string> registry;
};

const Option& cache_to() {
  static const Option option{.name = "--cache-to",
                             .directory = "dest",
                             .local = {"type", "dest", "tag", "mode", "ignore-error"},
                             .registry = {"type", "ref", "mode", "ignore-error"}};
  return option;
}

const Option& cache_from() {
  static const Option option{.name = "--cache-from",
                             .directory = "src",
                             .local = {"type", "src", "tag", "digest"},
                             .registry = {"type", "ref"}};
  return option;
}

tl::unexpected<Error> bad(const Option& option, std::string_view text, std::string why,
                          std::string next = {}) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("not a valid {}", option.name),
               .where = std::string(text),
               .why = std::move(why),
               .next = std::move(next)});
}

Result<Keys> keys_of(const Option& option, std::string_view text) {
  const std::vector<std::string> fields = TRY(exporter::csv_fields(text));
  if (text.empty()) return bad(option, text, "it is empty", "write type=local,… or type=registry,ref=NAME");
  Keys keys;
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos)
    return Keys{{"type", "registry"}, {"ref", fields[0]}};
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return bad(option, text, fmt::format("\"{}\" has no value", field), "write KEY=VALUE fields");
    keys[field.substr(0, equals)] = field.substr(equals + 1);
  }
  return keys;
}

Result<void> check_keys(const Option& option, std::string_view text, const Keys& keys) {
  static const std::vector<std::string> types = {"local", "registry"};
  const auto type = keys.find("type");
  if (type == keys.end()) return bad(option, text, "it has no type", "write type=local or type=registry");
  if (std::find(types.begin(), types.end(), type->second) == types.end())
    return bad(option, text, fmt::format("there is no type \"{}\"", type->second),
               did_you_mean(type->second, types, "the types are local and registry"));
  const std::vector<std::string>& known = type->second == "local" ? option.local : option.registry;
  for (const auto& [key, value] : keys) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      return bad(option, text, fmt::format("type={} has no key \"{}\"", type->second, key),
                 fmt::format("its keys are {}", fmt::join(known, ", ")));
    if (value.empty()) return bad(option, text, fmt::format("{} is empty", key));
  }
  return {};
}

Result<Place> place_from(const Option& option, std::string_view text, const Keys& keys) {
  const std::string wanted = keys.at("type") == "local" ? option.directory : "ref";
  const auto found = keys.find(wanted);
  if (found == keys.end())
    return bad(option, text, fmt::format("type={} needs {}", keys.at("type"), wanted),
               fmt::format("add {}={}", wanted, wanted == "ref" ? "REGISTRY/NAME:TAG" : "DIRECTORY"));
  if (wanted == "ref") return Place(RegistryPlace{TRY(oci::Reference::parse(found->second))});
  DirectoryPlace place{.directory = found->second, .digest = {}};
  if (const auto tag = keys.find("tag"); tag != keys.end()) place.tag = tag->second;
  if (const auto digest = keys.find("digest"); digest != keys.end()) {
    const auto parsed = oci::Digest::parse(digest->second);
    if (!parsed) return bad(option, text, parsed.error().message(), "write digest=sha256:…");
    place.digest = *parsed;
  }
  return Place(std::move(place));
}

}  // namespace

Result<CacheTo> parse_cache_to(std::string_view text) {
  const Option& option = cache_to();
  const Keys keys = TRY(keys_of(option, text));
  TRY_VOID(check_keys(option, text, keys));
  CacheTo to{.place = TRY(place_from(option, text, keys))};
  if (const auto* registry = std::get_if<RegistryPlace>(&to.place); registry && registry->reference.digest)
    return bad(option, text, "nothing can be put under a digest", "name a tag: ref=REGISTRY/NAME:TAG");
  if (const auto mode = keys.find("mode"); mode != keys.end()) {
    if (mode->second != "min" && mode->second != "max")
      return bad(option, text, fmt::format("there is no mode \"{}\"", mode->second), "use min or max");
    to.mode = mode->second == "min" ? Mode::kMin : Mode::kMax;
  }
  if (const auto ignore = keys.find("ignore-error"); ignore != keys.end()) {
    if (ignore->second != "true" && ignore->second != "false")
      return bad(option, text, fmt::format("ignore-error is \"{}\"", ignore->second),
                 "write true or false");
    to.ignore_error = ignore->second == "true";
  }
  return to;
}

Result<Place> parse_cache_from(std::string_view text) {
  const Option& option = cache_from();
  const Keys keys = TRY(keys_of(option, text));
  TRY_VOID(check_keys(option, text, keys));
  return place_from(option, text, keys);
}

std::string in_words(const Place& place) {
  if (const auto* local = std::get_if<DirectoryPlace>(&place)) return local->directory;
  return std::get<RegistryPlace>(place).reference.familiar();
}

}  // namespace pgstrata::remotecache
