#include <CLI/CLI.hpp>

#include "cli/image_verbs.h"
#include "cli/stored_image.h"
#include "image/tags.h"

namespace pgstrata::cli {
namespace {

struct TagOptions {
  std::string source;
  std::string name;
};

Result<int> tag(const GlobalOptions& global, const TagOptions& options) {
  const oci::Reference name = TRY(oci::Reference::parse(options.name));
  if (name.digest)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "an image can't be given a name with a digest",
                 .where = options.name,
                 .next = "write NAME[:TAG]"});
  const content::ContentStore store = TRY(content::ContentStore::open(global.root));
  const StoredImage stored = TRY(find_image(store, options.source));
  TRY_VOID(image::set_tags(store, {name}, stored.named));
  return 0;
}

}  // namespace

Command add_tag(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<TagOptions>();
  app.add_option("IMAGE", options->source, "name, ID or digest")->required();
  app.add_option("NAME", options->name, "the new name, NAME[:TAG]")->required();
  return [options, &global] { return tag(global, *options); };
}

}  // namespace pgstrata::cli
