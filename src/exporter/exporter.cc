#include "exporter/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exporter/engine.h"
#include "exporter/layout.h"
#include "exporter/local_directory.h"
#include "exporter/output_file.h"
#include "exporter/push.h"
#include "image/platforms.h"
#include "image/tags.h"
#include "layer/tar_writer.h"

namespace pgstrata::exporter {
namespace {

Request with_names(const Request& request, const std::vector<oci::Reference>& more) {
  Request result = request;
  result.names.insert(result.names.end(), more.begin(), more.end());
  return result;
}

Result<std::vector<std::string>> load(const Layout& layout, const Request& request, std::int64_t mtime) {
  const content::ContentStore& store = request.layers.content();
  const Engine engine = TRY(find_engine(engine_environment()));
  const ArchiveSource archive{.size = TRY(archive_size(layout)), .write = [&](const layer::ByteSink& sink) {
                                return write_archive(layout, store, mtime, sink);
                              }};
  return load_into(engine, archive, store.temporary_path("load"));
}

/// To a file or to standard output.
Result<OutputFile> open_output(const Destination& to) {
  const auto* file = std::get_if<ToFile>(&to);
  return file != nullptr ? OutputFile::create(file->path) : OutputFile::standard_output();
}

/// As buildx: an engine has no place for them, and neither has a directory of the files.
void say_left_out(const Request& request, const char* where, Exported& exported) {
  const auto has_some = [](const PlatformImage& one) { return !one.attestations.empty(); };
  if (std::any_of(request.images.begin(), request.images.end(), has_some))
    exported.messages.push_back(fmt::format("attestations are left out of {}", where));
}

/// The destination is looked at before layers are compressed: that may take long.
Result<Exported> export_layout(const Request& request, const Destination& to,
                               const Compression& compression, LayoutKind kind) {
  const content::ContentStore& store = request.layers.content();
  const std::int64_t mtime = request.source_date_epoch.value_or(0);
  Exported exported;
  if (std::holds_alternative<ToEngine>(to)) {
    const Layout layout = TRY(make_layout(request, compression, kind));
    exported.messages = TRY(load(layout, request, mtime));
    exported.manifest = layout.manifest;
  } else if (const auto* directory = std::get_if<ToDirectory>(&to)) {
    const Layout layout = TRY(make_layout(request, compression, kind));
    TRY_VOID(write_directory(layout, store, directory->path));
    exported.manifest = layout.manifest;
  } else {
    OutputFile out = TRY(open_output(to));
    const Layout layout = TRY(make_layout(request, compression, kind));
    TRY_VOID(write_archive(layout, store, mtime, out.sink()));
    TRY_VOID(out.commit());
    exported.manifest = layout.manifest;
  }
  if (kind == LayoutKind::kDocker) say_left_out(request, "what an engine loads", exported);
  return exported;
}

std::string tree_name(const Request& request, const PlatformImage& one) {
  return request.names.empty() ? one.image.descriptor.digest.str() : request.names.front().familiar();
}

/// "linux_arm64".
std::string directory_of(const PlatformImage& one) {
  std::string name = platform_of(one).str();
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

/// A root file system with its entries as they stand in the output.
struct Tree {
  std::unique_ptr<snapshot::ChainView> view;
  std::string directory;  ///< what the paths of the entries begin with, or ""
};

std::string below(const std::string& directory, const std::string& path) {
  return directory.empty() ? path : path.empty() ? directory : directory + "/" + path;
}

Result<void> add_entries(const Tree& tree, filetree::ChangeSet& entries) {
  for (filetree::Entry& entry : TRY(tree.view->walk(""))) {
    if (entry.path.empty() && tree.directory.empty()) continue;
    entry.path = below(tree.directory, entry.path);
    if (entry.type == filetree::EntryType::kHardLink) entry.link = below(tree.directory, entry.link);
    // What says something about layers says nothing about the merged tree.
    entry.opaque = entry.implied = false;
    entries.push_back(std::move(entry));
  }
  return {};
}

/// Before anything is written: no two platforms have a file of one name. Directories are merged.
Result<void> check_disjoint(const Request& request) {
  if (request.images.size() < 2) return {};
  std::map<std::string, oci::Platform> owners;
  for (const PlatformImage& one : request.images) {
    const auto view = TRY(request.layers.view(one.chain, tree_name(request, one)));
    for (const filetree::Entry& entry : TRY(view->walk(""))) {
      if (entry.type == filetree::EntryType::kDirectory) continue;
      const auto [owner, is_new] = owners.try_emplace(entry.path, platform_of(one));
      if (!is_new)
        return fail(
            {.kind = ErrorKind::kUsage,
             .what = "the platforms' files can't be put into one directory",
             .where = "/" + entry.path,
             .why = fmt::format("{} and {} both have it", owner->second.str(), platform_of(one).str()),
             .next = "leave platform-split=false out, or name the files by TARGETARCH"});
    }
  }
  return {};
}

/// The content of an entry of the output.
Result<filetree::Content> open_entry(const std::vector<Tree>& trees, filetree::Entry entry) {
  for (const Tree& tree : trees) {
    if (!tree.directory.empty() && !entry.path.starts_with(tree.directory + "/")) continue;
    if (!tree.directory.empty()) entry.path.erase(0, tree.directory.size() + 1);
    return tree.view->open(entry);
  }
  return fail({.kind = ErrorKind::kCorrupt, .what = "an entry of no image", .where = entry.path});
}

struct Visitor {
  const Request& request;
  Result<Exported> operator()(const OciOutput& output) const { return export_oci(request, output); }
  Result<Exported> operator()(const DockerOutput& output) const { return export_docker(request, output); }
  Result<Exported> operator()(const TarOutput& output) const { return export_tar(request, output); }
  Result<Exported> operator()(const LocalOutput& output) const { return export_local(request, output); }
  Result<Exported> operator()(const ImageOutput& output) const { return export_to_store(request, output); }
};

}  // namespace

Result<Exported> export_oci(const Request& request, const OciOutput& output) {
  return export_layout(with_names(request, output.names), output.to, output.compression, LayoutKind::kOci);
}

Result<Exported> export_docker(const Request& request, const DockerOutput& output) {
  TRY_VOID(check_platforms(output, request.images.size()));
  return export_layout(with_names(request, output.names), output.to, output.compression,
                       LayoutKind::kDocker);
}

Result<Exported> export_tar(const Request& request, const TarOutput& output) {
  OutputFile out = TRY(open_output(output.to));
  std::vector<Tree> trees;
  filetree::ChangeSet entries;
  for (const PlatformImage& one : request.images) {
    auto view = TRY(request.layers.view(one.chain, tree_name(request, one)));
    trees.push_back(
        {.view = std::move(view), .directory = request.images.size() == 1 ? "" : directory_of(one)});
    TRY_VOID(add_entries(trees.back(), entries));
  }
  const auto open = [&trees](const filetree::Entry& entry) { return open_entry(trees, entry); };
  static_cast<void>(TRY(layer::write_layer(std::move(entries), open,
                                           {.source_date_epoch = request.source_date_epoch}, out.sink())));
  TRY_VOID(out.commit());
  Exported exported;
  say_left_out(request, "the root file system's tar", exported);
  return exported;
}

Result<Exported> export_local(const Request& request, const LocalOutput& output) {
  Exported exported;
  const bool split = output.platform_split.value_or(request.images.size() > 1);
  if (!split) TRY_VOID(check_disjoint(request));
  for (const PlatformImage& one : request.images) {
    const auto view = TRY(request.layers.view(one.chain, tree_name(request, one)));
    const std::string directory = below(output.directory, split ? directory_of(one) : "");
    const auto messages = TRY(write_local(*view, directory, request.source_date_epoch));
    exported.messages.insert(exported.messages.end(), messages.begin(), messages.end());
  }
  say_left_out(request, "the directory of the root file system", exported);
  return exported;
}

Result<Exported> export_to_store(const Request& request, const ImageOutput& output) {
  const Request named = with_names(request, output.names);
  std::vector<oci::Descriptor> manifests;
  for (const PlatformImage& one : request.images) manifests.push_back(one.image.descriptor);
  Exported exported;
  exported.manifest = TRY(image::join(request.layers.content(), std::move(manifests)));
  TRY_VOID(image::set_tags(request.layers.content(), named.names, exported.manifest));
  if (!output.push) return exported;
  for (const oci::Reference& name : named.names) {
    const registry::Repository repository = TRY(request.repository(name));
    const Pushed pushed =
        TRY(push(request, repository, name, {.compression = output.compression, .stop = request.stop}));
    exported.manifest = pushed.manifest;
    exported.messages.push_back(in_words(name, pushed));
  }
  return exported;
}

Result<Exported> export_image(const Request& request, const Output& output) {
  return std::visit(Visitor{request}, output);
}

}  // namespace pgstrata::exporter
