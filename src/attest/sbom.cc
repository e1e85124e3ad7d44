#include "attest/sbom.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "attest/license.h"
#include "attest/packages.h"
#include "attest/purl.h"
#include "filetree/resolve.h"
#include "oci/digest.h"

namespace pgstrata::attest {
namespace {

using Json = nlohmann::json;

constexpr const char* kNoAssertion = "NOASSERTION";
constexpr const char* kImage = "SPDXRef-image";

/// What was found in a root file system, and what not.
struct Found {
  OsRelease os;
  std::vector<Package> packages;
  std::vector<std::string> databases;  ///< that were read
  std::vector<std::string> unread;     ///< that are there, with the reason
  std::vector<std::string> documents;  ///< SBOMs that the image holds
};

class Search {
 public:
  explicit Search(const filetree::FileTree& root) : root_(root) {}

  Result<Found> run() {
    for (const char* path : {"etc/os-release", "usr/lib/os-release"}) {
      if (!found_.os.id.empty()) break;
      if (const auto text = TRY(read(path))) found_.os = parse_os_release(*text);
    }
    TRY_VOID(database("var/lib/dpkg/status", parse_dpkg_status));
    for (const std::string& file : TRY(names_in("var/lib/dpkg/status.d")))
      if (!file.ends_with(".md5sums"))
        TRY_VOID(database("var/lib/dpkg/status.d/" + file, parse_dpkg_status));
    for (const char* path : {"lib/apk/db/installed", "usr/lib/apk/db/installed"})
      if (!read_as_alpine_) TRY_VOID(database(path, parse_apk_installed, &read_as_alpine_));
    for (const char* path : {"var/lib/rpm", "usr/lib/sysimage/rpm"})
      if (const auto names = TRY(names_in(path)); !names.empty())
        found_.unread.push_back(fmt::format("/{} (rpm's databases aren't read)", path));
    for (const std::string& file : TRY(names_in("usr/share/sbom")))
      found_.documents.push_back("/usr/share/sbom/" + file);
    sort();
    return std::move(found_);
  }

 private:
  /// Links are followed within the tree; one that leads in a circle leads nowhere.
  Result<std::optional<filetree::Entry>> find(const std::string& path) {
    const auto resolved = filetree::resolve(root_, path, filetree::FinalLink::kFollow);
    if (!resolved) return std::optional<filetree::Entry>();
    return root_.lookup(*resolved);
  }

  /// Nothing if there is no such file, or no regular one. One that is too large is noted as unread.
  Result<std::optional<std::string>> read(const std::string& path) {
    const auto entry = TRY(find(path));
    if (!entry || entry->type != filetree::EntryType::kRegular) return std::optional<std::string>();
    if (entry->size > kLargestDatabase) {
      found_.unread.push_back(fmt::format("/{} (it has {} bytes)", path, entry->size));
      return std::optional<std::string>();
    }
    return std::optional(TRY(filetree::read_text(root_, path)));
  }

  using Parser = std::vector<Package> (*)(std::string_view);
  Result<void> database(const std::string& path, Parser parse, bool* was_read = nullptr) {
    const auto text = TRY(read(path));
    if (!text) return {};
    if (was_read != nullptr) *was_read = true;
    std::vector<Package> packages = parse(*text);
    found_.databases.push_back("/" + path);
    found_.packages.insert(found_.packages.end(), std::make_move_iterator(packages.begin()),
                           std::make_move_iterator(packages.end()));
    return {};
  }

  Result<std::vector<std::string>> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const auto found = TRY(find(directory));
    if (!found || found->type != filetree::EntryType::kDirectory) return names;
    for (const filetree::Entry& entry : TRY(root_.list(found->path)))
      names.emplace_back(entry.path.substr(entry.path.rfind('/') + 1));
    return names;
  }

  void sort() {
    const auto key = [](const Package& package) {
      return std::tie(package.kind, package.name, package.architecture, package.version);
    };
    std::stable_sort(found_.packages.begin(), found_.packages.end(),
                     [&](const Package& a, const Package& b) { return key(a) < key(b); });
    const auto same = [&](const Package& a, const Package& b) { return key(a) == key(b); };
    found_.packages.erase(std::unique(found_.packages.begin(), found_.packages.end(), same),
                          found_.packages.end());
  }

  const filetree::FileTree& root_;
  Found found_;
  bool read_as_alpine_ = false;
};

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string comment(const Found& found) {
  std::string text;
  if (found.databases.empty())
    text = "No package database of dpkg or apk was found in the image, so what it is made of isn't known.";
  else if (found.databases.size() > 3)
    text = fmt::format("The packages that {} and {} other files of the image name.", found.databases[0],
                       found.databases.size() - 1);
  else
    text = fmt::format("The packages that {} of the image name{}.", joined(found.databases),
                       found.databases.size() == 1 ? "s" : "");
  if (!found.databases.empty()) text += " What was installed otherwise isn't listed.";
  if (!found.unread.empty()) text += fmt::format(" Not read: {}.", joined(found.unread));
  if (!found.documents.empty())
    text += fmt::format(" The image holds SBOMs of its own: {}.", joined(found.documents));
  return text;
}

/// An SPDXID may have letters, digits, dots and hyphens.
std::string spdx_id(const Package& package, std::set<std::string>& taken) {
  std::string id = fmt::format("SPDXRef-{}-{}-{}", package.kind == PackageKind::kDebian ? "deb" : "apk",
                               package.name, package.architecture);
  for (char& c : id) {
    const bool is_allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!is_allowed) c = '-';
  }
  std::string unique = id;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}-{}", id, i);
  return unique;
}

