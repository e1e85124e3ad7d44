// A Fetcher for tests: what it gives lies in a directory of the test's.
#pragma once

#include <map>

#include "remote/fetcher.h"

namespace pgstrata::remote {

class FakeFetcher final : public Fetcher {
 public:
  struct Content {
    std::string version;  ///< what its digest is made of
    std::string directory;
  };
  std::map<Source, Content> contents;
  std::optional<std::int64_t> moment;  ///< that of all of them
  int checkouts = 0;                   ///< how often a directory was asked for

  Result<oci::Digest> digest(const Source& source, const std::stop_token&) override {
    const auto found = contents.find(source);
    if (found == contents.end())
      return fail({.kind = ErrorKind::kBuildFailed, .what = "the server answered 404 Not Found"});
    return oci::sha256(found->second.version);
  }
  Result<std::string> directory(const Source& source, const std::stop_token&) override {
    ++checkouts;
    return contents.at(source).directory;
  }
  Result<std::optional<std::int64_t>> time(const Source&, const std::stop_token&) override {
    return moment;
  }
  Result<Pin> pin(const Source& source, const std::stop_token& stop) override {
    const oci::Digest now = TRY(digest(source, stop));
    return Pin{.algorithm = "sha256", .hex = now.hex()};
  }
};

}  // namespace pgstrata::remote
