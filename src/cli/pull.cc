#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/image_verbs.h"
#include "cli/interrupts.h"
#include "cli/registries.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "image/image.h"
#include "importer/registry_image.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::cli {
namespace {

struct PullVerb {
  std::string name;
  std::string platform;
  bool quiet = false;
};

Result<int> pull(const GlobalOptions& global, const PullVerb& options) {
  const oci::Reference name = TRY(oci::Reference::parse(options.name));
  importer::PullOptions how;
  how.layer_limit = TRY(layer_limit());
  if (!options.platform.empty()) how.platform = TRY(oci::Platform::parse(options.platform));
  how.unpack = sandbox::is_root_of_machine();
  Store store = TRY(open_store(global));
  Registries registries(remote::Proxies::from({}));
  std::vector<registry::Repository> places = TRY(registries.to_read(name));
  if (!options.quiet)
    how.note = how.progress = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  std::stop_source stop;
  const Interrupts interrupts(stop);
  how.stop = stop.get_token();
  const importer::Pulled pulled = TRY(importer::pull(*store.layers, std::move(places), name, how));
  const image::Image image = TRY(image::load(*store.content, pulled.manifest));
  if (!options.quiet)
    fmt::print(stderr, "{} {}\n", name.familiar(), pulled.is_new ? "is in the store now" : "is up to date");
  TRY_VOID(print(image.manifest.config.digest.str() + "\n"));
  return 0;
}

}  // namespace

Command add_pull(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<PullVerb>();
  app.add_option("NAME", options->name, "[REGISTRY/]NAME[:TAG][@DIGEST]")->required();
  app.add_option("--platform", options->platform, "os/arch of the image (default: this machine's)");
  app.add_flag("-q,--quiet", options->quiet, "print nothing but the image's ID");
  return [options, &global] { return pull(global, *options); };
}

}  // namespace pgstrata::cli
