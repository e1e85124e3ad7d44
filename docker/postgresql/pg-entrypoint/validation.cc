#include "validation.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "exit_code.h"
#include "extensions.h"

namespace pg_entrypoint {
namespace {

constexpr std::uint64_t kLittleSharedMemory = std::uint64_t{65} << 20U;

/// Parallel queries share memory through /dev/shm, of which Docker gives 64 MB.
void look_at_shared_memory(Complaints& complaints) {
  struct statvfs info {};
  if (statvfs("/dev/shm", &info) != 0) return;
  if (std::uint64_t{info.f_blocks} * info.f_frsize < kLittleSharedMemory) {
    complaints.warnings.emplace_back(
        "/dev/shm has only 64 MB: parallel queries may fail with \"could not resize shared memory "
        "segment\"; start the "
        "container with --shm-size=256m or more");
  }
}

}  // namespace

void Validation::say() const {
  for (const std::string& warning : complaints.warnings) log(Level::kWarning, warning);
  for (const std::string& error : complaints.errors) log(Level::kError, error);
}

Validation validate(const Environment& environment) {
  LoadedOptions loaded = load_options(environment);
  Validation result{std::move(loaded.options), {}, std::move(loaded.complaints), 0};
  Options& options = result.options;
  const auto refuse = [&result](int code, std::string why) {
    result.complaints.errors.push_back(std::move(why));
    if (result.exit_code == 0) result.exit_code = code;
  };
  if (!result.complaints.errors.empty()) result.exit_code = exit_code::kUsage;
  if (options.sleep_mode) return result;
  look_at_shared_memory(result.complaints);
  if (geteuid() == 0) {
    refuse(exit_code::kPermission,
           "this container runs as root, and PostgreSQL refuses to. Leave --user out (the image has its "
           "own user), or give "
           "another one than 0");
    return result;
  }
  if (options.citus &&
      installed_libraries(library_folder(options.scripts.get("PATH").value_or(""))).count("citus") == 0)
    refuse(exit_code::kUsage, "CITUS_ROLE is set, and this image has no Citus; build it with WITH=citus");
  if (!options.pgdata.starts_with('/')) return result;  // said already
  result.volume =
      inspect_volume(options.pgdata, environment.get("PG_MAJOR").value_or(""), options.wipe_failed_init);
  if (result.volume.state == VolumeState::kRefused) refuse(result.volume.exit_code, result.volume.message);
  const bool to_be_made =
      result.volume.state == VolumeState::kEmpty || result.volume.state == VolumeState::kInterrupted;
  const bool restored = options.backup && options.backup->restore;
  if (to_be_made && !restored && !options.password && options.auth_method != "trust" && !options.patroni) {
    refuse(exit_code::kUsage, "PGDATA " + options.pgdata +
                                  " is empty, and there is no password for the superuser to be made. Set "
                                  "POSTGRES_PASSWORD, or better "
                                  "POSTGRES_PASSWORD_FILE; or, only where nobody else can reach the port, "
                                  "POSTGRES_HOST_AUTH_METHOD=trust");
  }
  return result;
}

std::string in_use_message(const std::string& pgdata) {
  return "PGDATA " + pgdata +
         " is in use by another container; two servers on one volume would destroy it. Stop the other one, "
         "or give this "
         "container a volume of its own";
}

}  // namespace pg_entrypoint
