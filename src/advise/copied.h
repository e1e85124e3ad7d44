// What one COPY brings into the image, and how a part of it is copied: as real COPY lines, so that Docker
// does the same.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "filetree/observation.h"

namespace pgstrata::advise {

struct CopiedFile {
  std::string path;    ///< in the image, as in filetree::Entry
  std::string source;  ///< in the build context
  bool directory = false;
  std::size_t root = 0;  ///< in `roots`: the last one that it lies in
  /// Something else (a link, a device) can only be copied with the directory that it is in.
  bool regular = false;
};

/// One of the sources that a COPY names.
struct CopiedRoot {
  std::string source;       ///< in the build context; "" is all of it
  std::string destination;  ///< in the image: that of the file, or of the directory's content
  bool directory = false;
};

/// Paths in the image.
using Paths = std::set<std::string>;

struct Copied {
  std::vector<CopiedFile> files;  ///< sorted by path; without the directories that were there before
  std::vector<CopiedRoot> roots;
  std::string keyword = "COPY";  ///< as written
  std::string flags;             ///< as written, each with a space behind it
  std::string destination;       ///< as written
  char escape = '\\';            ///< continues a line
  std::string indivisible;       ///< why it can only be copied as a whole, or empty

  [[nodiscard]] Paths all() const;
};

/// The files and directories that must be there for these questions to have the answers that they got.
/// Directories of which only times were asked (a stat alone) may hold other files: Docker, too, gives them
/// other times in each build.
[[nodiscard]] Paths needed(const Copied& copied, const filetree::Observations& asked);

/// One of the questions for which needed() gave something, as a clause: "/opt/app, whose names it read". ""
/// if there is none.
[[nodiscard]] std::string example_of_need(const Copied& copied, const filetree::Observations& asked);

/// `wanted` and what must come with it so that it can be written as COPY lines. All of it if it is
/// indivisible.
[[nodiscard]] Paths closure(const Copied& copied, const Paths& wanted);

/// The same with every directory whole of whose files at least half are wanted: fewer lines, and a file
/// that is new tomorrow is copied too.
[[nodiscard]] Paths rounded(const Copied& copied, const Paths& wanted);

/// The paths that have more in common with `path` than the others do, of those that `placed` hasn't: at it,
/// below it, else below the nearest directory above it. Empty if all are placed.
[[nodiscard]] Paths around(const Copied& copied, const std::string& path, const Paths& placed);

struct PartOfCopy {
  std::vector<std::string> lines;     ///< of the Dockerfile
  std::vector<std::string> selected;  ///< what they take from the context
};
/// COPY lines for a set that closure() gave, but for what is in `without` and needn't come again.
[[nodiscard]] PartOfCopy copy_lines(const Copied& copied, const Paths& part, const Paths& without);

}  // namespace pgstrata::advise
