#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/image_verbs.h"
#include "cli/stored_image.h"
#include "image/tags.h"

namespace pgstrata::cli {
namespace {

/// Names go at once; layers that no image needs any more stay for the next build, until they are pruned.
Result<int> remove_images(const GlobalOptions& global, const std::vector<std::string>& images) {
  const content::ContentStore store = TRY(content::ContentStore::open(global.root));
  // All are looked up first: a mistyped name shall not leave half of the work done.
  std::vector<oci::Reference> names;
  for (const std::string& text : images) {
    const auto reference = oci::Reference::parse(text);
    if (reference && TRY(image::find_tag(store, *reference))) {
      // Also if what the name stands for is damaged.
      names.push_back(*reference);
      continue;
    }
    const StoredImage stored = TRY(find_image(store, text));
    names.insert(names.end(), stored.names.begin(), stored.names.end());
  }
  for (const oci::Reference& name : names)
    if (TRY(image::remove_tag(store, name)))
      TRY_VOID(print(fmt::format("Untagged: {}\n", name.familiar())));
  return 0;
}

}  // namespace

Command add_rmi(CLI::App& app, const GlobalOptions& global) {
  const auto names = std::make_shared<std::vector<std::string>>();
  app.add_option("IMAGE", *names, "name, or an ID for all names of that image")->required();
  return [names, &global] { return remove_images(global, *names); };
}

}  // namespace pgstrata::cli
