#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/image_verbs.h"
#include "cli/reclaim.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "prune/inventory.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Usage {
  struct Image {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint64_t shared = 0;  ///< of these, layers that other images have, too
  };
  std::vector<Image> images;
  std::uint64_t layers = 0;  ///< of images, each counted once
  std::uint64_t cached = 0;  ///< layers and blobs that only builds may want again
  std::uint64_t unpacked = 0;
  std::uint64_t compressed = 0;
  std::uint64_t mounts = 0;
  std::uint64_t downloads = 0;
  std::uint64_t other = 0;
  std::uint64_t total = 0;
};

Usage usage_of(const prune::Inventory& inventory) {
  Usage usage{.images = {}, .other = inventory.other_bytes, .total = inventory.total()};
  std::map<oci::Digest, std::uint64_t> bytes;
  for (const prune::Item& item : inventory.items) {
    switch (item.kind) {
      case prune::Kind::kLayer:
        bytes[item.layer] = item.bytes;
        (item.needed ? usage.layers : usage.cached) += item.bytes;
        break;
      case prune::Kind::kBlob:
        (item.needed ? usage.layers : usage.cached) += item.bytes;
        break;
      case prune::Kind::kUnpacked:
        usage.unpacked += item.bytes;
        break;
      case prune::Kind::kCompressed:
        usage.compressed += item.bytes;
        break;
      case prune::Kind::kCacheMount:
        usage.mounts += item.bytes;
        break;
      case prune::Kind::kDownload:
        usage.downloads += item.bytes;
        break;
    }
  }
  // Names of one image share everything, and that isn't what is meant.
  std::map<oci::Digest, std::set<oci::Digest>> images_of;
  for (const prune::ImageUse& image : inventory.images)
    for (const oci::Digest& layer : image.layers) images_of[layer].insert(image.id);
  for (const prune::ImageUse& image : inventory.images) {
    Usage::Image& line = usage.images.emplace_back();
    line.name = image.name;
    for (const oci::Digest& layer : std::set<oci::Digest>(image.layers.begin(), image.layers.end())) {
      line.bytes += bytes[layer];
      if (images_of[layer].size() > 1) line.shared += bytes[layer];
    }
  }
  return usage;
}

std::string table(const Usage& usage) {
  std::size_t width = 12;
  for (const Usage::Image& image : usage.images) width = std::max(width, image.name.size());
  std::string text =
      fmt::format("{:<{}}  {:>10}  {:>10}  {:>10}\n", "IMAGE", width, "SIZE", "SHARED", "ITS OWN");
  for (const Usage::Image& image : usage.images)
    text +=
        fmt::format("{:<{}}  {:>10}  {:>10}  {:>10}\n", image.name, width, prune::size_text(image.bytes),
                    prune::size_text(image.shared), prune::size_text(image.bytes - image.shared));
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"images", usage.layers},       {"build cache", usage.cached},
      {"unpacked", usage.unpacked},   {"compressed", usage.compressed},
      {"cache mounts", usage.mounts}, {"downloads", usage.downloads},
      {"other", usage.other},         {"all", usage.total}};
  text += "\n";
  for (const auto& [name, bytes] : rows)
    text += fmt::format("{:<{}}  {:>10}\n", name, width, prune::size_text(bytes));
  return text;
}

std::string json(const Usage& usage) {
  Json images = Json::array();
  for (const Usage::Image& image : usage.images)
    images.push_back({{"name", image.name}, {"bytes", image.bytes}, {"shared", image.shared}});
  const Json all = {
      {"images", std::move(images)},  {"image_layers", usage.layers},   {"build_cache", usage.cached},
      {"unpacked", usage.unpacked},   {"compressed", usage.compressed}, {"cache_mounts", usage.mounts},
      {"downloads", usage.downloads}, {"other", usage.other},           {"total", usage.total}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<int> du(const GlobalOptions& global, const std::string& format) {
  TRY_VOID(sandbox::enter_namespaces());
  Store store = TRY(open_store(global));
  const std::set<oci::Digest> held = TRY(held_by_containers(global.root));
  const prune::Inventory inventory = TRY(prune::take_inventory(*store.layers, held));
  const Usage usage = usage_of(inventory);
  TRY_VOID(print(format == "json" ? json(usage) : table(usage)));
  return 0;
}

}  // namespace

Command add_du(CLI::App& app, const GlobalOptions& global) {
  const auto format = std::make_shared<std::string>("table");
  app.add_option("--format", *format, "table, or json with exact bytes")
      ->check(CLI::IsMember({"table", "json"}));
  return [format, &global] { return du(global, *format); };
}

}  // namespace pgstrata::cli
