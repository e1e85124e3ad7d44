#include "fsck/restore.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "image/tags.h"
#include "layer/decompress.h"
#include "layer/layer_in_place.h"
#include "layer/tar_writer.h"
#include "os/file.h"
#include "snapshot/chain_view.h"
#include "snapshot/change_set_file.h"
#include "snapshot/content.h"

namespace pgstrata::fsck {
namespace {

Error another(const std::string& what, const std::string& where) {
  return {.kind = ErrorKind::kCorrupt, .what = what, .where = where, .why = "it gives another digest"};
}

struct Repair {
  store::LayerStore& layers;

  Result<void> operator()(const Remove& remove) const {
    // Aside first: whoever finds it under its own name finds all of it.
    const std::string path = layers.content().root() + "/" + remove.path;
    const std::string aside = layers.content().temporary_path("removed");
    if (std::rename(path.c_str(), aside.c_str()) != 0)
      return errno == ENOENT ? Result<void>{} : fail(system_error("can't remove", path));
    return os::remove_tree(aside);
  }
  Result<void> operator()(const ForgetLayer& forget) const { return layers.remove(forget.layer); }
  Result<void> operator()(const RestoreTar& restore) const {
    content::Ingest tar = TRY(layers.content().ingest());
    const auto sink = [&tar](std::span<const std::byte> bytes) {
      return os::write_all(tar.fd(), bytes, tar.path());
    };
    TRY_VOID(make_tar(layers, restore.layer, restore.source, sink));
    return tar.commit(restore.layer);
  }
  Result<void> operator()(const RestoreChanges& restore) const {
    const filetree::ChangeSet changes = TRY(make_changes(layers, restore.layer));
    return layers.write_changes(restore.layer, changes);
  }
  Result<void> operator()(const RestoreRow& restore) const {
    const cache::LayerRow row = TRY(layers.row_of_files(restore.layer));
    TRY_VOID(layers.index().forget_layer(restore.layer));
    return layers.index().add_layer(row);
  }
  Result<void> operator()(const ForgetRun& forget) const { return layers.index().forget_run(forget.run); }
  /// Done before there are layers (cli/check_store.cc).
  Result<void> operator()(const BeginIndexAnew& /*unused*/) const { return {}; }
  Result<void> operator()(const RestoreList& /*unused*/) const {
    return image::restore_list(layers.content());
  }
  Result<void> operator()(const ByHand& /*unused*/) const { return {}; }
};

}  // namespace

Result<void> make_tar(store::LayerStore& layers, const oci::Digest& layer, const TarSource& source,
                      const layer::ByteSink& sink) {
  if (const auto* compressed = std::get_if<FromCompressed>(&source)) {
    const std::string path = layers.content().blob_path(compressed->blob);
    const os::Fd blob = TRY(layers.content().open_blob(compressed->blob));
    const auto tar = TRY(layer::decompress(blob.get(), path, UINT64_MAX, sink));
    if (tar.digest != layer) return fail(another("it isn't a form of the layer", path));
    return {};
  }
  const auto file = TRY(snapshot::ChangeSetFile::open(layers.changes_path(layer)));
  filetree::ChangeSet changes = TRY(file.read_all());
  const std::string unpacked = layers.unpacked_path(layer);
  const auto open = TRY(snapshot::files_of_directory(unpacked));
  const auto written = TRY(layer::write_layer(std::move(changes), open, {}, sink));
  if (written.diff_id != layer) return fail(another("the unpacked layer isn't whole", unpacked));
  return {};
}

Result<filetree::ChangeSet> make_changes(store::LayerStore& layers, const oci::Digest& layer) {
  const std::string tar = layers.content().blob_path(layer);
  auto entries = TRY(layer::read_in_place(tar));
  if (!entries)
    return fail({.kind = ErrorKind::kCorrupt, .what = "it can't be used where it lies", .where = tar});
  const snapshot::ChainView nothing({}, "no layers");
  filetree::ChangeSet changes = TRY(layer::changes_in_place(*std::move(entries), nothing));
  const auto row = TRY(layers.index().layer(layer));
  if (row && row->change_set != filetree::change_set_digest(changes))
    return fail(another("the list of its files can't be made from it", tar));
  return changes;
}

Result<void> repair(store::LayerStore& layers, const Remedy& remedy) {
  return std::visit(Repair{layers}, remedy);
}

}  // namespace pgstrata::fsck
