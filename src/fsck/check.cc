#include "fsck/check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "attest/attestation.h"
#include "fsck/restore.h"
#include "fsck/unpacked.h"
#include "image/image.h"
#include "image/platforms.h"
#include "oci/reference.h"
#include "os/file.h"
#include "snapshot/change_set_file.h"
#include "store/compressed_forms.h"

namespace pgstrata::fsck {
namespace {

using Why = std::optional<std::string>;  ///< what is wrong, if something is

std::optional<oci::Digest> digest_of(const std::string& hex) {
  const auto digest = oci::Digest::parse("sha256:" + hex);
  return digest ? std::optional(*digest) : std::nullopt;
}

std::string text_of(const Error& error) { return error.why.empty() ? error.what : error.why; }

Result<void> nowhere(std::span<const std::byte> /*unused*/) { return {}; }

/// Names of the directory, none if it isn't there.
Result<std::vector<std::string>> names_in(const std::string& directory) {
  auto names = os::names_in(directory);
  if (!names && names.error().kind == ErrorKind::kNotFound) return std::vector<std::string>{};
  return names;
}

class Check {
 public:
  Check(store::LayerStore& layers, const std::set<oci::Digest>& held, const Names& names)
      : layers_(layers), content_(layers.content()), held_(held), names_(names) {
    report_.alone = names.alone;
    for (const cache::LayerRow& row : names.rows) rows_.emplace(row.diff_id, row);
  }

  Result<Report> run() {
    if (names_.tags)
      for (const image::Tagged& tagged : *names_.tags) image(tagged);
    else
      add("index.json", "the list of images can't be read: " + text_of(names_.tags.error()),
          ByHand{names_.tags.error().next});
    if (names_.tags && image::is_list_damaged(content_))
      add("index.json", "the list of images can't be read", RestoreList{});
    for (const oci::Digest& layer : held_) needed_by_[layer];
    TRY_VOID(blobs());
    forms();
    TRY_VOID(all_layers());
    lost_images();
    compressed();
    TRY_VOID(other_blobs());
    for (const std::int64_t run : TRY(layers_.index().damaged_runs()))
      add("index.db", fmt::format("what RUN number {} asked can't be read", run), ForgetRun{run});
    if (names_.alone)
      for (const std::string& name : names_.temporary)
        add("tmp/" + name, "a build that was killed left it", Remove{"tmp/" + name});
    return std::move(report_);
  }

 private:
  void add(std::string what, std::string why, Remedy remedy) {
    report_.findings.push_back({std::move(what), std::move(why), std::move(remedy)});
  }
  void add_lost(const std::string& name, std::string why) {
    add(name, std::move(why),
        ByHand{fmt::format("pull it or build it again, or remove its name with pgstrata rmi {}", name)});
  }

  void image(const image::Tagged& tagged) {
    ++report_.images;
    const auto reference = oci::Reference::parse(tagged.name);
    const std::string name = reference ? reference->familiar() : tagged.name;
    named_.insert(tagged.manifest.digest);
    const auto manifests = image::manifests(content_, tagged.manifest);
    if (!manifests) return add_lost(name, "it is lost: " + manifests.error().message());
    for (const oci::Descriptor& manifest : *manifests) image_of_a_platform(name, manifest);
  }

