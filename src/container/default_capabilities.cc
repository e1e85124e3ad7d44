#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>

#include "container/runtime_spec.h"

namespace pgstrata::container {
namespace {

constexpr std::array<std::string_view, 14> kDefault = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

/// capabilities(7), in the kernel's order.
constexpr std::array<std::string_view, 41> kKnown = {"CAP_CHOWN",
                                                     "CAP_DAC_OVERRIDE",
                                                     "CAP_DAC_READ_SEARCH",
                                                     "CAP_FOWNER",
                                                     "CAP_FSETID",
                                                     "CAP_KILL",
                                                     "CAP_SETGID",
                                                     "CAP_SETUID",
                                                     "CAP_SETPCAP",
                                                     "CAP_LINUX_IMMUTABLE",
                                                     "CAP_NET_BIND_SERVICE",
                                                     "CAP_NET_BROADCAST",
                                                     "CAP_NET_ADMIN",
                                                     "CAP_NET_RAW",
                                                     "CAP_IPC_LOCK",
                                                     "CAP_IPC_OWNER",
                                                     "CAP_SYS_MODULE",
                                                     "CAP_SYS_RAWIO",
                                                     "CAP_SYS_CHROOT",
                                                     "CAP_SYS_PTRACE",
                                                     "CAP_SYS_PACCT",
                                                     "CAP_SYS_ADMIN",
                                                     "CAP_SYS_BOOT",
                                                     "CAP_SYS_NICE",
                                                     "CAP_SYS_RESOURCE",
                                                     "CAP_SYS_TIME",
                                                     "CAP_SYS_TTY_CONFIG",
                                                     "CAP_MKNOD",
                                                     "CAP_LEASE",
                                                     "CAP_AUDIT_WRITE",
                                                     "CAP_AUDIT_CONTROL",
                                                     "CAP_SETFCAP",
                                                     "CAP_MAC_OVERRIDE",
                                                     "CAP_MAC_ADMIN",
                                                     "CAP_SYSLOG",
                                                     "CAP_WAKE_ALARM",
                                                     "CAP_BLOCK_SUSPEND",
                                                     "CAP_AUDIT_READ",
                                                     "CAP_PERFMON",
                                                     "CAP_BPF",
                                                     "CAP_CHECKPOINT_RESTORE"};

Result<std::vector<std::string>> expand(const std::string& written) {
  std::string name = written;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name == "ALL") return std::vector<std::string>(kKnown.begin(), kKnown.end());
  if (!name.starts_with("CAP_")) name = "CAP_" + name;
  if (std::ranges::find(kKnown, name) == kKnown.end())
    return fail({.kind = ErrorKind::kUsage,
                 .what = "there is no such capability",
                 .where = written,
                 .next = "man 7 capabilities lists them"});
  return std::vector<std::string>{name};
}

}  // namespace

Result<std::vector<std::string>> capabilities(const std::vector<std::string>& added,
                                              const std::vector<std::string>& dropped) {
  std::set<std::string> taken;
  for (const std::string& written : dropped)
    for (std::string& name : TRY(expand(written))) taken.insert(std::move(name));
  std::set<std::string> granted;
  for (const std::string_view name : kDefault)
    if (!taken.contains(std::string(name))) granted.emplace(name);
  // What is named wins over "drop ALL": --cap-drop ALL --cap-add CHOWN leaves CHOWN.
  for (const std::string& written : added) {
    std::vector<std::string> names = TRY(expand(written));
    const bool all = names.size() > 1;
    for (std::string& name : names)
      if (!all || !taken.contains(name)) granted.insert(std::move(name));
  }
  return std::vector<std::string>(granted.begin(), granted.end());
}

}  // namespace pgstrata::container
