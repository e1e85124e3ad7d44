#include "container/volumes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "container/mounted_tree.h"
#include "filetree/resolve.h"
#include "os/file.h"
#include "os/process.h"

namespace pgstrata::container {
namespace {

Result<std::string> prepare_host_directory(const std::string& path) {
  if (!os::exists(path)) TRY_VOID(os::make_directories(path));
  const std::unique_ptr<char, void (*)(void*)> absolute(::realpath(path.c_str(), nullptr), ::free);
  if (!absolute) return fail(system_error("can't use it as a volume", path));
  return std::string(absolute.get());
}

/// The directory in `rootfs` that `target` leads to; empty if there is none.
Result<std::string> image_directory(const std::string& rootfs, const std::string& target) {
  const MountedTree tree(rootfs);
  const std::string path = TRY(filetree::resolve(tree, target, filetree::FinalLink::kFollow));
  const auto entry = TRY(tree.lookup(path));
  return entry && entry->type == filetree::EntryType::kDirectory ? rootfs + "/" + path : "";
}

/// Everything in `from`, and its own owner and mode, into the empty directory `to`.
Result<void> copy_tree(const std::string& from, const std::string& to) {
  const auto copied = TRY(os::capture({.argv = {"cp", "-a", "--reflink=auto", "--", from + "/.", to},
                                       .env = os::environment_with({{"LC_ALL", "C"}})}));
  if (os::succeeded(copied.status)) return {};
  return fail({.kind = ErrorKind::kIo,
               .what = "can't fill the new volume with what the image has there",
               .where = from,
               .why = copied.err,
               .next = "start it empty with the volume option nocopy"});
}

Result<std::string> prepare_named(const std::string& root, const std::string& rootfs,
                                  const std::string& name, const Volume& volume) {
  const std::string parent = volumes_directory(root);
  const std::string path = parent + "/" + name;
  if (os::exists(path)) return path;
  TRY_VOID(os::make_directories(parent, 0711));
  // It appears under its name when it is complete. The dot keeps it apart from volumes.
  std::string fresh = fmt::format("{}/.new-XXXXXX", parent);
  if (::mkdtemp(fresh.data()) == nullptr) return fail(system_error("can't make a volume", parent));
  if (::chmod(fresh.c_str(), 0755) != 0) return fail(system_error("can't make a volume", fresh));
  const std::string source = volume.copy ? TRY(image_directory(rootfs, volume.target)) : "";
  auto filled = source.empty() ? Result<void>() : copy_tree(source, fresh);
  if (filled && ::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0)
    return path;
  const int code = errno;
  TRY_VOID(os::remove_tree(fresh));
  if (!filled) return fail(filled.error());
  // Another container was faster: the volume is the same.
  if (code == EEXIST) return path;
  return fail(system_error("can't make the volume", path, code));
}

}  // namespace

Result<std::string> prepare_volume(const std::string& root, const std::string& rootfs, const Volume& volume,
                                   const std::string& anonymous) {
  if (const auto* directory = std::get_if<HostDirectory>(&volume.source))
    return prepare_host_directory(directory->path);
  const auto* named = std::get_if<NamedVolume>(&volume.source);
  return prepare_named(root, rootfs, named != nullptr ? named->name : anonymous, volume);
}

std::vector<std::string> bind_options(const std::string& source, bool read_only, bool rootless) {
  std::vector<std::string> options = {"rbind", "rprivate", read_only ? "ro" : "rw"};
  struct statvfs status {};
  if (!rootless || ::statvfs(source.c_str(), &status) != 0) return options;
  if ((status.f_flag & ST_NOSUID) != 0) options.emplace_back("nosuid");
  if ((status.f_flag & ST_NODEV) != 0) options.emplace_back("nodev");
  if ((status.f_flag & ST_NOEXEC) != 0) options.emplace_back("noexec");
  return options;
}

Mount volume_mount(const std::string& source, const Volume& volume, bool rootless) {
  return {.destination = volume.target,
          .type = "bind",
          .source = source,
          .options = bind_options(source, volume.read_only, rootless)};
}

}  // namespace pgstrata::container
