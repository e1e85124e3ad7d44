// registries.conf as TOML, and which files there are.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

// A parse error is a value, and nothing is written.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "os/file.h"
#include "registry/registries_conf.h"

namespace pgstrata::registry {
namespace {

tl::unexpected<Error> bad(const std::string& path, const toml::source_region& source, std::string why,
                          std::string next = "") {
  return fail({.kind = ErrorKind::kUsage,
               .what = "not a valid registries.conf",
               .where = fmt::format("{}:{}", path, source.begin.line),
               .why = std::move(why),
               .next = std::move(next)});
}

/// A table of the file, and the file's name.
class Table {
 public:
  Table(const toml::table& table, const std::string& path) : table_(table), path_(path) {}

  /// Nothing if there is no such key.
  [[nodiscard]] Result<std::optional<std::string>> text(const char* key) const {
    return value<std::string>(key, "a text in quotes");
  }
  [[nodiscard]] Result<std::optional<bool>> flag(const char* key) const {
    return value<bool>(key, "true or false");
  }
  /// host[:port][/namespace…], without a slash at the end.
  [[nodiscard]] Result<std::string> location(const char* key) const {
    std::string found = TRY(text(key)).value_or("");
    if (found.find("://") != std::string::npos)
      return bad_value(key, fmt::format("{} is \"{}\", and takes no scheme", key, found),
                       "leave https:// out, and put insecure = true for http://");
    while (found.ends_with('/')) found.pop_back();
    return found;
  }
  /// The tables of an array of them.
  [[nodiscard]] Result<std::vector<Table>> tables(const char* key) const {
    std::vector<Table> found;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return found;
    if (!node->is_array()) return bad_value(key, fmt::format("{} isn't an array of tables", key));
    for (const toml::node& one : *node->as_array()) {
      if (!one.is_table()) return bad(path_, one.source(), fmt::format("{} has more than tables", key));
      found.emplace_back(*one.as_table(), path_);
    }
    return found;
  }
  [[nodiscard]] const toml::table& table() const { return table_; }
  [[nodiscard]] std::string where() const {
    return fmt::format("{}:{}", path_, table_.source().begin.line);
  }
  [[nodiscard]] tl::unexpected<Error> bad_table(std::string why, std::string next = "") const {
    return bad(path_, table_.source(), std::move(why), std::move(next));
  }
  [[nodiscard]] tl::unexpected<Error> bad_value(const char* key, std::string why,
                                                std::string next = "") const {
    return bad(path_, table_.get(key)->source(), std::move(why), std::move(next));
  }

 private:
  template <class T>
  [[nodiscard]] Result<std::optional<T>> value(const char* key, const char* what) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    if (const auto found = node->value_exact<T>()) return *found;
    return bad_value(key, fmt::format("{} isn't {}", key, what));
  }

