// Image references in Docker's notation (distribution/reference): "debian", "debian:bookworm-slim",
// "registry.example.org:5000/a/b:tag@sha256:…".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "oci/digest.h"

namespace pgstrata::oci {

struct Reference {
  std::string domain;  ///< "docker.io" if none was written
  std::string path;    ///< "library/debian" for a bare name on docker.io
  std::string tag;     ///< "latest" if neither tag nor digest was written
  std::optional<Digest> digest;

  /// kUsage with what is wrong when the text isn't a reference.
  static Result<Reference> parse(std::string_view text);
  /// The complete form: "docker.io/library/debian:bookworm-slim".
  [[nodiscard]] std::string str() const;
  /// The form people write: without docker.io/ and library/.
  [[nodiscard]] std::string familiar() const;
};

}  // namespace pgstrata::oci
