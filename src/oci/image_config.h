// The image configuration: image-spec config.md, with the fields Docker adds to it (Healthcheck,
// OnBuild, Shell).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace pgstrata::oci {

/// Durations are nanoseconds; 0 means Docker's default.
struct Healthcheck {
  std::vector<std::string> test;  ///< {"NONE"}, {"CMD", …} or {"CMD-SHELL", …}
  std::int64_t interval = 0;
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

/// What `docker inspect` shows as .Config.
struct ContainerConfig {
  std::string user;
  std::set<std::string> exposed_ports;  ///< "5432/tcp"
  std::vector<std::string> env;         ///< "NAME=value", in order
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> shell;  ///< only if a SHELL instruction set it
  std::vector<std::string> on_build;
  bool operator==(const ContainerConfig&) const = default;
};

struct History {
  std::string created;  ///< RFC 3339
  std::string created_by;
  std::string comment;
  std::string author;
  bool empty_layer = false;
  bool operator==(const History&) const = default;
};

struct ImageConfig {
  std::string created;  ///< RFC 3339, "" if absent
  std::string author;
  Platform platform;
  ContainerConfig config;
  std::vector<Digest> diff_ids;  ///< bottom first
  std::vector<History> history;
  bool operator==(const ImageConfig&) const = default;

  /// kCorrupt with the field's name when the JSON isn't an image configuration.
  static Result<ImageConfig> from_json(std::string_view json);
  /// Canonical: keys sorted, no white space; the same value always gives the same bytes.
  [[nodiscard]] std::string to_json() const;
};

/// RFC 3339 in UTC from nanoseconds since the epoch ("2023-11-14T22:13:20Z", fraction only if not 0).
[[nodiscard]] std::string format_time(std::int64_t nanoseconds);

}  // namespace pgstrata::oci