  const toml::table& table_;
  const std::string& path_;
};

/// Version 1 had lists instead. Its search list is passed over like that of version 2.
Result<void> refuse_version_1(const Table& file) {
  const toml::node* registries = file.table().get("registries");
  if (registries == nullptr || !registries->is_table()) return {};
  for (const char* key : {"insecure", "block"}) {
    const toml::node* list = (*registries->as_table())[key]["registries"].node();
    if (list == nullptr || !list->is_array() || list->as_array()->empty()) continue;
    return file.bad_value("registries", fmt::format("registries.{} is of version 1 of the format", key),
                          "write [[registry]] tables: containers-registries.conf(5)");
  }
  return {};
}

Result<void> check_wildcard(const Table& table, RegistryEntry& entry) {
  const std::size_t star = entry.prefix.find('*');
  if (star == std::string::npos) {
    if (entry.location.empty()) entry.location = entry.prefix;
    return {};
  }
  if (entry.prefix.starts_with("*.") && entry.prefix.find_first_of("*/:@", 1) == std::string::npos) {
    if (entry.location == entry.prefix) entry.location.clear();
    return {};
  }
  return table.bad_table(fmt::format("\"{}\" is no prefix", entry.prefix),
                         "a star stands at the beginning, for hosts: \"*.example.com\"");
}

Result<MirrorEntry> read_mirror(const Table& table, bool by_digest) {
  MirrorEntry mirror;
  mirror.location = TRY(table.location("location"));
  if (mirror.location.empty()) return table.bad_table("a mirror has no location");
  mirror.insecure = TRY(table.flag("insecure"));
  const std::string use = TRY(table.text("pull-from-mirror")).value_or("");
  if (by_digest && !use.empty())
    return table.bad_value("pull-from-mirror",
                           "mirror-by-digest-only says already what the registry's mirrors are for",
                           "leave out one of the two");
  if (by_digest || use == "digest-only")
    mirror.use = MirrorEntry::Use::kDigestOnly;
  else if (use == "tag-only")
    mirror.use = MirrorEntry::Use::kTagOnly;
  else if (!use.empty() && use != "all")
    return table.bad_value("pull-from-mirror", fmt::format("there is no \"{}\"", use),
                           "use all, digest-only or tag-only");
  return mirror;
}

Result<RegistryEntry> read_registry(const Table& table) {
  RegistryEntry entry;
  entry.where = table.where();
  entry.prefix = TRY(table.location("prefix"));
  entry.location = TRY(table.location("location"));
  if (entry.prefix.empty()) entry.prefix = entry.location;
  if (entry.prefix.empty())
    return table.bad_table("a registry has neither prefix nor location",
                           "add prefix = \"HOST[:PORT][/NAMESPACE]\"");
  TRY_VOID(check_wildcard(table, entry));
  entry.insecure = TRY(table.flag("insecure"));
  entry.is_blocked = TRY(table.flag("blocked")).value_or(false);
  const bool by_digest = TRY(table.flag("mirror-by-digest-only")).value_or(false);
  for (const Table& mirror : TRY(table.tables("mirror")))
    entry.mirrors.push_back(TRY(read_mirror(mirror, by_digest)));
  return entry;
}

}  // namespace

Result<RegistriesConf> RegistriesConf::parse(std::string_view toml, const std::string& path) {
  const toml::parse_result parsed = toml::parse(toml, path);
  if (!parsed) return bad(path, parsed.error().source(), std::string(parsed.error().description()));
  const Table file(parsed.table(), path);
  TRY_VOID(refuse_version_1(file));
  RegistriesConf conf;
  for (const Table& table : TRY(file.tables("registry"))) {
    RegistryEntry entry = TRY(read_registry(table));
    // Of two in one file the first counts.
    const bool is_known =
        std::any_of(conf.entries_.begin(), conf.entries_.end(),
                    [&](const RegistryEntry& other) { return other.prefix == entry.prefix; });
    if (!is_known) conf.entries_.push_back(std::move(entry));
  }
  return conf;
}

namespace {

Result<void> add_file(RegistriesConf& conf, const std::string& path) {
  const auto text = os::read_file(path);
  if (!text)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "can't read where registries are",
                 .where = path,
                 .why = text.error().why});
  conf.add(TRY(RegistriesConf::parse(*text, path)));
  return {};
}

/// No directory is none with nothing in it.
Result<void> add_drop_ins(RegistriesConf& conf, const std::string& directory) {
  const auto names = os::names_in(directory);
  if (!names && names.error().kind == ErrorKind::kNotFound) return {};
  if (!names) return fail(names.error());
  for (const std::string& name : *names)
    if (name.ends_with(".conf")) TRY_VOID(add_file(conf, directory + "/" + name));
  return {};
}

}  // namespace

Result<RegistriesConf> RegistriesConf::of_user() {
  RegistriesConf conf;
  if (const char* named = std::getenv("CONTAINERS_REGISTRIES_CONF"); named != nullptr && *named != '\0') {
    TRY_VOID(add_file(conf, named));
    return conf;
  }
  const std::string system = "/etc/containers/registries.conf";
  const char* home = std::getenv("HOME");
  const std::string own =
      home != nullptr && *home != '\0' ? std::string(home) + "/.config/containers/registries.conf" : "";
  if (!own.empty() && os::exists(own)) {
    TRY_VOID(add_file(conf, own));
  } else {
    if (os::exists(system)) TRY_VOID(add_file(conf, system));
    TRY_VOID(add_drop_ins(conf, system + ".d"));
  }
  if (!own.empty()) TRY_VOID(add_drop_ins(conf, own + ".d"));
  return conf;
}

}  // namespace pgstrata::registry
