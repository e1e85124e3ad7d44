#include "store/layer_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "layer/unpack.h"
#include "os/file.h"
#include "os/in_parallel.h"
#include "snapshot/content.h"
#include "snapshot/xattrs.h"
#include "store/after_boot.h"

namespace pgstrata::store {
namespace {

using cache::LayerRow;
using filetree::Entry;

/// With more of them all wait for the disk.
constexpr std::size_t kUnpackedAtOnce = 4;

layer::ByteSink sink_to(const content::Ingest& ingest) {
  const int fd = ingest.fd();
  return [fd, path = ingest.path()](std::span<const std::byte> bytes) {
    return os::write_all(fd, bytes, path);
  };
}

/// A layer without entries of its own adds nothing to a mount.
bool adds_nothing(const snapshot::ChangeSetFile& changes) { return changes.size() == 0; }

}  // namespace

LayerStore::LayerStore(const content::ContentStore& content, cache::Index& index)
    : content_(content), index_(index) {}

Result<std::unique_ptr<LayerStore>> LayerStore::open(const content::ContentStore& content,
                                                     cache::Index& index) {
  auto store = TRY(open_as_it_is(content, index));
  TRY_VOID(store->verify_after_reboot());
  return store;
}

Result<std::unique_ptr<LayerStore>> LayerStore::open_as_it_is(const content::ContentStore& content,
                                                              cache::Index& index) {
  std::unique_ptr<LayerStore> store(new LayerStore(content, index));
  for (const char* directory : {"/changes", "/unpacked"})
    TRY_VOID(os::make_directories(content.root() + directory));
  return store;
}

Result<void> LayerStore::verify_after_reboot() {
  const std::string& root = content_.root();
  if (TRY(index_.unsynced_layers()).empty() && !is_first_after_boot(root, index_.boot_id())) {
    // Of a store without one, perhaps on a full disk: without it nothing is taken away either.
    static_cast<void>(note_boot(root, index_.boot_id()).has_value());
    return {};
  }
  // One build at a time, and what is left to do when its turn comes: another that began with this one would
  // take the unpacked layers away that this one has verified, unpacked and mounted by then.
  const std::string place = root + "/changes";
  const os::Fd alone = TRY(os::open(place, O_RDONLY | O_DIRECTORY));
  while (::flock(alone.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the lists of the layers' files", place));
  for (const LayerRow& layer : TRY(index_.unsynced_layers())) {
    // Not worth verifying file by file: the tar has everything, and is verified as a whole.
    // A plain user outside of the user namespace can't remove files of other ids; who enters it next for
    // a build clears tmp/.
    const std::string aside = TRY(set_aside(unpacked_path(layer.diff_id)));
    static_cast<void>(os::remove_tree(aside).has_value());
    const auto opened = snapshot::ChangeSetFile::open(changes_path(layer.diff_id));
    const bool whole = opened && opened->verify() && content_.verify(layer.diff_id);
    if (whole) {
      TRY_VOID(index_.adopt(layer.diff_id));
      continue;
    }
    TRY_VOID(index_.forget_layer(layer.diff_id));
    ::unlink(changes_path(layer.diff_id).c_str());
    ::unlink(content_.blob_path(layer.diff_id).c_str());
  }
  if (is_first_after_boot(root, index_.boot_id()))
    for (const std::string& name : TRY(perhaps_torn(root))) {
      const std::string aside = TRY(set_aside(root + "/unpacked/" + name));
      static_cast<void>(os::remove_tree(aside).has_value());
    }
  return note_boot(root, index_.boot_id());
}

std::string LayerStore::changes_path(const oci::Digest& diff_id) const {
  return content_.root() + "/changes/" + diff_id.hex();
}

std::string LayerStore::unpacked_path(const oci::Digest& diff_id) const {
  return content_.root() + "/unpacked/" + diff_id.hex();
}

Result<LayerRow> LayerStore::add_written(content::Ingest tar, const layer::WrittenLayer& written,
                                         const oci::Digest& times, const filetree::StepTimes& step) {
  const LayerRow row{.diff_id = written.diff_id,
                     .change_set = written.change_set_digest,
                     .size = written.size,
                     .times = times,
                     .step = step};
  TRY_VOID(tar.commit(written.diff_id));
  TRY_VOID(write_changes(written.diff_id, written.changes));
  TRY_VOID(index_.add_layer(row));
  // Of the same bytes as a layer that is there, it is that one, with its times.
  return TRY(index_.layer(written.diff_id)).value_or(row);
}

Result<void> LayerStore::write_changes(const oci::Digest& diff_id,
                                       const filetree::ChangeSet& changes) const {
  const std::string path = changes_path(diff_id);
  const std::string bytes = TRY(snapshot::serialise(changes));
  const content::Ingest file = TRY(content_.ingest());
  TRY_VOID(os::write_all(file.fd(), bytes, path));
  // In place of one that is there: that may be damaged.
  if (::rename(file.path().c_str(), path.c_str()) != 0)
    return fail(system_error("can't store the list of a layer's files", path));
  return {};
}

Result<LayerRow> LayerStore::row_of_files(const oci::Digest& diff_id) const {
  const auto opened = TRY(snapshot::ChangeSetFile::open(changes_path(diff_id)));
  TRY_VOID(opened.verify());
  TRY_VOID(content_.verify(diff_id));
  const filetree::ChangeSet changes = TRY(opened.read_all());
  const std::uint64_t size = TRY(content_.size(diff_id));
  return LayerRow{.diff_id = diff_id, .change_set = filetree::change_set_digest(changes), .size = size};
}

Result<std::optional<LayerRow>> LayerStore::find(const oci::Digest& diff_id) {
  if (const auto known = TRY(index_.layer(diff_id))) return known;
  const auto row = row_of_files(diff_id);
  if (!row) return std::nullopt;
  TRY_VOID(index_.add_layer(*row));
  return *row;
}

Result<LayerRow> LayerStore::add(filetree::ChangeSet changes, const snapshot::ContentOpener& open,
                                 const layer::WriteOptions& options) {
  content::Ingest tar = TRY(content_.ingest());
  const layer::WrittenLayer written =
      TRY(layer::write_layer(std::move(changes), open, options, sink_to(tar)));
  return add_written(std::move(tar), written);
}

Result<LayerRow> LayerStore::add_upper(const std::string& upper, filetree::ChangeSet changes,
                                       const layer::WriteOptions& options, const filetree::StepTimes& ran) {
  const auto open = TRY(snapshot::files_of_directory(upper));
  const filetree::StepTimes step = filetree::tell_apart(changes, ran);
  const oci::Digest times = filetree::times_digest(changes, step);
  content::Ingest tar = TRY(content_.ingest());
  const layer::WrittenLayer written =
      TRY(layer::write_layer(std::move(changes), open, options, sink_to(tar)));
  const LayerRow row = TRY(add_written(std::move(tar), written, times, step));
  const std::string target = unpacked_path(row.diff_id);
  // If it is there already, an equal layer was unpacked before: the upper directory isn't needed.
  if (::rename(upper.c_str(), target.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY)
    return fail(system_error("can't keep the unpacked layer", target));
  return row;
}

Result<void> LayerStore::add_unpacked(const LayerRow& layer, const filetree::ChangeSet& changes,
                                      layer::EarlyFiles& early) {
  if (changes.empty()) return {};
  const os::Fd blob = TRY(content_.open_blob(layer.diff_id));
  return layer::unpack_layer(changes, blob.get(), unpacked_path(layer.diff_id), {.early = &early});
}

bool LayerStore::is_present(const LayerRow& layer) const {
  const auto size = content_.size(layer.diff_id);
  return size && *size == layer.size && os::exists(changes_path(layer.diff_id));
}

Result<const snapshot::ChangeSetFile*> LayerStore::changes(const oci::Digest& diff_id) {
  const std::scoped_lock lock(mutex_);
  auto& file = open_changes_[diff_id];
  if (!file) {
    auto opened = TRY(snapshot::ChangeSetFile::open(changes_path(diff_id)));
    file = std::make_unique<snapshot::ChangeSetFile>(std::move(opened));
  }
  return file.get();
}

Result<std::optional<std::vector<LayerRow>>> LayerStore::rows(const std::vector<oci::Digest>& diff_ids) {
  std::vector<LayerRow> rows;
  for (const oci::Digest& diff_id : diff_ids) {
    const auto row = TRY(index_.layer(diff_id));
    if (!row || !os::exists(changes_path(diff_id))) return std::nullopt;
    rows.push_back(*row);
  }
  return rows;
}

Result<snapshot::NamedChain> LayerStore::named(const std::vector<LayerRow>& chain) {
  snapshot::NamedChain named;
  for (const LayerRow& layer : chain) {
    const snapshot::ChangeSetFile* file = TRY(changes(layer.diff_id));
    const bool by_step = !layer.times.is_none();
    named.push_back({.change_set = layer.change_set,
                     .times = layer.times,
                     .step = by_step ? std::optional(layer.step) : std::nullopt,
                     .changes = file});
  }
  return named;
}

Result<bool> LayerStore::may_have_acls(const std::vector<LayerRow>& chain) {
  for (const LayerRow& layer : chain) {
    const snapshot::ChangeSetFile* file = TRY(changes(layer.diff_id));
    if (file->mentions(snapshot::kAclPrefix)) return true;
  }
  return false;
}

Result<snapshot::LayerView> LayerStore::layer_view(const LayerRow& layer) {
  const snapshot::ChangeSetFile* file = TRY(changes(layer.diff_id));
  const std::string blob = content_.blob_path(layer.diff_id);
  return snapshot::LayerView{
      .changes = file, .open = [blob](const Entry& entry) -> Result<filetree::Content> {
        os::Fd fd = TRY(os::open(blob, O_RDONLY));
        return filetree::Content{.fd = std::move(fd), .offset = entry.tar_offset, .size = entry.size};
      }};
}

Result<std::unique_ptr<snapshot::ChainView>> LayerStore::view(const std::vector<LayerRow>& chain,
                                                              std::string name) {
  std::vector<snapshot::LayerView> layers;
  for (const LayerRow& layer : chain) layers.push_back(TRY(layer_view(layer)));
  return std::make_unique<snapshot::ChainView>(std::move(layers), std::move(name));
}

Result<std::string> LayerStore::unpacked(const LayerRow& layer, bool rootless) {
  const std::string path = unpacked_path(layer.diff_id);
  if (os::exists(path)) return path;
  const snapshot::ChangeSetFile* file = TRY(changes(layer.diff_id));
  const filetree::ChangeSet entries = TRY(file->read_all());
  const os::Fd blob = TRY(content_.open_blob(layer.diff_id));
  // In tmp/, where what a killed process leaves is found and cleared (build_lock.h).
  TRY_VOID(layer::unpack_layer(entries, blob.get(), path,
                               {.rootless = rootless, .temporary = content_.temporary_path("unpacked")}));
  return path;
}

Result<std::vector<std::string>> LayerStore::lowerdirs(const std::vector<LayerRow>& chain, bool rootless) {
  std::vector<std::string> directories;
  std::map<oci::Digest, LayerRow> missing;
  for (auto layer = chain.rbegin(); layer != chain.rend(); ++layer) {
    const snapshot::ChangeSetFile* file = TRY(changes(layer->diff_id));
    if (adds_nothing(*file)) continue;
    directories.push_back(unpacked_path(layer->diff_id));
    if (!os::exists(directories.back())) missing.emplace(layer->diff_id, *layer);
  }
  if (missing.empty()) return directories;
  std::vector<LayerRow> rows;
  for (const auto& [diff_id, row] : missing) rows.push_back(row);
  // One chain at a time: two stages on one base would do the same work twice.
  const std::scoped_lock lock(unpacking_);
  const auto unpack = [&](std::size_t i, const std::stop_token&) -> Result<void> {
    TRY(unpacked(rows[i], rootless));
    return {};
  };
  TRY_VOID(os::in_parallel(rows.size(), kUnpackedAtOnce, {}, unpack));
  return directories;
}

void LayerStore::touch(const std::vector<LayerRow>& chain) const {
  constexpr std::int64_t kHour = 3600;
  const std::int64_t now = std::time(nullptr);
  for (const LayerRow& layer : chain) {
    const std::string path = changes_path(layer.diff_id);
    // Without it, the layer only looks older than it is.
    if (now - last_used(layer.diff_id) > kHour)
      static_cast<void>(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0));
  }
}

std::int64_t LayerStore::last_used(const oci::Digest& diff_id) const {
  struct stat status {};
  return ::stat(changes_path(diff_id).c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

Result<void> LayerStore::remove(const oci::Digest& diff_id) {
  // The row first: from then on the layer isn't there.
  TRY_VOID(index_.forget_layer(diff_id));
  {
    const std::scoped_lock lock(mutex_);
    open_changes_.erase(diff_id);
  }
  TRY_VOID(remove_unpacked(diff_id));
  ::unlink(changes_path(diff_id).c_str());
  ::unlink(content_.blob_path(diff_id).c_str());
  return {};
}

Result<void> LayerStore::remove_unpacked(const oci::Digest& diff_id) {
  const std::string aside = TRY(set_aside(unpacked_path(diff_id)));
  return os::remove_tree(aside);
}

Result<std::string> LayerStore::set_aside(const std::string& path) const {
  // Under its own name it is whole or not there.
  std::string aside = content_.temporary_path("removed");
  if (::rename(path.c_str(), aside.c_str()) == 0 || errno == ENOENT) return aside;
  // Only a directory that can be written can get another parent.
  constexpr mode_t kOwner = 0700;
  if (errno == EACCES && ::chmod(path.c_str(), kOwner) == 0 && ::rename(path.c_str(), aside.c_str()) == 0)
    return aside;
  return fail(system_error("can't remove a layer's files", path));
}

std::unique_ptr<PreviousLayer> LayerStore::previous(const LayerRow& layer) {
  const auto file = changes(layer.diff_id);
  auto blob = content_.open_blob(layer.diff_id);
  if (!file || !blob) return nullptr;
  return std::make_unique<PreviousLayer>(**file, std::move(*blob));
}

}  // namespace pgstrata::store
