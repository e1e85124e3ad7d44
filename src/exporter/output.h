// The values of --output/-o: what a build leaves behind besides the image in the store. buildx's notation
// (docs.docker.com/reference/cli/docker/buildx/build/#output): one line of CSV (RFC 4180: a field with a
// comma in it stands in double quotes, a quote in it is doubled) of KEY=VALUE fields, or a bare path.
//
//   type=oci     OCI image layout, as a tar archive or with tar=false as a directory
//   type=docker  an archive that `docker load` reads; without dest it is loaded (same as --load)
//   type=tar     the root file system as one tar
//   type=local   the root file system's files, put into a directory
//   type=image   the image in the store, under the names given; with push=true in their registries, too
//   type=registry  type=image,push=true
//   PATH         type=local,dest=PATH;   -   type=tar,dest=-
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "oci/reference.h"

namespace pgstrata::exporter {

enum class Codec { kUncompressed, kGzip, kZstd };

struct Compression {
  Codec codec = Codec::kGzip;
  int level = 0;  ///< 0: the codec's usual one
  bool operator==(const Compression&) const = default;
};

struct ToStdout {
  bool operator==(const ToStdout&) const = default;
};
/// The Docker or podman of this machine (exporter/engine.h).
struct ToEngine {
  bool operator==(const ToEngine&) const = default;
};
/// Complete or absent.
struct ToFile {
  std::string path;
  bool operator==(const ToFile&) const = default;
};
struct ToDirectory {
  std::string path;
  bool operator==(const ToDirectory&) const = default;
};
using Destination = std::variant<ToStdout, ToFile, ToDirectory, ToEngine>;

/// Names written here are added to those of --tag. `to` is one that the kind allows:
/// oci: stdout, file, directory; docker: all; tar: stdout, file.
struct OciOutput {
  Destination to;
  Compression compression;
  std::vector<oci::Reference> names;
};
struct DockerOutput {
  Destination to;
  Compression compression{.codec = Codec::kUncompressed};
  std::vector<oci::Reference> names;
};
struct TarOutput {
  Destination to;
};
struct LocalOutput {
  std::string directory;
  /// Each platform's files in a directory of its own. None: if there are several.
  std::optional<bool> platform_split = std::nullopt;
};
struct ImageOutput {
  std::vector<oci::Reference> names;
  bool push = false;
  Compression compression;  ///< of what is pushed; layers that came from a registry stay as they were there
};
using Output = std::variant<OciOutput, DockerOutput, TarOutput, LocalOutput, ImageOutput>;

/// One value of --output. kUsage with a suggestion for unknown types and keys, keys that the type doesn't
/// have, and values that a key can't have. No file is looked at.
Result<Output> parse_output(std::string_view text);

/// True if the image goes to a registry.
[[nodiscard]] bool pushes(const Output& output);

/// kUsage for an image for several platforms that goes to Docker: its archives hold one.
[[nodiscard]] Result<void> check_platforms(const Output& output, std::size_t platforms);

/// Standard output then belongs to this output's bytes alone.
[[nodiscard]] bool goes_to_stdout(const Output& output);

}  // namespace pgstrata::exporter
