#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/image_verbs.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "exporter/exporter.h"

namespace pgstrata::cli {
namespace {

struct SaveOptions {
  std::string image;
  std::string file;
  std::string format = "docker-archive";
  std::string compression;
};

/// The same words as in `build --output`, so that they mean the same.
Result<exporter::Output> output_of(const SaveOptions& options) {
  const bool is_docker = options.format.starts_with("docker-");
  const bool is_directory = options.format.ends_with("-dir");
  std::string text = fmt::format("type={}", is_docker ? "docker" : "oci");
  if (is_directory) text += ",tar=false";
  if (!options.compression.empty()) text += ",compression=" + options.compression;
  std::string file;
  for (const char c : options.file.empty() ? std::string("-") : options.file)
    file += c == '"' ? "\"\"" : std::string(1, c);
  return exporter::parse_output(fmt::format("{},\"dest={}\"", text, file));
}

Result<int> save(const GlobalOptions& global, const SaveOptions& options) {
  const exporter::Output output = TRY(output_of(options));
  Store store = TRY(open_store(global));
  const StoredImage stored = TRY(find_image(*store.content, options.image));
  auto images = TRY(all_platforms(store, stored));
  if (images.size() > 1 && std::holds_alternative<exporter::DockerOutput>(output)) {
    fmt::print(
        stderr,
        "only {} is saved, since Docker's format holds one platform; --format oci-archive has all {}\n",
        stored.image.config.platform.str(), images.size());
    std::erase_if(images, [&](const exporter::PlatformImage& one) {
      return one.image.descriptor != stored.image.descriptor;
    });
  }
  const exporter::Request request{
      .images = std::move(images), .names = stored.names, .layers = *store.layers};
  const exporter::Exported exported = TRY(exporter::export_image(request, output));
  for (const std::string& message : exported.messages) fmt::print(stderr, "{}\n", message);
  return 0;
}

}  // namespace

Command add_save(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<SaveOptions>();
  app.add_option("IMAGE", options->image, "name, ID or digest")->required();
  app.add_option("-o,--output", options->file, "the file or directory (default: standard output)");
  app.add_option("--format", options->format, "docker-archive (default), docker-dir, oci-archive, oci-dir")
      ->check(CLI::IsMember({"docker-archive", "docker-dir", "oci-archive", "oci-dir"}));
  app.add_option("--compression", options->compression,
                 "uncompressed, gzip or zstd (default: none for Docker's formats, gzip for OCI's)");
  return [options, &global] { return save(global, *options); };
}

}  // namespace pgstrata::cli
