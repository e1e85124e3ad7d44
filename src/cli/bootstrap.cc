#include "cli/bootstrap.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "bootstrap/apt_sources.h"
#include "bootstrap/base_name.h"
#include "cli/interrupts.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "exporter/exporter.h"
#include "image/tags.h"
#include "oci/reference.h"
#include "os/file.h"
#include "solver/bases.h"
#include "solver/bootstrap_base.h"

namespace pgstrata::cli {
namespace {

struct Options {
  std::string name;
  std::string apt_sources;
  bool load = false;
  bool again = false;
};

Result<oci::Descriptor> make(const Store& store, const oci::Reference& reference) {
  std::stop_source stop;
  const Interrupts interrupts(stop);
  const auto show = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  return solver::bootstrap_base(*store.layers, reference, oci::Platform::host(), show, stop.get_token());
}

Result<int> bootstrap(const GlobalOptions& global, const Options& options) {
  const oci::Reference reference = TRY(oci::Reference::parse(options.name));
  if (!options.apt_sources.empty()) {
    const auto base = bootstrap::parse_base_name(reference.str());
    if (!base)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("{} is no image of Debian's", options.name),
                   .next = "name debian:SUITE or debian:SUITE-slim"});
    const std::string text = TRY(bootstrap::sources_for(base->suite));
    TRY_VOID(os::replace_file(options.apt_sources, text, /*durable=*/true));
  }
  const Store store = TRY(open_store(global));
  solver::Bases bases(*store.layers, {.build_contexts = {},
                                      .pull = options.again,
                                      .make = [&](const oci::Reference& name, const oci::Platform&) {
                                        return make(store, name);
                                      }});
  const solver::Base* base = TRY(bases.resolve(options.name, oci::Platform::host()));
  if (options.load) {
    const exporter::Request request{.images = {{.image = base->image, .chain = base->chain.layers}},
                                    .names = {reference},
                                    .layers = *store.layers,
                                    .source_date_epoch = std::nullopt};
    const auto exported = TRY(exporter::export_docker(request, {.to = exporter::ToEngine{}}));
    for (const std::string& message : exported.messages) fmt::print(stderr, "{}\n", message);
  }
  TRY_VOID(print(base->image.manifest.config.digest.str() + "\n"));
  return 0;
}

}  // namespace

Command add_bootstrap(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "debian:SUITE or debian:SUITE-slim")->required();
  app.add_option(
      "--apt-sources", options->apt_sources,
      "also write the machine's apt sources for that suite to this file, for `docker build --secret`");
  app.add_flag("--load", options->load, "load it into Docker, or else podman");
  app.add_flag("--again", options->again, "make it anew if the store has it");
  return [options, &global] { return bootstrap(global, *options); };
}

}  // namespace pgstrata::cli
