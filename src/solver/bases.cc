#include "solver/bases.h"

#include <fmt/format.h>

#include "image/platforms.h"
#include "image/tags.h"
#include "importer/layout_image.h"
#include "importer/registry_image.h"
#include "oci/reference.h"

namespace pgstrata::solver {
namespace {

/// The layers of a stored image, if the index knows all of them.
Result<std::optional<Chain>> chain_of(store::LayerStore& layers, const image::Image& image) {
  Chain chain;
  for (const oci::Digest& diff_id : image.config.diff_ids) {
    const auto layer = TRY(layers.find(diff_id));
    if (!layer || !layers.is_present(*layer)) return std::nullopt;
    chain = chain.with(*layer);
  }
  return chain;
}

}  // namespace

Result<oci::ImageConfig> Bases::config(const std::string& reference, const oci::Platform& platform) {
  const Base* base = TRY(resolve(reference, platform));
  return base->image.config;
}

Result<const Base*> Bases::resolve(const std::string& reference, const oci::Platform& platform) {
  auto& base = resolved_[reference + " " + platform.str()];
  if (!base) base = std::make_unique<Base>(TRY(find(reference, platform)));
  return base.get();
}

Result<Base> Bases::find(const std::string& written, const oci::Platform& platform) {
  constexpr std::string_view kImageScheme = "docker-image://";
  std::string name = written;
  if (const auto context = options_.build_contexts.find(written);
      context != options_.build_contexts.end()) {
    constexpr std::string_view kLayoutScheme = "oci-layout://";
    if (context->second.starts_with(kLayoutScheme)) {
      const auto imported =
          TRY(importer::import_layout(layers_, context->second.substr(kLayoutScheme.size()), platform));
      return load(imported, context->second, platform, true);
    }
    if (!context->second.starts_with(kImageScheme))
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("the build context \"{}\" can't be a base image", written),
                   .why = fmt::format("{} is not of the form docker-image://NAME", context->second)});
    name = context->second.substr(kImageScheme.size());
  }
  const oci::Reference reference = TRY(oci::Reference::parse(name));
  std::optional<Error> unusable;
  if (!options_.pull) {
    if (const auto named = TRY(image::find_tag(layers_.content(), reference))) {
      auto base = load(*named, reference.familiar(), platform, false);
      // One whose layers are gone, or for another platform, is as good as none, if there is another.
      if (base || (base.error().kind != ErrorKind::kNotFound && base.error().kind != ErrorKind::kUsage))
        return base;
      unusable = std::move(base).error();
    }
  }
  const auto made = options_.make(reference, platform);
  if (!made && made.error().kind == ErrorKind::kUnreachable && unusable) return fail(std::move(*unusable));
  if (!made) return fail(made.error());
  return load(*made, reference.familiar(), platform, false);
}

Result<Base> Bases::load(const oci::Descriptor& named, const std::string& name,
                         const oci::Platform& platform, bool any_platform) {
  const auto manifests = TRY(image::manifests(layers_.content(), named));
  const oci::Descriptor chosen = importer::chosen_of(manifests, platform).value_or(manifests.front());
  image::Image image = TRY(image::load(layers_.content(), chosen));
  if (!any_platform && !platform.runs(image.config.platform) && !importer::is_whole_name(chosen))
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("{} in the store is for {}, but {} is wanted", name,
                                     image.config.platform.str(), platform.str()),
                 .next = "build an image for that platform under this name, or leave out --platform"});
  auto chain = TRY(chain_of(layers_, image));
  if (!chain)
    return fail({.kind = ErrorKind::kNotFound,
                 .what = fmt::format("the layers of {} are no longer in the store", name),
                 .next = "build the image again"});
  return Base{.image = std::move(image), .chain = std::move(*chain)};
}

}  // namespace pgstrata::solver
