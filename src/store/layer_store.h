// The layers of a store. A layer is three things on the disk, all named by its DiffID:
//
//   blobs/sha256/<hex>   its canonical, uncompressed tar (content/content_store.h)
//   changes/<hex>        its change set with tar offsets (snapshot/change_set_file.h)
//   unpacked/<hex>/      its files as an overlay lowerdir; made when something mounts it first
//
// and a row of the index (cache/index.h), written last: a layer without a row isn't there. The tar
// and the change set are the truth; an unpacked directory can be removed at any time nobody mounts it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/index.h"
#include "content/content_store.h"
#include "core/result.h"
#include "filetree/entry.h"
#include "layer/early_files.h"
#include "layer/tar_writer.h"
#include "snapshot/chain_difference.h"
#include "snapshot/chain_view.h"
#include "store/previous_layer.h"

namespace pgstrata::store {

/// All calls may come from several threads.
class LayerStore {
 public:
  /// `content` and `index` are borrowed. Layers that a power cut may have damaged are verified here, and
  /// forgotten if they are.
  static Result<std::unique_ptr<LayerStore>> open(const content::ContentStore& content,
                                                  cache::Index& index);
  /// The same without verifying or forgetting anything: for who looks at what there is.
  static Result<std::unique_ptr<LayerStore>> open_as_it_is(const content::ContentStore& content,
                                                           cache::Index& index);

  /// Writes a layer from entries and their bytes, without unpacking it.
  Result<cache::LayerRow> add(filetree::ChangeSet changes, const snapshot::ContentOpener& open,
                              const layer::WriteOptions& options);
  /// The same from the upper directory of a finished step, which becomes the unpacked layer. `ran`: when
  /// that was. If a step made the same bytes in the same second before, its layer is what comes back
  /// (`step` of the row tells), and its unpacked files stay.
  Result<cache::LayerRow> add_upper(const std::string& upper, filetree::ChangeSet changes,
                                    const layer::WriteOptions& options, const filetree::StepTimes& ran);
  /// Registers a layer whose tar is at `tar_path` (taken over) and was written as `written`. `times` and
  /// `step` as in LayerRow, of a RUN's.
  Result<cache::LayerRow> add_written(content::Ingest tar, const layer::WrittenLayer& written,
                                      const oci::Digest& times = {}, const filetree::StepTimes& step = {});

  /// Unpacks a layer that was added, with the files of it that are there already; they are used up. For
  /// root of the machine.
  Result<void> add_unpacked(const cache::LayerRow& layer, const filetree::ChangeSet& changes,
                            layer::EarlyFiles& early);

  /// True if the layer's files are there, as far as one look at their names and sizes tells.
  [[nodiscard]] bool is_present(const cache::LayerRow& layer) const;

  /// The row of a layer that an image needs. If the index was begun anew and has none, it is made from the
  /// layer's files once they are verified; nothing if they aren't there or aren't whole.
  Result<std::optional<cache::LayerRow>> find(const oci::Digest& diff_id);
  /// What the row of a layer has to say, as far as its files tell; kCorrupt if they are damaged.
  [[nodiscard]] Result<cache::LayerRow> row_of_files(const oci::Digest& diff_id) const;
  /// Writes the list of the files of a layer whose tar is there already.
  Result<void> write_changes(const oci::Digest& diff_id, const filetree::ChangeSet& changes) const;

  /// The layers with these DiffIDs, or nothing if one of them isn't there any more.
  Result<std::optional<std::vector<cache::LayerRow>>> rows(const std::vector<oci::Digest>& diff_ids);
  /// A chain for chain_difference(). It borrows from this store.
  Result<snapshot::NamedChain> named(const std::vector<cache::LayerRow>& chain);

  /// False if no file of the chain has a POSIX ACL.
  Result<bool> may_have_acls(const std::vector<cache::LayerRow>& chain);

  /// What a merged tree takes from one layer. It borrows from this store.
  Result<snapshot::LayerView> layer_view(const cache::LayerRow& layer);
  /// The merged tree of a chain, bottom first. The view borrows from this store.
  Result<std::unique_ptr<snapshot::ChainView>> view(const std::vector<cache::LayerRow>& chain,
                                                    std::string name);
  /// The directories to mount for a chain, top first; unpacks what isn't yet. Empty layers are left out.
  /// `rootless`: the caller is in a user namespace, where overlay's marks have another name.
  Result<std::vector<std::string>> lowerdirs(const std::vector<cache::LayerRow>& chain, bool rootless);

  /// The bytes of an earlier layer, for add() of one that is mostly the same; nothing if it isn't there.
  std::unique_ptr<PreviousLayer> previous(const cache::LayerRow& layer);

  /// Notes that a build used them now: the time of change of the change-set file. Once an hour is enough,
  /// so that a build that changes nothing writes nothing.
  void touch(const std::vector<cache::LayerRow>& chain) const;
  /// When it was made or touched last, in seconds since the epoch.
  [[nodiscard]] std::int64_t last_used(const oci::Digest& diff_id) const;
  /// Removes the layer with its records, its files in all forms that this class knows. Nobody else may use
  /// the store.
  Result<void> remove(const oci::Digest& diff_id);
  Result<void> remove_unpacked(const oci::Digest& diff_id);

  [[nodiscard]] std::string changes_path(const oci::Digest& diff_id) const;
  [[nodiscard]] std::string unpacked_path(const oci::Digest& diff_id) const;
  [[nodiscard]] const content::ContentStore& content() const { return content_; }
  [[nodiscard]] cache::Index& index() { return index_; }

 private:
  LayerStore(const content::ContentStore& content, cache::Index& index);
  Result<void> verify_after_reboot();
  /// Renames it into tmp/; the new name, under which nothing is if there was nothing.
  [[nodiscard]] Result<std::string> set_aside(const std::string& path) const;
  Result<const snapshot::ChangeSetFile*> changes(const oci::Digest& diff_id);
  Result<std::string> unpacked(const cache::LayerRow& layer, bool rootless);

  const content::ContentStore& content_;
  cache::Index& index_;
  std::mutex mutex_;
  std::map<oci::Digest, std::unique_ptr<snapshot::ChangeSetFile>> open_changes_;
  std::mutex unpacking_;
};

}  // namespace pgstrata::store
