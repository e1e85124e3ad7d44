#include "container/control_group.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <memory>

#include "os/file.h"

namespace pgstrata::container {
namespace {
constexpr const char* kMount = "/sys/fs/cgroup";
}

std::string control_group_path(const std::string& id) { return "/pgstrata/" + id; }

bool has_unified_hierarchy() {
  struct statfs status {};
  return ::statfs(kMount, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

Result<void> check_memory_controller() {
  const auto controllers = os::read_file(std::string(kMount) + "/cgroup.controllers");
  const bool present = controllers ? controllers->find("memory") != std::string::npos
                                   : os::exists(std::string(kMount) + "/memory/memory.limit_in_bytes");
  if (present) return {};
  return fail({.kind = ErrorKind::kMachine,
               .what = "can't limit the container's memory",
               .where = kMount,
               .why = "this machine has no memory controller",
               .next = "leave --memory out, or boot with cgroup_enable=memory"});
}

void remove_control_groups(const std::string& id) {
  const std::string path = control_group_path(id);
  static_cast<void>(::rmdir((kMount + path).c_str()));
  if (has_unified_hierarchy()) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> hierarchies(::opendir(kMount), ::closedir);
  if (!hierarchies) return;
  while (const dirent* entry = ::readdir(hierarchies.get()))
    if (entry->d_name[0] != '.')
      static_cast<void>(::rmdir((std::string(kMount) + "/" + entry->d_name + path).c_str()));
}

}  // namespace pgstrata::container
