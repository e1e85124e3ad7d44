#include "container/runtime_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "oci/json_fields.h"

namespace pgstrata::container {
namespace {

using oci::Json;

constexpr std::array kMaskedPaths = {"/proc/asound",
                                     "/proc/acpi",
                                     "/proc/kcore",
                                     "/proc/keys",
                                     "/proc/latency_stats",
                                     "/proc/timer_list",
                                     "/proc/timer_stats",
                                     "/proc/sched_debug",
                                     "/proc/scsi",
                                     "/sys/firmware",
                                     "/sys/devices/virtual/powercap"};
constexpr std::array kReadOnlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};

Json mount_json(const Mount& mount) {
  return {{"destination", mount.destination},
          {"type", mount.type},
          {"source", mount.source},
          {"options", mount.options}};
}

Json process_json(const Process& process) {
  Json user = {{"uid", process.uid}, {"gid", process.gid}};
  if (!process.groups.empty()) user["additionalGids"] = process.groups;
  Json capabilities = {{"bounding", process.capabilities}};
  // As in Docker: only root starts with them; others get theirs from setuid programs and file capabilities.
  if (process.uid == 0) {
    capabilities["effective"] = process.capabilities;
    capabilities["permitted"] = process.capabilities;
  }
  return {{"terminal", process.terminal},
          {"user", std::move(user)},
          {"args", process.argv},
          {"env", process.env},
          {"cwd", process.cwd},
          {"capabilities", std::move(capabilities)},
          {"noNewPrivileges", process.no_new_privileges}};
}

Json flag_rule(const char* name) {
  constexpr std::uint64_t kNewUser = 0x10000000;  // CLONE_NEWUSER
  return {{"names", {name}},
          {"action", "SCMP_ACT_ERRNO"},
          {"errnoRet", 1},
          {"args",
           {{{"index", 0}, {"value", kNewUser}, {"valueTwo", kNewUser}, {"op", "SCMP_CMP_MASKED_EQ"}}}}};
}

Json seccomp_json(const Process& process) {
  Json rules = Json::array();
  rules.push_back({{"names", seccomp_denials()}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 1}});
  // Whoever may administrate the system may have new user namespaces as well.
  if (std::ranges::find(process.capabilities, "CAP_SYS_ADMIN") == process.capabilities.end()) {
    rules.push_back(flag_rule("clone"));
    rules.push_back(flag_rule("unshare"));
    rules.push_back({{"names", {"clone3"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 38}});
  }
  Json profile = {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", std::move(rules)}};
#if defined(__x86_64__)
  profile["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
  profile["architectures"] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#endif
  return profile;
}

Json namespaces_json(const RuntimeSpec& spec) {
  Json list = Json::array({{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}});
  if (spec.private_network) list.push_back({{"type", "network"}});
  if (spec.control_group && spec.control_group->own_namespace) list.push_back({{"type", "cgroup"}});
  return list;
}

Json linux_json(const RuntimeSpec& spec) {
  Json section = {{"namespaces", namespaces_json(spec)},
                  {"maskedPaths", kMaskedPaths},
                  {"readonlyPaths", kReadOnlyPaths}};
  if (spec.seccomp) section["seccomp"] = seccomp_json(spec.process);
  if (!spec.control_group) return section;
  section["cgroupsPath"] = spec.control_group->path;
  // The runtime itself adds the devices that every container may use.
  Json resources = {{"devices", {{{"allow", false}, {"access", "rwm"}}}}};
  if (spec.control_group->memory_bytes)
    resources["memory"] = {{"limit", *spec.control_group->memory_bytes}};
  section["resources"] = std::move(resources);
  return section;
}

std::string text(const Json& json) {
  // File names and arguments may hold any bytes, JSON can't: what isn't UTF-8 is replaced, as Go does.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<std::uint32_t>> numbers(const Json* list) {
  std::vector<std::uint32_t> values;
  if (list == nullptr) return values;
  for (const Json& item : *list) {
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() > UINT32_MAX)
      return fail(oci::bad_json("process", "additionalGids holds something that isn't a group id"));
    values.push_back(item.get<std::uint32_t>());
  }
  return values;
}

}  // namespace

std::vector<Mount> standard_mounts(const MountPolicy& policy) {
  std::vector<std::string> pts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  if (policy.terminal_group) pts.emplace_back("gid=5");
  std::vector<Mount> mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", std::move(pts)}};
  if (policy.own_sysfs)
    mounts.push_back({"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}});
  else
    mounts.push_back({"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}});
  if (policy.control_groups)
    mounts.push_back(
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev", "relatime"}});
  mounts.push_back({"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}});
  mounts.push_back({"/dev/shm",
                    "tmpfs",
                    "shm",
                    {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", policy.shm_bytes)}});
  return mounts;
}

const std::vector<const char*>& seccomp_denials() {
  static const std::vector<const char*> kDenied = {
      "add_key",         "keyctl",         "request_key",       "bpf",
      "io_uring_setup",  "io_uring_enter", "io_uring_register", "open_by_handle_at",
      "perf_event_open", "userfaultfd",    "kexec_load",        "kexec_file_load"};
  return kDenied;
}

std::string to_json(const RuntimeSpec& spec) {
  Json mounts = Json::array();
  for (const Mount& mount : spec.mounts) mounts.push_back(mount_json(mount));
  return text({{"ociVersion", "1.0.2"},
               {"root", {{"path", spec.rootfs}, {"readonly", spec.read_only}}},
               {"hostname", spec.hostname},
               {"process", process_json(spec.process)},
               {"mounts", std::move(mounts)},
               {"linux", linux_json(spec)}});
}

std::string to_json(const Process& process) { return text(process_json(process)); }

Result<Process> process_from_json(std::string_view json) {
  const Json object = TRY(oci::parse_object("process", json));
  Process process;
  oci::Fields fields("process", object);
  fields.flag("terminal", process.terminal)
      .texts("args", process.argv)
      .texts("env", process.env)
      .text("cwd", process.cwd)
      .flag("noNewPrivileges", process.no_new_privileges);
  if (const Json* capabilities = fields.find("capabilities", Json::value_t::object)) {
    oci::Fields sets("capabilities", *capabilities);
    TRY_VOID(sets.texts("bounding", process.capabilities).done());
  }
  if (const Json* user = fields.find("user", Json::value_t::object)) {
    oci::Fields ids("user", *user);
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    ids.number("uid", uid).number("gid", gid);
    process.groups = TRY(numbers(ids.find("additionalGids", Json::value_t::array)));
    TRY_VOID(ids.done());
    process.uid = static_cast<std::uint32_t>(uid);
    process.gid = static_cast<std::uint32_t>(gid);
  }
  TRY_VOID(fields.done());
  return process;
}

}  // namespace pgstrata::container
