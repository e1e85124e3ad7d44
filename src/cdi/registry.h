// The devices that the machine's CDI specifications describe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cdi/spec.h"

namespace pgstrata::cdi {

class Registry {
 public:
  /// Reads the *.json of each directory: of two that describe a device the one of the later directory
  /// counts, and two of one directory take it away, as CDI says. Never fails: see problems().
  static Registry read(const std::vector<std::string>& directories);
  /// PGSTRATA_CDI_DIRS (separated by colons), or else /etc/cdi and /var/run/cdi.
  static std::vector<std::string> default_directories();

  /// Adds a specification as if it came from a file of the directory with number `priority`.
  void add(Spec spec, std::size_t priority, const std::string& file);

  /// The devices that `name` means to BuildKit, qualified ("vendor.com/class=name"), sorted: that device;
  /// "vendor.com/class" the first of the kind, "vendor.com/class=*" all; else those whose annotation
  /// org.mobyproject.buildkit.device.class is `name`.
  [[nodiscard]] std::vector<std::string> find(const std::string& name) const;
  /// Whether its annotation org.mobyproject.buildkit.device.autoallow lets every build use it.
  [[nodiscard]] bool allows_itself(const std::string& qualified) const;
  /// What makes these devices usable; those of each specification once. Names that find() gave.
  [[nodiscard]] ContainerEdits edits(const std::vector<std::string>& qualified) const;
  /// Files that were not read, with the reason: for the message when a device isn't found.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Place {
    std::size_t spec = 0;
    std::size_t device = 0;
    std::size_t priority = 0;
    bool ambiguous = false;  ///< two files of one directory have it
  };
  [[nodiscard]] const Device* device(const std::string& qualified) const;

  std::vector<Spec> specs_;
  std::map<std::string, Place> devices_;
  std::vector<std::string> problems_;
};

}  // namespace pgstrata::cdi
