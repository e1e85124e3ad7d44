#include "solver/bootstrap_base.h"

#include <fmt/format.h>
#include <unistd.h>

#include "image/image.h"
#include "image/tags.h"
#include "layer/archive_tree.h"
#include "os/file.h"
#include "solver/bases.h"

namespace pgstrata::solver {
namespace {

Result<oci::Descriptor> write_image(const content::ContentStore& content, const cache::LayerRow& layer,
                                    const bootstrap::BootstrappedBase& base,
                                    const oci::Platform& platform) {
  oci::ImageConfig config;
  config.created = oci::format_time(base.epoch * 1'000'000'000);
  config.platform = platform;
  config.config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  config.config.cmd = {{"bash"}};
  for (const auto& [name, value] : base.labels) config.config.labels[name] = value;
  config.config.labels[kBootstrapLabel] = base.codename;
  config.history = {{.created = config.created,
                     .created_by = fmt::format("pgstrata bootstrap {}", base.name),
                     .comment = "from Debian's packages, by mmdebstrap"}};
  return image::write(content, std::move(config), {{layer.diff_id, layer.size}});
}

Error cannot_bootstrap(const oci::Reference& reference) {
  return {.kind = ErrorKind::kUsage,
          .what = fmt::format("{} can't be made from packages", reference.familiar()),
          .why = "only debian:SUITE and debian:SUITE-slim, for this machine's platform, can",
          .next = "pgstrata pull gets an image from its registry"};
}

}  // namespace

Result<oci::Descriptor> bootstrap_base(store::LayerStore& layers, const oci::Reference& reference,
                                       const oci::Platform& platform,
                                       const bootstrap::ProgressLine& progress, std::stop_token stop) {
  const auto name = bootstrap::parse_base_name(reference.str());
  if (!name || platform != oci::Platform::host()) return fail(cannot_bootstrap(reference));
  const content::ContentStore& content = layers.content();
  const std::string work = content.temporary_path("bootstrap");
  const std::string elsewhere = content.temporary_path("elsewhere");
  TRY_VOID(os::make_directories(work, 0700));
  auto made = [&]() -> Result<oci::Descriptor> {
    const std::string tar = work + "/base.tar";
    const auto base = TRY(bootstrap::bootstrap(*name,
                                               {.output = tar,
                                                .package_cache = content.root() + "/packages",
                                                .temporary = "",
                                                .temporary_link = elsewhere},
                                               progress, stop));
    const auto nothing_below = TRY(layers.view({}, "scratch"));
    content::Ingest blob = TRY(content.ingest());
    const int fd = blob.fd();
    layer::TarReader archive = TRY(layer::TarReader::open(tar));
    const auto written = TRY(layer::import_layer(
        std::move(archive), *nothing_below, {.spool_directory = work, .source_date_epoch = base.epoch},
        [&](std::span<const std::byte> bytes) { return os::write_all(fd, bytes, tar); }));
    const cache::LayerRow layer = TRY(layers.add_written(std::move(blob), written));
    oci::Descriptor manifest = TRY(write_image(content, layer, base, platform));
    TRY_VOID(image::set_tags(content, {reference}, manifest));
    return manifest;
  }();
  ::unlink(elsewhere.c_str());
  TRY_VOID(os::remove_tree(work));
  return made;
}

}  // namespace pgstrata::solver
