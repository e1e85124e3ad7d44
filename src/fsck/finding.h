// What is wrong in a store, and what can be done about it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "oci/digest.h"

namespace pgstrata::fsck {

/// Where the bytes of a layer's tar can be had once more.
struct FromCompressed {
  oci::Digest blob;  ///< a compressed form, whole
};
struct FromUnpacked {};  ///< its files and its change set
using TarSource = std::variant<FromCompressed, FromUnpacked>;

/// Removes what can be made again, or was left by a killed build.
struct Remove {
  std::string path;  ///< below the store
};
/// Drops the layer with its records and files: the step runs again.
struct ForgetLayer {
  oci::Digest layer;
};
struct RestoreTar {
  oci::Digest layer;
  TarSource source;
};
/// The list of a layer's files, from its tar.
struct RestoreChanges {
  oci::Digest layer;
};
/// The layer's row of the index, from its files.
struct RestoreRow {
  oci::Digest layer;
};
/// What a RUN asked can't be read: on other layers it runs again.
struct ForgetRun {
  std::int64_t run = 0;
};
/// Sets the index aside. The rows of the layers that images need are made again from their files.
struct BeginIndexAnew {};
/// The list of images, as it was when it was last known to be on the disk.
struct RestoreList {};
/// Nothing that the store has can mend it.
struct ByHand {
  std::string next;  ///< what a person can do
};
using Remedy = std::variant<Remove, ForgetLayer, RestoreTar, RestoreChanges, RestoreRow, ForgetRun,
                            BeginIndexAnew, RestoreList, ByHand>;

struct Finding {
  std::string what;  ///< a path below the store, or an image's name
  std::string why;
  Remedy remedy;
};

struct Report {
  std::uint64_t images = 0;
  std::uint64_t layers = 0;
  std::uint64_t unpacked = 0;
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;  ///< of the blobs
  bool alone = false;  ///< no build was at work, so that leftovers could be told from what is being made
  std::vector<Finding> findings;
};

/// What a repair does, or a person has to: "written again from its compressed form".
[[nodiscard]] std::string remedy_text(const Remedy& remedy);

}  // namespace pgstrata::fsck
