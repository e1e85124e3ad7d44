// Where images of a name are, by the containers tools' registries.conf (containers-registries.conf(5),
// version 2; TOML):
//
//   [[registry]]
//   prefix = "example.com/foo"            names that begin so; "*.example.com" for all hosts below it
//   location = "internal.example/bar"     what stands in the prefix's place when images are read
//   insecure = true                       any certificate is taken, HTTP as well
//   blocked = true                        nothing of that name is read or written
//   mirror-by-digest-only = true          names without a digest ask no mirror
//   [[registry.mirror]]
//   location = "mirror.example/foo"       asked before the location itself, in the file's order
//   insecure = true
//   pull-from-mirror = "digest-only"      or "tag-only", or "all"
//
// One of prefix and location may be missing, and is the other then. Of several entries the one with the
// longest prefix counts, and no other. What else may be in the file (search lists, aliases, helpers) is
// passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "oci/reference.h"

namespace pgstrata::registry {

/// A repository of a registry.
struct Place {
  std::string domain;            ///< host[:port]
  std::string path;              ///< of the repository
  std::optional<bool> insecure;  ///< none: nobody has said
  bool operator==(const Place&) const = default;
};

/// What a file says of a mirror, and of the registry it is for.
struct MirrorEntry {
  enum class Use { kAll, kDigestOnly, kTagOnly };
  std::string location;
  std::optional<bool> insecure;
  Use use = Use::kAll;
};
struct RegistryEntry {
  std::string prefix;
  std::string location;  ///< "": as the name says
  std::optional<bool> insecure;
  bool is_blocked = false;
  std::vector<MirrorEntry> mirrors;
  std::string where;  ///< "FILE:LINE", for messages
};

class RegistriesConf {
 public:
  /// Says nothing: every image is where its name says.
  RegistriesConf() = default;
  /// One file. kUsage, with "`path`:LINE", if it isn't what containers-registries.conf(5) describes.
  static Result<RegistriesConf> parse(std::string_view toml, const std::string& path);
  /// That of this process's user: the file that CONTAINERS_REGISTRIES_CONF names, and no other; else
  /// ~/.config/containers/registries.conf and its drop-ins (registries.conf.d/*.conf beside it); else
  /// /etc/containers/registries.conf with its drop-ins, and then the user's.
  static Result<RegistriesConf> of_user();

  /// What a later file says stands before what this one says of the same prefix.
  void add(RegistriesConf later);

  /// Where to read the image, in this order; the last is no mirror. kBuildFailed: it is blocked; kUsage: a
  /// location that makes no name of it.
  [[nodiscard]] Result<std::vector<Place>> read_places(const oci::Reference& name) const;
  /// Where to write it: where the name says, as the containers tools do; neither location nor mirrors
  /// count. kBuildFailed: it is blocked.
  [[nodiscard]] Result<Place> write_place(const oci::Reference& name) const;

 private:
  [[nodiscard]] const RegistryEntry* entry_of(const std::string& name) const;

  std::vector<RegistryEntry> entries_;
};

}  // namespace pgstrata::registry