std::string purl_of(const Package& package, const OsRelease& os) {
  const bool is_debian = package.kind == PackageKind::kDebian;
  std::string distro = os.id;
  if (!os.id.empty() && !os.version_id.empty()) distro += "-" + os.version_id;
  const std::string space = !os.id.empty() ? os.id : is_debian ? "debian" : "alpine";
  return PackageUrl{.type = is_debian ? "deb" : "apk",
                    .name_space = space,
                    .name = package.name,
                    .version = package.version,
                    .qualifiers = {{"arch", package.architecture}, {"distro", distro}}}
      .str();
}

/// "Organization: Debian …" or "Person: … (address)": package maintainers are either, and databases don't
/// say which. The word that every team has in its name decides.
std::string supplier(const std::string& maintainer) {
  if (maintainer.empty()) return kNoAssertion;
  const std::size_t open = maintainer.find('<');
  std::string name = maintainer.substr(0, open);
  while (name.ends_with(' ')) name.pop_back();
  std::string address;
  if (open != std::string::npos) address = maintainer.substr(open + 1, maintainer.find('>') - open - 1);
  if (name.empty()) name = address;
  if (name.empty()) return kNoAssertion;
  constexpr std::array<std::string_view, 8> kOfTeams = {
      "Team", "Maintainers", "Group", "Developers", "Debian", "team", "developers", "maintainers"};
  const bool is_team = std::any_of(kOfTeams.begin(), kOfTeams.end(), [&](std::string_view word) {
    return name.find(word) != std::string::npos;
  });
  return fmt::format("{}: {}{}", is_team ? "Organization" : "Person", name,
                     address.empty() || address == name ? "" : fmt::format(" ({})", address));
}

Json package_json(const Package& package, const std::string& id, const OsRelease& os) {
  Json json = {{"SPDXID", id},
               {"name", package.name},
               {"versionInfo", package.version},
               {"supplier", supplier(package.maintainer)},
               {"downloadLocation", kNoAssertion},
               {"filesAnalyzed", false},
               {"licenseConcluded", kNoAssertion},
               {"licenseDeclared", kNoAssertion},
               {"copyrightText", kNoAssertion}};
  if (is_spdx_expression(package.license))
    json["licenseDeclared"] = package.license;
  else if (!package.license.empty())
    json["licenseComments"] = "apk's database says: " + package.license;
  const std::string& source = package.source.empty() ? package.name : package.source;
  const std::string& version = package.source_version.empty() ? package.version : package.source_version;
  json["sourceInfo"] = fmt::format("built from {} {}", source, version);
  Json reference = {{"referenceCategory", "PACKAGE-MANAGER"},
                    {"referenceType", "purl"},
                    {"referenceLocator", purl_of(package, os)}};
  json["externalRefs"].push_back(std::move(reference));
  return json;
}

Json relationship(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// SPDX's times have no fraction (2.3, section 6.9).
std::string whole_seconds(std::string time) {
  const std::size_t point = time.find('.');
  if (point != std::string::npos)
    time.erase(point, time.find_first_not_of("0123456789", point + 1) - point);
  return time;
}

/// What a namespace's last component may look like.
std::string uri_word(std::string_view text) {
  std::string word;
  for (const char c : text)
    word +=
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ? c : '-';
  return word;
}

}  // namespace

Result<std::string> sbom_json(const filetree::FileTree& root, const SbomSubject& subject) {
  const Found found = TRY(Search(root).run());
  Json image = {{"SPDXID", kImage},
                {"name", subject.name},
                {"versionInfo", subject.version},
                {"supplier", kNoAssertion},
                {"downloadLocation", kNoAssertion},
                {"filesAnalyzed", false},
                {"licenseConcluded", kNoAssertion},
                {"licenseDeclared", kNoAssertion},
                {"copyrightText", kNoAssertion},
                {"primaryPackagePurpose", "CONTAINER"}};
  if (!found.os.pretty_name.empty()) image["sourceInfo"] = found.os.pretty_name;
  Json packages = Json::array();
  packages.push_back(std::move(image));
  Json relationships = Json::array();
  relationships.push_back(relationship("SPDXRef-DOCUMENT", "DESCRIBES", kImage));
  std::set<std::string> taken = {kImage, "SPDXRef-DOCUMENT"};
  for (const Package& package : found.packages) {
    const std::string id = spdx_id(package, taken);
    packages.push_back(package_json(package, id, found.os));
    relationships.push_back(relationship(kImage, "CONTAINS", id));
  }
  const std::string digest = oci::sha256(subject.version + dump(packages)).hex().substr(0, 32);
  Json creation = {{"created", whole_seconds(subject.created)}};
  creation["creators"].push_back("Tool: " + subject.tool);
  return dump({{"spdxVersion", "SPDX-2.3"},
               {"dataLicense", "CC0-1.0"},
               {"SPDXID", "SPDXRef-DOCUMENT"},
               {"name", subject.name},
               {"documentNamespace",
                fmt::format("https://spdx.org/spdxdocs/{}-{}", uri_word(subject.name), digest)},
               {"creationInfo", std::move(creation)},
               {"comment", comment(found)},
               {"packages", std::move(packages)},
               {"relationships", std::move(relationships)}});
}

}  // namespace pgstrata::attest
