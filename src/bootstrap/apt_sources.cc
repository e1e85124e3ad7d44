#include "bootstrap/apt_sources.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>

#include "os/file.h"

namespace pgstrata::bootstrap {
namespace {

constexpr std::array<std::string_view, 10> kSuites{
    "bullseye", "bookworm", "trixie", "forky", "duke", "sid", "stable", "oldstable", "testing", "unstable"};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  for (;;) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return result;
    text.remove_prefix(start);
    const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

/// Calls `line` for each line, without its newline.
template <class F>
void for_each_line(std::string_view text, F line) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view current = text.substr(0, end);
    if (current.ends_with('\r')) current.remove_suffix(1);
    line(current);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool is_yes(std::string_view value) { return value == "yes" || value == "true" || value == "1"; }

bool is_no(std::string_view value) { return value == "no" || value == "false" || value == "0"; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<AptEntry> parse_entry_line(std::string_view line) {
  line = line.substr(0, line.find('#'));
  AptEntry entry;
  std::vector<std::string> parts = words(line);
  if (parts.size() < 3 || parts.front() != "deb") return {};
  line.remove_prefix(line.find("deb") + 3);
  line.remove_prefix(line.find_first_not_of(" \t"));
  if (line.front() == '[') {
    const auto end = line.find(']');
    if (end == std::string_view::npos) return {};
    for (const std::string& option : words(line.substr(1, end - 1))) {
      if (option.starts_with("signed-by=")) entry.signed_by = option.substr(10);
      if (option.starts_with("trusted=")) entry.trusted = is_yes(option.substr(8));
    }
    line.remove_prefix(end + 1);
  }
  parts = words(line);
  if (parts.size() < 2) return {};
  entry.uris = {parts[0]};
  entry.suites = {parts[1]};
  entry.components.assign(parts.begin() + 2, parts.end());
  return entry;
}

/// The fields of one stanza; a field's continuation lines belong to its value.
class Stanza {
 public:
  void add(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') {
      if (!fields_.empty()) fields_.back().second.append("\n").append(line);
      return;
    }
    const auto colon = line.find(':');
    if (colon != std::string_view::npos)
      fields_.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 1));
  }
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const {
    for (const auto& [field, value] : fields_)
      if (field == name) return words(value);
    return {};
  }
  [[nodiscard]] std::string first(std::string_view name) const {
    const auto all = values(name);
    return all.empty() ? std::string() : all.front();
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

void add_entry(const Stanza& stanza, std::vector<AptEntry>& entries) {
  const auto types = stanza.values("types");
  if (std::find(types.begin(), types.end(), "deb") == types.end() || is_no(lower(stanza.first("enabled"))))
    return;
  entries.push_back({.uris = stanza.values("uris"),
                     .suites = stanza.values("suites"),
                     .components = stanza.values("components"),
                     .signed_by = stanza.first("signed-by"),
                     .trusted = is_yes(lower(stanza.first("trusted")))});
}

/// Files of a directory by name; none if there is no such directory.
std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()),
                                                [](DIR* d) { return ::closedir(d); });
  if (!dir) return names;
  while (const dirent* entry = ::readdir(dir.get())) names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

enum class Archive { kNone, kMain, kSecurity };

/// Which of Debian's archives has a suite of this name.
Archive archive_of(std::string_view suite) {
  for (const std::string_view end : {"-security", "-security/", "/updates"})
    if (suite.ends_with(end))
      return is_debian_suite(suite.substr(0, suite.size() - end.size())) ? Archive::kSecurity
                                                                         : Archive::kNone;
  for (const std::string_view end : {"-updates", "-backports", "-proposed-updates", "/"})
    if (suite.ends_with(end)) suite.remove_suffix(end.size());
  return is_debian_suite(suite) ? Archive::kMain : Archive::kNone;
}

std::string_view without_slashes(std::string_view uri) {
  while (uri.ends_with('/')) uri.remove_suffix(1);
  return uri;
}

bool may_be_debians(const AptEntry& entry) {
  if (std::find(entry.components.begin(), entry.components.end(), "main") == entry.components.end())
    return false;
  // Vendors use Debian's suite names for their own packages, but sign them with their own keys.
  return entry.signed_by.empty() || entry.signed_by.find("debian-archive") != std::string::npos;
}

/// Keeps the better of two candidates; the first wins a draw.
void consider(Mirror& chosen, std::string_view uri, bool trusted, std::string_view usual_name) {
  const auto has_usual_name = [usual_name](std::string_view candidate) {
    return candidate.ends_with(usual_name);
  };
  if (uri.empty() || uri.starts_with("cdrom:")) return;
  if (chosen.uri.empty() || (!has_usual_name(chosen.uri) && has_usual_name(uri)))
    chosen = {.uri = std::string(uri), .trusted = trusted};
}

}  // namespace

bool is_debian_suite(std::string_view suite) {
  return std::find(kSuites.begin(), kSuites.end(), suite) != kSuites.end();
}

