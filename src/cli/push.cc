#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <future>

#include "cli/image_verbs.h"
#include "cli/interrupts.h"
#include "cli/pushing.h"
#include "cli/registries.h"
#include "cli/signing.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "exporter/push.h"
#include "remote/curl_library.h"
#include "solver/bases.h"

namespace pgstrata::cli {
namespace {

struct PushVerb {
  std::string name;
  std::string compression = "gzip";
  std::string sign_key;
  bool allow_bootstrap = false;
  bool quiet = false;
};

exporter::Compression compression_of(const std::string& name) {
  return {.codec = name == "zstd" ? exporter::Codec::kZstd : exporter::Codec::kGzip};
}

Result<int> push(const GlobalOptions& global, const PushVerb& options) {
  const oci::Reference name = TRY(oci::Reference::parse(options.name));
  if (!options.sign_key.empty()) TRY_VOID(find_cosign());
  // It takes as long as finding the image does. Who needs it and hasn't got it says so.
  const auto loading =
      std::async(std::launch::async, [] { static_cast<void>(remote::curl_library().has_value()); });
  Store store = TRY(open_store(global));
  const StoredImage stored = TRY(find_image(*store.content, options.name));
  auto images = TRY(all_platforms(store, stored));
  for (const exporter::PlatformImage& one : images)
    TRY_VOID(check_pushable(one.image.config, options.allow_bootstrap));
  Registries registries(remote::Proxies::from({}));
  const registry::Repository repository = TRY(registries.to_write(name));
  std::stop_source stop;
  const Interrupts interrupts(stop);
  const exporter::Request request{.images = std::move(images), .names = {name}, .layers = *store.layers};
  const exporter::Pushed pushed =
      TRY(exporter::push(request, repository, name,
                         {.compression = compression_of(options.compression), .stop = stop.get_token()}));
  if (!options.quiet) fmt::print(stderr, "{}\n", exporter::in_words(name, pushed));
  const bool is_insecure = repository.registry().base().starts_with("http://");
  if (!options.sign_key.empty())
    TRY_VOID(sign(name, pushed.manifest.digest, options.sign_key, is_insecure, stop.get_token()));
  TRY_VOID(print(pushed.manifest.digest.str() + "\n"));
  return 0;
}

}  // namespace

Result<void> check_pushable(const oci::ImageConfig& config, bool allow) {
  const auto label = config.config.labels.find(solver::kBootstrapLabel);
  if (allow || label == config.config.labels.end()) return {};
  return fail({.kind = ErrorKind::kUsage,
               .what = "the image stands on a base that was made on this machine, and isn't pushed",
               .why = fmt::format("no registry could be reached, so it was made from the packages of {}",
                                  label->second),
               .next = "--allow-bootstrap pushes it all the same"});
}

Command add_push(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<PushVerb>();
  app.add_option("NAME", options->name, "the image's name, which says where to: [REGISTRY/]NAME[:TAG]")
      ->required();
  app.add_option("--compression", options->compression,
                 "gzip or zstd, of layers that no registry has yet (default: gzip)")
      ->check(CLI::IsMember({"gzip", "zstd"}));
  app.add_option("--sign", options->sign_key,
                 "sign what the registry has then, by the program cosign and this key of its (a file, "
                 "env://NAME, or a key service's address)");
  app.add_flag("--allow-bootstrap", options->allow_bootstrap,
               "also an image on a base that was made from Debian's packages");
  app.add_flag("-q,--quiet", options->quiet, "print nothing but the digest");
  return [options, &global] { return push(global, *options); };
}

}  // namespace pgstrata::cli
