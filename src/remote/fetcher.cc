#include "remote/fetcher.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>

#include "core/base64.h"

namespace pgstrata::remote {
namespace {

/// Of a file's last newline: `--secret src=FILE` has one more often than not, and no header can.
std::string without_newline(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// The addresses that a token for `remote` is sent to.
std::string token_scope(const std::string& remote) {
  for (const char* host : {"https://github.com/", "https://www.github.com/"})
    if (remote.starts_with(host)) return host;
  return remote;
}

}  // namespace

NetworkFetcher::NetworkFetcher(NetworkOptions options) : options_(std::move(options)) {}
NetworkFetcher::~NetworkFetcher() = default;

std::optional<std::string> NetworkFetcher::secret(const std::string& id) const {
  if (!options_.secret) return std::nullopt;
  auto value = options_.secret(id);
  if (value) value = without_newline(std::move(*value));
  return value;
}

Result<std::string> NetworkFetcher::new_path() {
  if (!work_) work_.emplace(TRY(WorkDirectory::make(options_.root)));
  return fmt::format("{}/{}", work_->path(), count_++);
}

Result<const NetworkFetcher::Download*> NetworkFetcher::download(const HttpSource& source,
                                                                 const std::stop_token& stop) {
  if (const auto found = downloads_.find(source); found != downloads_.end()) return &found->second;
  if (!http_) http_.emplace(options_.root + "/http", TRY(HttpClient::make(options_.proxies)));
  std::vector<std::pair<std::string, std::string>> headers;
  const std::string host = url_host(source.url);
  if (const auto header = secret("HTTP_AUTH_HEADER_" + host))
    headers.emplace_back("Authorization", *header);
  if (const auto token = secret("HTTP_AUTH_TOKEN_" + host))
    headers = {{"Authorization", "Bearer " + *token}};
  Download download;
  download.directory = TRY(new_path());
  download.digest = TRY(http_->get(source, download.directory, headers, stop));
  return &downloads_.emplace(source, std::move(download)).first->second;
}

Git NetworkFetcher::git_for(const GitSource& source) const {
  Git git({.proxies = options_.proxies, .ssh_agent = options_.ssh_agent});
  if (!source.remote.starts_with("http")) return git;
  const std::string host = "." + url_host(source.remote);
  for (const std::string& suffix : {host, std::string()}) {
    auto value = secret("GIT_AUTH_HEADER" + suffix);
    if (!value)
      if (const auto token = secret("GIT_AUTH_TOKEN" + suffix))
        value = "basic " + encode_base64("x-access-token:" + *token);
    if (value)
      return git.with_config(fmt::format("http.{}.extraheader", token_scope(source.remote)),
                             "Authorization: " + *value);
  }
  return git;
}

Result<const GitCommit*> NetworkFetcher::commit(const GitSource& source, const std::stop_token& stop) {
  if (const auto found = commits_.find(source); found != commits_.end()) return &found->second;
  GitCommit commit = TRY(resolve_commit(git_for(source), source, stop));
  return &commits_.emplace(source, std::move(commit)).first->second;
}

Result<std::string> NetworkFetcher::check_out(const GitSource& source, const std::stop_token& stop) {
  if (const auto found = checkouts_.find(source); found != checkouts_.end()) return found->second;
  const GitCommit* now = TRY(commit(source, stop));
  std::string path = TRY(new_path());
  GitRepository repository = TRY(GitRepository::open(options_.root + "/git", git_for(source), source,
                                                     /*sha256=*/now->object.size() == 64));
  TRY_VOID(repository.fetch(source, *now, stop));
  TRY_VOID(repository.check_out(source, *now, path, stop));
  return checkouts_[source] = std::move(path);
}

Result<oci::Digest> NetworkFetcher::digest(const Source& source, const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  if (const auto* http = std::get_if<HttpSource>(&source)) {
    if (!http->checksum.empty()) return oci::Digest::parse(http->checksum);
    const Download* got = TRY(download(*http, stop));
    return got->digest;
  }
  const auto& git = std::get<GitSource>(source);
  const GitCommit* now = TRY(commit(git, stop));
  // With the .git directory the image also gets the names of what was checked out.
  if (git.keep_git_dir.value_or(false))
    return oci::KeyHasher("pgstrata.git-dir.v1").add("object", now->object).add("ref", now->ref).finish();
  return oci::KeyHasher("pgstrata.git.v1").add("commit", now->commit).finish();
}

Result<std::string> NetworkFetcher::directory(const Source& source, const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  if (const auto* git = std::get_if<GitSource>(&source)) return check_out(*git, stop);
  const Download* got = TRY(download(std::get<HttpSource>(source), stop));
  return got->directory;
}

Result<std::optional<std::int64_t>> NetworkFetcher::time(const Source& source,
                                                         const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  if (const auto* git = std::get_if<GitSource>(&source)) {
    TRY_VOID(check_out(*git, stop));
    const GitCommit* now = TRY(commit(*git, stop));
    const GitRepository repository =
        TRY(GitRepository::open(options_.root + "/git", git_for(*git), *git, now->object.size() == 64));
    return std::optional(TRY(repository.commit_time(*now)));
  }
  const auto& http = std::get<HttpSource>(source);
  const Download* got = TRY(download(http, stop));
  struct stat status {};
  if (::stat((got->directory + "/" + http.filename).c_str(), &status) != 0)
    return fail(system_error("can't read a download", http.filename));
  // 1970 stands for a server that doesn't say.
  return status.st_mtim.tv_sec == 0 ? std::nullopt : std::optional<std::int64_t>(status.st_mtim.tv_sec);
}

Result<Pin> NetworkFetcher::pin(const Source& source, const std::stop_token& stop) {
  if (const auto* git = std::get_if<GitSource>(&source)) {
    const std::scoped_lock lock(mutex_);
    const GitCommit* now = TRY(commit(*git, stop));
    return Pin{.algorithm = now->commit.size() == 64 ? "sha256" : "sha1", .hex = now->commit};
  }
  const oci::Digest file = TRY(digest(source, stop));
  return Pin{.algorithm = "sha256", .hex = file.hex()};
}

}  // namespace pgstrata::remote
