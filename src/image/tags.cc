#include "image/tags.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "os/file.h"

namespace pgstrata::image {
namespace {

std::string index_path(const content::ContentStore& store) { return store.root() + "/index.json"; }

Result<oci::ImageIndex> read_index_at(const std::string& path) {
  const std::string text = TRY(os::read_file(path));
  auto index = oci::ImageIndex::from_json(text);
  if (!index) index.error().where = path;
  return index;
}

Result<oci::ImageIndex> read_index(const content::ContentStore& store) {
  auto index = read_index_at(index_path(store));
  if (index || index.error().kind != ErrorKind::kCorrupt) {
    if (!index && index.error().kind == ErrorKind::kNotFound) return oci::ImageIndex{};
    return index;
  }
  // A power cut left nothing of it: what was on the disk before is the list.
  if (auto synced = read_index_at(index_path(store) + content::kSynced)) return synced;
  index.error().next =
      "move the file away; the images' blobs stay, their names have to be given anew by a build";
  return index;
}

/// Held while index.json is read, changed and replaced.
Result<os::Fd> lock_index(const content::ContentStore& store) {
  const std::string path = store.root() + "/index.lock";
  os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT, 0644));
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the list of images", path));
  return fd;
}

std::string name_of(const oci::Descriptor& manifest) {
  const auto found = manifest.annotations.find(oci::annotation::kImageName);
  return found == manifest.annotations.end() ? "" : found->second;
}

}  // namespace

Result<std::vector<Tagged>> list_tags(const content::ContentStore& store) {
  std::vector<Tagged> tags;
  const oci::ImageIndex index = TRY(read_index(store));
  for (const oci::Descriptor& manifest : index.manifests)
    if (std::string name = name_of(manifest); !name.empty()) tags.push_back({std::move(name), manifest});
  return tags;
}

Result<std::optional<oci::Descriptor>> find_tag(const content::ContentStore& store,
                                                const oci::Reference& reference) {
  const std::string wanted = reference.str();
  const oci::ImageIndex index = TRY(read_index(store));
  for (const oci::Descriptor& manifest : index.manifests)
    if (name_of(manifest) == wanted) return manifest;
  return std::nullopt;
}

Result<void> set_tags(const content::ContentStore& store, const std::vector<oci::Reference>& names,
                      const oci::Descriptor& manifest) {
  const os::Fd lock = TRY(lock_index(store));
  oci::ImageIndex index = TRY(read_index(store));
  const oci::ImageIndex before = index;
  for (const oci::Reference& name : names) {
    oci::Descriptor entry = manifest;
    entry.annotations[oci::annotation::kImageName] = name.str();
    if (!name.tag.empty()) entry.annotations[oci::annotation::kRefName] = name.tag;
    const auto same_name = [&](const oci::Descriptor& other) { return name_of(other) == name.str(); };
    const auto found = std::find_if(index.manifests.begin(), index.manifests.end(), same_name);
    if (found == index.manifests.end())
      index.manifests.push_back(std::move(entry));
    else
      *found = std::move(entry);
  }
  if (index.manifests == before.manifests) return {};
  return os::replace_file(index_path(store), index.to_json(), /*durable=*/false);
}

Result<bool> remove_tag(const content::ContentStore& store, const oci::Reference& name) {
  const os::Fd lock = TRY(lock_index(store));
  oci::ImageIndex index = TRY(read_index(store));
  const auto removed = std::erase_if(
      index.manifests, [&](const oci::Descriptor& manifest) { return name_of(manifest) == name.str(); });
  if (removed == 0) return false;
  TRY_VOID(os::replace_file(index_path(store), index.to_json(), /*durable=*/false));
  return true;
}

bool is_list_damaged(const content::ContentStore& store) {
  const auto index = read_index_at(index_path(store));
  return !index && index.error().kind == ErrorKind::kCorrupt;
}

Result<void> restore_list(const content::ContentStore& store) {
  const os::Fd lock = TRY(lock_index(store));
  const oci::ImageIndex index = TRY(read_index(store));
  return os::replace_file(index_path(store), index.to_json(), /*durable=*/false);
}

}  // namespace pgstrata::image
