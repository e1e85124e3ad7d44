// Brings remote sources onto this machine. What a source is right now is asked once a build, so that all of
// its steps see the same.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/result.h"
#include "oci/digest.h"
#include "remote/git_cache.h"
#include "remote/http_cache.h"
#include "remote/proxies.h"
#include "remote/source.h"
#include "remote/work_directory.h"

namespace pgstrata::remote {

/// What a source is right now, in the way that others name it: the SHA-256 of a file, the commit of a
/// repository.
struct Pin {
  std::string algorithm;  ///< "sha256", "sha1"
  std::string hex;
};

/// Calls may come from several threads.
class Fetcher {
 public:
  Fetcher() = default;
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  virtual ~Fetcher() = default;

  /// Stands for the content as it is now: the digest of a file, the commit of a repository. No more is
  /// transferred than it takes.
  virtual Result<oci::Digest> digest(const Source& source, const std::stop_token& stop) = 0;
  /// A directory with the content, to be read while the fetcher lives: of a URL the one file `filename`.
  virtual Result<std::string> directory(const Source& source, const std::stop_token& stop) = 0;
  /// Seconds since 1970: Last-Modified, or the time of the commit. Nothing if the server doesn't say.
  virtual Result<std::optional<std::int64_t>> time(const Source& source, const std::stop_token& stop) = 0;
  /// As digest(), for somebody else to compare with.
  virtual Result<Pin> pin(const Source& source, const std::stop_token& stop) = 0;
};

struct NetworkOptions {
  std::string root;  ///< where downloads are kept; made when something is fetched
  Proxies proxies;
  /// The value of a secret. HTTP_AUTH_HEADER_<host>, HTTP_AUTH_TOKEN_<host>, GIT_AUTH_HEADER and
  /// GIT_AUTH_TOKEN, the latter also with ".<host>", are looked for.
  std::function<std::optional<std::string>(const std::string& id)> secret;
  std::string ssh_agent;  ///< the socket of --ssh default; "": that of the environment
};

class NetworkFetcher final : public Fetcher {
 public:
  explicit NetworkFetcher(NetworkOptions options);
  ~NetworkFetcher() override;

  Result<oci::Digest> digest(const Source& source, const std::stop_token& stop) override;
  Result<std::string> directory(const Source& source, const std::stop_token& stop) override;
  Result<std::optional<std::int64_t>> time(const Source& source, const std::stop_token& stop) override;
  Result<Pin> pin(const Source& source, const std::stop_token& stop) override;

 private:
  struct Download {
    oci::Digest digest;
    std::string directory;
  };

  Result<const Download*> download(const HttpSource& source, const std::stop_token& stop);
  Result<const GitCommit*> commit(const GitSource& source, const std::stop_token& stop);
  Result<std::string> check_out(const GitSource& source, const std::stop_token& stop);
  [[nodiscard]] Git git_for(const GitSource& source) const;
  [[nodiscard]] std::optional<std::string> secret(const std::string& id) const;
  Result<std::string> new_path();

  const NetworkOptions options_;
  std::mutex mutex_;
  std::optional<WorkDirectory> work_;
  std::optional<HttpCache> http_;
  std::map<HttpSource, Download> downloads_;
  std::map<GitSource, GitCommit> commits_;
  std::map<GitSource, std::string> checkouts_;
  int count_ = 0;
};

}  // namespace pgstrata::remote
