// Downloaded files, kept for the next build. One file of a URL and its name is
//
//   <root>/<key>        the bytes, mode 0600, as old as the server says (Last-Modified, else 1970)
//   <root>/<key>.json   {"version":1,"url":…,"digest":…,"etag":…,"last_modified":…}
//   <root>/<key>.lock   held while either is looked at
//
// <key> is a digest of URL and name. A stored file is used only after the server has said that it is still
// the right one (304 to its strong ETag, or to a Last-Modified that was a minute old when it came: RFC
// 9110, 8.8.2.2), or if its digest was asked for. Nothing is fsynced: who takes a stored file hashes it
// first.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"
#include "remote/http_client.h"
#include "remote/source.h"

namespace pgstrata::remote {

class HttpCache {
 public:
  HttpCache(std::string root, HttpClient client) : root_(std::move(root)), client_(std::move(client)) {}

  /// Makes `<directory>/<source.filename>` from what the URL has now, and gives its digest. `directory` has
  /// to be on the cache's file system. kBuildFailed: the server doesn't give it; kCorrupt: it isn't what
  /// `checksum` says. One call at a time.
  Result<oci::Digest> get(const HttpSource& source, const std::string& directory,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          const std::stop_token& stop);

 private:
  struct Stored {
    oci::Digest digest;
    std::string etag;
    std::string last_modified;
  };

  Result<Stored> refresh(const HttpSource& source, const std::string& path,
                         const std::optional<Stored>& stored,
                         const std::vector<std::pair<std::string, std::string>>& headers,
                         const std::stop_token& stop);
  static std::optional<Stored> read_stored(const std::string& path);

  const std::string root_;
  HttpClient client_;
};

}  // namespace pgstrata::remote
