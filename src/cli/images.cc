#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/image_verbs.h"
#include "cli/stored_image.h"
#include "progress/wording.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ImagesOptions {
  std::string format = "table";
  bool only_ids = false;
};

/// As people write it: without docker.io/library/, and without the tag.
std::string repository(oci::Reference name) {
  name.tag.clear();
  name.digest.reset();
  return name.familiar();
}

/// "2020-09-13T12:26:40Z" → "2020-09-13 12:26:40"
std::string readable_time(std::string time) {
  if (time.size() > 19) time.resize(19);
  std::replace(time.begin(), time.end(), 'T', ' ');
  return time;
}

std::string table(const std::vector<StoredImage>& images) {
  std::vector<std::array<std::string, 6>> rows = {
      {"REPOSITORY", "TAG", "IMAGE ID", "PLATFORM", "CREATED", "SIZE"}};
  for (const StoredImage& stored : images)
    rows.push_back({repository(stored.names[0]), stored.names[0].tag, stored.id().hex().substr(0, 12),
                    stored.image.config.platform.str(), readable_time(stored.image.config.created),
                    progress::size(stored.size())});
  std::array<std::size_t, 6> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += fmt::format("{:<{}}   ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

/// One object per line, with the keys of `docker images --format json`; Size and digests are exact.
/// Platform is ours.
std::string json_lines(const std::vector<StoredImage>& images) {
  std::string text;
  for (const StoredImage& stored : images) {
    const Json line = {{"Repository", repository(stored.names[0])},
                       {"Tag", stored.names[0].tag},
                       {"ID", stored.id().str()},
                       {"Digest", stored.image.descriptor.digest.str()},
                       {"CreatedAt", stored.image.config.created},
                       {"Size", stored.size()},
                       {"Platform", stored.image.config.platform.str()}};
    text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

std::string ids(const std::vector<StoredImage>& images) {
  std::vector<std::string> lines;
  for (const StoredImage& stored : images) {
    std::string id = stored.id().hex().substr(0, 12);
    if (std::find(lines.begin(), lines.end(), id) == lines.end()) lines.push_back(std::move(id));
  }
  return lines.empty() ? "" : fmt::format("{}\n", fmt::join(lines, "\n"));
}

Result<int> list_images(const GlobalOptions& global, const ImagesOptions& options) {
  const content::ContentStore store = TRY(content::ContentStore::open(global.root));
  const std::vector<StoredImage> images = TRY(stored_images(store));
  if (options.only_ids)
    TRY_VOID(print(ids(images)));
  else
    TRY_VOID(print(options.format == "json" ? json_lines(images) : table(images)));
  return 0;
}

}  // namespace

Command add_images(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<ImagesOptions>();
  app.add_option("--format", options->format, "table, or json: one object per line")
      ->check(CLI::IsMember({"table", "json"}));
  app.add_flag("-q,--quiet", options->only_ids, "print only the IDs");
  return [options, &global] { return list_images(global, *options); };
}

}  // namespace pgstrata::cli
