// The state of PGDATA, and the stamps that tell a finished cluster from one that was interrupted.
#pragma once
#include <optional>
#include <string>

namespace pg_entrypoint {

enum class VolumeState {
  kEmpty,  // nothing there, or only lost+found: may be initialised
  kReady,  // a complete cluster, ours or one that another image made
  kRefused,
};

struct Volume {
  VolumeState state = VolumeState::kRefused;
  int exit_code = 0;    // of a refusal: exit_code::kData or kPermission
  std::string message;  // of a refusal: what, where, why and the ways out
};

/// Looks, and changes nothing. `major` is the version of the server in this image ("15"), or empty if
/// unknown.
Volume inspect_volume(const std::string& pgdata, const std::string& major);

/// Where initdb works: inside of PGDATA, so that a cluster never appears half-made at its final place. As
/// long as this folder's parent exists the cluster is unfinished, however the initialisation ended.
std::string staging_dir(const std::string& pgdata);

/// Makes PGDATA (mode 0700) and the stamp. Throws std::system_error naming the path.
void begin_initialisation(const std::string& pgdata);

/// Brings everything to the disk, then removes the stamp: in this order, so that no crash can leave an
/// unfinished cluster without its stamp. Throws std::system_error naming the path.
void finish_initialisation(const std::string& pgdata);

}  // namespace pg_entrypoint
