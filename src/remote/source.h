// What ADD, CONTEXT and --build-context can name besides a directory: a file behind a URL, a Git
// repository. Only the names; fetcher.h gets what they stand for.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"

namespace pgstrata::remote {

/// http:// or https://
struct HttpSource {
  std::string url;
  std::string filename;  ///< what the downloaded file is called
  std::string checksum;  ///< "sha256:<hex>", or "" for whatever is there
  auto operator<=>(const HttpSource&) const = default;
};

struct GitSource {
  std::string remote;    ///< as git takes it: without fragment and query
  std::string ref;       ///< branch, tag or commit; "": the default branch
  std::string subdir;    ///< clean, without a leading slash; "": all
  std::string checksum;  ///< the beginning of the commit's (or the annotated tag's) hash that must be there
  std::optional<bool> keep_git_dir;  ///< none: the URL says nothing
  bool submodules = true;
  bool commit_times = false;     ///< files are as old as the commit, not as the checkout
  bool fetch_by_commit = false;  ///< `checksum` is taken as it is, without asking what `ref` is now
  auto operator<=>(const GitSource&) const = default;
};

using Source = std::variant<HttpSource, GitSource>;

/// Tells remote sources from local paths as BuildKit does: by scheme, by "user@host:path", and a web
/// address is a Git repository if its path ends with ".git". Nothing for a local path. kUsage: a scheme
/// that nobody can fetch, a query of a Git URL that makes no sense.
Result<std::optional<Source>> parse_source(std::string_view text);

/// The name that ADD gives to the file of a URL: the last component of its path.
[[nodiscard]] std::string url_filename(std::string_view url);
/// The host of a URL, lower case, without user and port.
[[nodiscard]] std::string url_host(std::string_view url);
/// The text with the password of a "scheme://user:password@host" hidden, for messages.
[[nodiscard]] std::string without_credentials(std::string_view url);
/// The source as one writes it, without users and passwords: "https://…", "https://….git#REF:SUBDIR".
[[nodiscard]] std::string uri(const Source& source);
/// A whole commit hash: 40 or 64 hex digits in lower case.
[[nodiscard]] bool is_commit(std::string_view text);

}  // namespace pgstrata::remote
