// A CDI specification: which device nodes, mounts and variables make a device of the machine usable in a
// container (Container Device Interface 1.1, https://github.com/cncf-tags/container-device-interface,
// SPEC.md). JSON only: pgstrata reads no YAML.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::cdi {

struct DeviceNode {
  std::string path;       ///< in the container
  std::string host_path;  ///< on the machine; empty: the same
  char type = 0;          ///< 'c', 'b', 'p', or 0: that of the machine's
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct Mount {
  std::string host_path;
  std::string container_path;
  std::vector<std::string> options;  ///< of mount(8)
  std::string type;                  ///< empty: a bind mount
};

struct ContainerEdits {
  std::vector<std::string> env;  ///< "NAME=value"
  std::vector<DeviceNode> nodes;
  std::vector<Mount> mounts;
  std::vector<std::uint32_t> groups;
  /// What is asked for and can't be done here, by its names in the specification: "hooks", "intelRdt" …
  std::vector<std::string> unsupported;

  void append(const ContainerEdits& other);
  [[nodiscard]] bool empty() const;
};

struct Device {
  std::string name;
  std::map<std::string, std::string> annotations;  ///< with those of its specification
  ContainerEdits edits;
};

struct Spec {
  std::string kind;      ///< "vendor.com/class"
  ContainerEdits edits;  ///< for any of its devices
  std::vector<Device> devices;

  /// kCorrupt, with what is wrong. Takes any bytes.
  static Result<Spec> parse(std::string_view json);
};

}  // namespace pgstrata::cdi