std::vector<AptEntry> parse_one_line_sources(std::string_view text) {
  std::vector<AptEntry> entries;
  for_each_line(text, [&entries](std::string_view line) {
    if (auto entry = parse_entry_line(line)) entries.push_back(std::move(*entry));
  });
  return entries;
}

std::vector<AptEntry> parse_deb822_sources(std::string_view text) {
  std::vector<AptEntry> entries;
  Stanza stanza;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with('#')) return;
    if (line.find_first_not_of(" \t") != std::string_view::npos) return stanza.add(line);
    add_entry(stanza, entries);
    stanza = {};
  });
  add_entry(stanza, entries);
  return entries;
}

Result<std::vector<AptEntry>> read_apt_entries(const std::string& etc_apt) {
  std::vector<std::string> files{etc_apt + "/sources.list"};
  const std::string directory = etc_apt + "/sources.list.d";
  for (const std::string& name : list_directory(directory))
    if (name.ends_with(".list") || name.ends_with(".sources")) files.push_back(directory + "/" + name);
  std::vector<AptEntry> entries;
  for (const std::string& file : files) {
    const auto text = os::read_file(file);
    if (!text && text.error().kind == ErrorKind::kNotFound) continue;
    if (!text) return fail(text.error());
    const auto found =
        file.ends_with(".sources") ? parse_deb822_sources(*text) : parse_one_line_sources(*text);
    entries.insert(entries.end(), found.begin(), found.end());
  }
  return entries;
}

Result<DebianMirrors> find_debian_mirrors(const std::vector<AptEntry>& entries) {
  DebianMirrors mirrors;
  for (const AptEntry& entry : entries) {
    if (!may_be_debians(entry) || entry.uris.empty()) continue;
    const std::string_view uri = without_slashes(entry.uris.front());
    for (const std::string& suite : entry.suites) {
      const Archive archive = archive_of(suite);
      if (archive == Archive::kMain) consider(mirrors.archive, uri, entry.trusted, "/debian");
      if (archive == Archive::kSecurity) consider(mirrors.security, uri, entry.trusted, "/debian-security");
    }
  }
  if (mirrors.archive.uri.empty())
    return fail({.kind = ErrorKind::kMachine,
                 .what = "this machine's apt sources name no Debian archive",
                 .where = "/etc/apt",
                 .next = "set PGSTRATA_APT_MIRROR to the URL of a Debian mirror, or add one to "
                         "/etc/apt/sources.list.d"});
  return mirrors;
}

Result<DebianMirrors> debian_mirrors(const std::string& etc_apt) {
  const char* given = std::getenv("PGSTRATA_APT_MIRROR");
  const std::string mirror(without_slashes(given != nullptr ? given : ""));
  if (mirror.empty()) {
    const auto entries = TRY(read_apt_entries(etc_apt));
    return find_debian_mirrors(entries);
  }
  // The value becomes a line of a sources file: nothing else may come along with it.
  if (mirror.find_first_of(" \t\r\n") != std::string::npos || mirror.find(':') == std::string::npos)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "this is not the URL of a mirror",
                 .where = "PGSTRATA_APT_MIRROR",
                 .why = mirror,
                 .next = "give one like http://mirror.example.org/debian"});
  return DebianMirrors{.archive = {.uri = mirror}, .security = {.uri = mirror + "-security"}};
}

Result<std::vector<AptSource>> sources_of(const DebianMirrors& mirrors, std::string_view suite) {
  if (!is_debian_suite(suite))
    return fail(
        {.kind = ErrorKind::kUsage, .what = "this is not a suite of Debian", .where = std::string(suite)});
  std::vector<AptSource> sources{{mirrors.archive, std::string(suite)}};
  if (suite == "sid" || suite == "unstable") return sources;
  sources.push_back({mirrors.archive, fmt::format("{}-updates", suite)});
  if (!mirrors.security.uri.empty())
    sources.push_back({mirrors.security, fmt::format("{}-security", suite)});
  return sources;
}

std::string deb822(const std::vector<AptSource>& sources) {
  std::string text;
  for (size_t i = 0; i < sources.size(); ++i) {
    const AptSource& source = sources[i];
    if (i > 0 && sources[i - 1].mirror == source.mirror) continue;  // named in the stanza before
    std::string suites;
    for (size_t j = i; j < sources.size() && sources[j].mirror == source.mirror; ++j)
      suites += " " + sources[j].suite;
    text += fmt::format("{}Types: deb\nURIs: {}\nSuites:{}\nComponents: main\n{}: {}\n",
                        text.empty() ? "" : "\n", source.mirror.uri, suites,
                        source.mirror.trusted ? "Trusted" : "Signed-By",
                        source.mirror.trusted ? "yes" : kDebianKeyring);
  }
  return text;
}

Result<std::string> sources_for(std::string_view suite, const std::string& etc_apt) {
  const DebianMirrors mirrors = TRY(debian_mirrors(etc_apt));
  return deb822(TRY(sources_of(mirrors, suite)));
}

}  // namespace pgstrata::bootstrap