  void image_of_a_platform(const std::string& name, const oci::Descriptor& manifest) {
    named_.insert(manifest.digest);
    const auto image = image::load(content_, manifest);
    if (!image) return add_lost(name, "it is lost: " + image.error().message());
    named_.insert(image->manifest.config.digest);
    for (const oci::Digest& layer : image->config.diff_ids) {
      auto& names = needed_by_[layer];
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    attestations(name, manifest);
  }

  void attestations(const std::string& name, const oci::Descriptor& manifest) {
    for (const oci::Digest& blob : attest::blobs(content_, manifest)) named_.insert(blob);
    const auto whole = attest::predicates(content_, manifest);
    if (!whole)
      add(name, "its attestations are damaged: " + whole.error().message(),
          ByHand{"build it again; the image itself is not concerned"});
  }

  Result<void> blobs() {
    for (const std::string& hex : names_.blobs) {
      const auto digest = digest_of(hex);
      if (!digest) continue;
      const auto size = content_.size(*digest);
      if (!size) continue;  // a build has replaced or removed it meanwhile
      ++report_.blobs;
      report_.bytes += *size;
      const auto whole = content_.verify(*digest);
      if (!whole && whole.error().kind != ErrorKind::kCorrupt) return fail(whole.error());
      blobs_.emplace(*digest, whole ? Why{} : Why{text_of(whole.error())});
    }
    return {};
  }

  [[nodiscard]] bool is_whole(const oci::Digest& blob) const {
    const auto found = blobs_.find(blob);
    return found != blobs_.end() && !found->second;
  }

  void forms() {
    for (const std::string& name : names_.compressed) {
      const std::size_t slash = name.find('/');
      const auto layer = digest_of(name.substr(slash + 1));
      if (!layer) continue;
      const auto blob = store::blob_of_form(content_, name.substr(0, slash), *layer);
      forms_.push_back({.name = "compressed/" + name, .layer = *layer, .blob = blob});
      if (blob) named_.insert(blob->digest);
    }
  }

  Result<void> all_layers() {
    std::set<oci::Digest> all;
    for (const auto& [layer, row] : rows_) all.insert(layer);
    for (const auto& [layer, names] : needed_by_) all.insert(layer);
    for (const auto* names : {&names_.changes, &names_.unpacked})
      for (const std::string& name : *names)
        if (const auto layer = digest_of(name)) all.insert(*layer);
    for (const oci::Digest& layer : all) {
      named_.insert(layer);
      TRY_VOID(one_layer(layer));
    }
    return {};
  }

  Result<void> one_layer(const oci::Digest& layer) {
    const bool has_row = rows_.contains(layer);
    if (!has_row && !needed_by_.contains(layer)) {
      if (names_.alone)
        add("changes/" + layer.hex(), "a layer that neither the index nor an image names",
            ForgetLayer{layer});
      return {};
    }
    ++report_.layers;
    filetree::ChangeSet changes;
    const Why list = read_changes(layer, changes);
    const Why tar = blobs_.contains(layer) ? blobs_[layer] : Why{"it isn't there"};
    if (!tar && !list && has_row) check_row(layer, changes);
    if (!tar && !list && !has_row)
      add("changes/" + layer.hex(), "an image needs the layer, and the index doesn't know it",
          RestoreRow{layer});
    if (tar && !add_restored_tar(layer, *tar, !list)) return {};
    if (list && !add_restored_changes(layer, *list, tar ? nullptr : &changes)) return {};
    if ((tar || list) && !has_row)
      add("index.db", fmt::format("it doesn't know the layer {}", layer.str()), RestoreRow{layer});
    return unpacked(layer, tar && list ? nullptr : &changes);
  }

  [[nodiscard]] Why read_changes(const oci::Digest& layer, filetree::ChangeSet& changes) const {
    const auto file = snapshot::ChangeSetFile::open(layers_.changes_path(layer));
    if (!file) return text_of(file.error());
    if (const auto whole = file->verify(); !whole) return text_of(whole.error());
    auto all = file->read_all();
    if (!all) return text_of(all.error());
    changes = *std::move(all);
    return {};
  }

  void check_row(const oci::Digest& layer, const filetree::ChangeSet& changes) {
    const cache::LayerRow& row = rows_.at(layer);
    const auto size = content_.size(layer);
    if (size && (*size != row.size || filetree::change_set_digest(changes) != row.change_set))
      add("index.db", fmt::format("what it says of the layer {} isn't true", layer.str()),
          RestoreRow{layer});
  }

  /// False if that can't be done, and the layer is lost.
  bool add_restored_tar(const oci::Digest& layer, const std::string& why, bool has_changes) {
    const std::string path = "blobs/sha256/" + layer.hex();
    std::vector<TarSource> sources;
    for (const Form& form : forms_)
      if (form.layer == layer && form.blob && is_whole(form.blob->digest))
        sources.emplace_back(FromCompressed{form.blob->digest});
    if (has_changes && os::exists(layers_.unpacked_path(layer))) sources.emplace_back(FromUnpacked{});
    for (const TarSource& source : sources)
      if (make_tar(layers_, layer, source, nowhere)) {
        add(path, why, RestoreTar{layer, source});
        return true;
      }
    lose(layer, path, why);
    return false;
  }

  /// `changes`: gets them; null if there is no tar yet, and they can only be made when there is.
  bool add_restored_changes(const oci::Digest& layer, const std::string& why,
                            filetree::ChangeSet* changes) {
    const std::string path = "changes/" + layer.hex();
    auto made = changes != nullptr ? make_changes(layers_, layer) : filetree::ChangeSet{};
    if (!made) {
      lose(layer, path, why);
      return false;
    }
    if (changes != nullptr) *changes = *std::move(made);
    add(path, why, RestoreChanges{layer});
    return true;
  }

  void lose(const oci::Digest& layer, const std::string& path, const std::string& why) {
    lost_.emplace(layer, why);
    // Nothing is left of it but the name in an image.
    if (!rows_.contains(layer) && !os::exists(content_.root() + "/" + path) &&
        !os::exists(layers_.changes_path(layer)) && !os::exists(layers_.unpacked_path(layer)))
      return;
    if (held_.contains(layer))
      add(path, why, ByHand{"a container uses the layer: remove that, and check again"});
    else
      add(path, why, ForgetLayer{layer});
  }

  /// Without `changes` nobody can say whether it is whole.
  Result<void> unpacked(const oci::Digest& layer, const filetree::ChangeSet* changes) {
    const std::string path = layers_.unpacked_path(layer);
    if (!os::exists(path)) return {};
    ++report_.unpacked;
    Why difference = "the list of its files is damaged";
    if (changes != nullptr) difference = TRY(first_difference(path, *changes));
    if (!difference) return {};
    const std::string name = "unpacked/" + layer.hex();
    if (held_.contains(layer))
      add(name, *difference, ByHand{"a container uses it: remove that, and check again"});
    else
      add(name, *difference, Remove{name});
    return {};
  }

  void lost_images() {
    for (const auto& [layer, why] : lost_)
      for (const std::string& name : needed_by_[layer])
        add_lost(name, fmt::format("its layer {} is lost: {}", layer.str(), why));
  }

  void compressed() {
    for (const Form& form : forms_) {
      if (!form.blob)
        add(form.name, "it can't be read", Remove{form.name});
      else if (!is_whole(form.blob->digest) ||
               content_.size(form.blob->digest).value_or(0) != form.blob->size)
        add(form.name, "the blob that it names is damaged or missing", Remove{form.name});
    }
  }

  /// Manifests and configurations, forms, and what nothing names. What was an image's and is no longer is
  /// for prune.
  Result<void> other_blobs() {
    for (const auto& [blob, why] : blobs_) {
      const std::string name = "blobs/sha256/" + blob.hex();
      if (needed_by_.contains(blob) || rows_.contains(blob)) continue;
      if (why)
        add(name, *why, Remove{name});
      else if (names_.alone && !named_.contains(blob) && !TRY(is_json(blob)))
        add(name, "nothing names it", Remove{name});
    }
    return {};
  }

  [[nodiscard]] Result<bool> is_json(const oci::Digest& blob) const {
    const os::Fd fd = TRY(content_.open_blob(blob));
    char first = 0;
    return ::read(fd.get(), &first, 1) == 1 && first == '{';
  }

  struct Form {
    std::string name;
    oci::Digest layer;
    std::optional<store::StoredBlob> blob;
  };

  store::LayerStore& layers_;
  const content::ContentStore& content_;
  const std::set<oci::Digest>& held_;
  const Names& names_;
  std::map<oci::Digest, cache::LayerRow> rows_;
  std::map<oci::Digest, Why> blobs_;
  std::map<oci::Digest, std::vector<std::string>> needed_by_;  ///< images; none for what containers hold
  std::set<oci::Digest> named_;
  std::map<oci::Digest, std::string> lost_;
  std::vector<Form> forms_;
  Report report_;
};

}  // namespace

Result<Names> list_names(store::LayerStore& layers, bool alone) {
  const std::string& root = layers.content().root();
  Names names{.tags = image::list_tags(layers.content())};
  names.alone = alone && names.tags;
  names.rows = TRY(layers.index().layers());
  names.blobs = TRY(names_in(root + "/blobs/sha256"));
  names.changes = TRY(names_in(root + "/changes"));
  names.unpacked = TRY(names_in(root + "/unpacked"));
  names.temporary = TRY(names_in(root + "/tmp"));
  for (const std::string& form : TRY(names_in(root + "/compressed")))
    for (const std::string& hex : TRY(names_in(root + "/compressed/" + form)))
      names.compressed.push_back(form + "/" + hex);
  return names;
}

Result<Report> check(store::LayerStore& layers, const std::set<oci::Digest>& held, const Names& names) {
  return Check(layers, held, names).run();
}

}  // namespace pgstrata::fsck
