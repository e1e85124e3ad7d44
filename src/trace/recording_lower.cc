#include "trace/recording_lower.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "os/file.h"
#include "trace/server.h"

namespace pgstrata::trace {
namespace {

constexpr const char* kDevice = "/dev/fuse";

Error cant_record(int code, std::string_view where) {
  Error error = system_error("can't see what steps read", where, code);
  error.kind = ErrorKind::kMachine;
  return error;
}

Result<os::Fd> open_device() {
  os::Fd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (device) return device;
  Error error = cant_record(errno, kDevice);
  if (errno == EACCES || errno == EPERM)
    error.next = "sudo chmod 0666 /dev/fuse (udev's rules make it so on ordinary systems)";
  else
    error.next =
        "load the kernel module fuse (sudo modprobe fuse); in a container, start it with --device "
        "/dev/fuse";
  return fail(std::move(error));
}

Result<void> mount_device(const os::Fd& device, const struct stat& root, const std::string& target) {
  // The kernel takes the root's attributes from here until it asks.
  const std::string options =
      fmt::format("fd={},rootmode={:o},user_id=0,group_id=0,allow_other", device.get(), root.st_mode);
  if (::mount("pgstrata", target.c_str(), "fuse", MS_RDONLY, options.c_str()) == 0) return {};
  Error error = cant_record(errno, target);
  error.next = errno == ENODEV ? "load the kernel module fuse (sudo modprobe fuse)"
                               : "allow FUSE mounts here, or build with --read-set off";
  return fail(std::move(error));
}

/// Makes the kernel ask for the root's attributes; they are in its mind from then on.
bool is_answered(const std::string& target) {
  struct statx status {};
  return ::statx(AT_FDCWD, target.c_str(), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &status) == 0;
}

}  // namespace

Result<void> can_record() {
  TRY(open_device());
  return {};
}

RecordingLower::RecordingLower(std::string target, std::unique_ptr<Server> server)
    : target_(std::move(target)), server_(std::move(server)) {}
RecordingLower::RecordingLower(RecordingLower&& other) noexcept = default;
RecordingLower::~RecordingLower() { stop(); }

Result<RecordingLower> RecordingLower::mount(const RecordingSpec& spec) {
  os::Fd source = TRY(os::open(spec.source, O_PATH | O_DIRECTORY));
  struct stat root {};
  if (::fstat(source.get(), &root) != 0) return fail(cant_record(errno, spec.source));
  os::Fd device = TRY(open_device());
  TRY_VOID(mount_device(device, root, spec.target));
  auto server = Server::start(std::move(device), std::move(source), spec);
  if (!server) {
    static_cast<void>(::umount2(spec.target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
    return fail(std::move(server).error());
  }
  RecordingLower lower(spec.target, *std::move(server));
  // Overlay takes the root's owner from what the kernel knows. This also proves that somebody answers.
  if (!is_answered(spec.target)) return fail(cant_record(errno, spec.target));
  lower.server_->begin();
  return lower;
}

void RecordingLower::stop() {
  if (!server_) return;
  static_cast<void>(::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
  server_->stop();
}

Result<filetree::Observations> RecordingLower::finish() && {
  // A connection that broke never comes back: if it answers now, it answered always.
  server_->end();
  const int code = is_answered(target_) ? 0 : errno;
  stop();
  if (auto failure = server_->failure()) return fail(*std::move(failure));
  if (code != 0) return fail(cant_record(code, target_));
  return server_->nodes().observations();
}

}  // namespace pgstrata::trace
