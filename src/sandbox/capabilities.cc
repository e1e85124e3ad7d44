#include "sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace pgstrata::sandbox {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// The list of moby's oci/caps/defaults.go and BuildKit's util/entitlements/security: 00000000a80425fb.
constexpr std::uint64_t kDockerSet =
    bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FSETID) | bit(CAP_FOWNER) | bit(CAP_MKNOD) |
    bit(CAP_NET_RAW) | bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETFCAP) | bit(CAP_SETPCAP) |
    bit(CAP_NET_BIND_SERVICE) | bit(CAP_SYS_CHROOT) | bit(CAP_KILL) | bit(CAP_AUDIT_WRITE);
static_assert(kDockerSet == 0xa80425fb);

}  // namespace

int limit_bounding_set() {
  for (int capability = 0; capability < 64; ++capability) {
    if ((kDockerSet & bit(capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return 0;  // past the last one that this kernel knows
    return -1;
  }
  return 0;
}

int set_capabilities(bool root) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return -1;
  for (unsigned half = 0; half < 2; ++half) {
    const auto granted = root ? static_cast<std::uint32_t>(kDockerSet >> (32 * half)) : 0U;
    sets[half].permitted &= granted;  // we may lack some ourselves, as root of a container
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  // Ambient capabilities can't outlive their inheritable ones: this empties both.
  return ::syscall(SYS_capset, &header, sets.data()) == 0 ? 0 : -1;
}

int keep_all_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return -1;
  for (__user_cap_data_struct& set : sets) set.effective = set.inheritable = set.permitted;
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return -1;
  for (int capability = 0; capability < 64; ++capability) {
    const std::uint32_t half = sets[static_cast<unsigned>(capability) / 32].permitted;
    if ((half & (1U << (static_cast<unsigned>(capability) % 32))) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return -1;
  }
  return 0;
}

}  // namespace pgstrata::sandbox
