// The state of PGDATA, and the stamps that tell a finished cluster from one that was interrupted.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

namespace pg_entrypoint {

enum class VolumeState {
  kEmpty,        // nothing there, or only lost+found: may be initialised
  kInterrupted,  // an initialisation that was stopped or killed: nobody has used what is there
  kReady,        // a complete cluster, ours or one that another image made
  kRefused,
};

struct Volume {
  VolumeState state = VolumeState::kRefused;
  int exit_code = 0;    // of a refusal: exit_code::kData or kPermission
  std::string message;  // of a refusal: what, where, why and the ways out
};

/// Looks, and changes nothing. `major` is the version of the server in this image ("15"), or empty if
/// unknown. An initialisation whose scripts failed is refused, unless `wipe_failed` makes it an interrupted
/// one.
Volume inspect_volume(const std::string& pgdata, const std::string& major, bool wipe_failed);

/// Where initdb works: inside of PGDATA, so that a cluster never appears half-made at its final place. As
/// long as this folder's parent exists the cluster is unfinished, however the initialisation ended.
std::string staging_dir(const std::string& pgdata);

/// Whether PGDATA carries the stamp of an initialisation that isn't complete.
bool is_unfinished(const std::string& pgdata);

/// Makes PGDATA (mode 0700) and the stamp. What an interrupted initialisation has left is removed before:
/// only in a folder that carries our stamp, which goes last. Throws std::system_error naming the path.
void begin_initialisation(const std::string& pgdata);

/// Empties PGDATA after an interrupted initialisation. The same promise.
void discard_unfinished(const std::string& pgdata);

/// Moves what is in the staging folder to PGDATA, by renames. Throws std::system_error naming the path.
void adopt_staged(const std::string& pgdata);

/// Notes why the initialisation failed: the next start must not run the same scripts again by itself.
void mark_failed(const std::string& pgdata, const std::string& why) noexcept;

/// Brings everything to the disk, then removes the stamp: in this order, so that no crash can leave an
/// unfinished cluster without its stamp. Throws std::system_error naming the path.
void finish_initialisation(const std::string& pgdata);

/// Holds PGDATA for one container: the kernel forgets the lock when the last process that has fd() ends.
class VolumeLock {
 public:
  VolumeLock() = default;
  ~VolumeLock();
  VolumeLock(const VolumeLock&) = delete;
  VolumeLock& operator=(const VolumeLock&) = delete;

  /// False if another container has it, and keeps it for three seconds: processes of one that was killed
  /// may be ending just now. Throws std::system_error naming the path.
  bool take(const std::string& pgdata);
  /// For children that write PGDATA before there is a postmaster.pid; -1 without a lock.
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

/// Removes a postmaster.pid whose process id belongs to somebody else by now, as it happens in a container,
/// where ids are small numbers. Returns an error's text if a server does run, else nothing.
std::string remove_stale_pid_file(const std::string& pgdata);

/// The postmaster that postmaster.pid names; 0 without one.
pid_t postmaster_of(const std::string& pgdata);

/// Whether a postmaster has noted that it takes connections: `expected`, or any that runs if that is 0. The
/// file of one that was killed may still be there.
bool postmaster_is_ready(const std::string& pgdata, pid_t expected);

}  // namespace pg_entrypoint
