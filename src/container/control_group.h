// Control groups of containers (root only): /pgstrata/<id> in every hierarchy the machine has.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"

namespace pgstrata::container {

/// The group's path as the runtime wants it.
[[nodiscard]] std::string control_group_path(const std::string& id);
/// True if there is one hierarchy for all controllers (cgroup v2).
[[nodiscard]] bool has_unified_hierarchy();
/// kMachine if the machine has no memory controller.
Result<void> check_memory_controller();
/// Removes the groups of a container that has ended; those that aren't empty or not there stay.
void remove_control_groups(const std::string& id);

}  // namespace pgstrata::container
