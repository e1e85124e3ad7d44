#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "exporter/layout.h"
#include "exporter/layout_lock.h"
#include "exporter/output_file.h"
#include "os/copy.h"
#include "os/file.h"

namespace pgstrata::exporter {
namespace {

std::string annotation_of(const oci::Descriptor& manifest, const char* name) {
  const auto found = manifest.annotations.find(name);
  return found == manifest.annotations.end() ? "" : found->second;
}

/// Two entries of an index for which a reader can only want the newer one.
bool replaces(const oci::Descriptor& newer, const oci::Descriptor& older) {
  const std::string name = annotation_of(newer, oci::annotation::kImageName);
  if (name != annotation_of(older, oci::annotation::kImageName)) return false;
  // What another tool wrote has only the tag.
  if (!name.empty()) return true;
  return annotation_of(newer, oci::annotation::kRefName) ==
             annotation_of(older, oci::annotation::kRefName) &&
         newer.platform == older.platform;
}

/// The index with the entries of the one that is there already, where ours don't replace them.
Result<std::string> merged_index(const std::string& ours, const std::string& path) {
  auto existing = os::read_file(path);
  if (!existing) return ours;
  auto index = oci::ImageIndex::from_json(*existing);
  if (!index) {
    Error error = index.error();
    error.kind = ErrorKind::kUsage;
    error.where = path;
    error.next = "name another directory, or move the file away";
    return fail(std::move(error));
  }
  const oci::ImageIndex added = TRY(oci::ImageIndex::from_json(ours));
  std::erase_if(index->manifests, [&](const oci::Descriptor& older) {
    return std::any_of(added.manifests.begin(), added.manifests.end(),
                       [&](const oci::Descriptor& newer) { return replaces(newer, older); });
  });
  index->manifests.insert(index->manifests.end(), added.manifests.begin(), added.manifests.end());
  return index->to_json();
}

Result<void> write_file(const LayoutFile& file, const content::ContentStore& store,
                        const std::string& path) {
  OutputFile out = TRY(OutputFile::create(path));
  if (const auto* text = std::get_if<std::string>(&file.bytes)) {
    TRY_VOID(os::write_all(out.fd(), *text, path));
  } else {
    const auto& blob = std::get<StoredBlob>(file.bytes);
    TRY_VOID(store.verify(blob.digest));
    const os::Fd from = TRY(store.open_blob(blob.digest));
    TRY_VOID(os::copy_range(from.get(), 0, blob.size, out.fd(), path));
  }
  return out.commit();
}

bool has_size(const std::string& path, std::uint64_t size) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_size) == size;
}

/// Files in the order of the layout, index.json last.
Result<void> write_files(const Layout& layout, const content::ContentStore& store,
                         const std::string& directory) {
  TRY_VOID(os::make_directories(directory + "/blobs/sha256"));
  const LayoutFile* index = nullptr;
  for (const LayoutFile& file : layout.files) {
    const std::string path = directory + "/" + file.path;
    if (file.path == "index.json") {
      index = &file;
    } else if (!file.path.starts_with("blobs/") || !has_size(path, file.size())) {
      TRY_VOID(write_file(file, store, path));
    }
  }
  if (index == nullptr) return {};
  const std::string path = directory + "/index.json";
  const os::Fd alone = TRY(lock_layout(directory));
  const std::string merged = TRY(merged_index(std::get<std::string>(index->bytes), path));
  return os::replace_file(path, merged, /*durable=*/true);
}

}  // namespace

Result<void> write_directory(const Layout& layout, const content::ContentStore& store,
                             const std::string& directory) {
  if (os::exists(directory)) return write_files(layout, store, directory);
  std::string target = directory;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  TRY_VOID(os::make_directories(directory_of(target)));
  const std::string temporary = fmt::format("{}.{}.tmp", target, ::getpid());
  auto written = write_files(layout, store, temporary);
  bool is_there = false;
  if (written && ::rename(temporary.c_str(), target.c_str()) != 0) {
    // Another build has made it meanwhile.
    is_there = errno == ENOTEMPTY || errno == EEXIST;
    if (!is_there) written = fail(system_error("can't make the directory", target));
  }
  if (is_there) written = write_files(layout, store, directory);
  if (is_there || !written) static_cast<void>(os::remove_tree(temporary));
  if (!written) return written;
  return sync_directory(directory_of(target));
}

}  // namespace pgstrata::exporter
