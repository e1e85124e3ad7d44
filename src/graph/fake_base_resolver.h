// A BaseResolver for tests: images by reference, and a record of what was asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/from_dockerfile.h"

namespace pgstrata::graph {

class FakeBaseResolver final : public BaseResolver {
 public:
  std::map<std::string, oci::ImageConfig> images;
  std::vector<std::string> asked;  ///< "reference platform"

  Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) override {
    asked.push_back(reference + " " + platform.str());
    const auto found = images.find(reference);
    if (found == images.end()) return fail({.kind = ErrorKind::kNotFound, .what = "no image " + reference});
    return found->second;
  }
};

}  // namespace pgstrata::graph
