// The names of an archive, with the result that unpacking it in its order would have.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"
#include "layer/tar_reader.h"

namespace pgstrata::layer {

/// The names seen so far, and the files behind them: a file outlives the name it came under when another
/// name was linked to it.
class ArchiveNames {
 public:
  /// Takes the content of a regular file, whose entry the archive has just given, and sets `tar_offset`.
  using TakeContent = std::function<Result<void>(TarReader&, filetree::Entry&)>;
  explicit ArchiveNames(TakeContent take_content) : take_content_(std::move(take_content)) {}

  /// kCorrupt: it lies below something that is no directory, or is a hard link to nothing.
  Result<void> add(TarReader& archive, filetree::Entry entry);
  /// Sorted, every parent there: those that the archive lacks are `implied`, 0755 and owned by 0:0.
  filetree::ChangeSet take();

 private:
  Result<void> add_parents(const std::string& path);
  void remove_below(const std::string& path);

  TakeContent take_content_;
  std::map<std::string, std::shared_ptr<filetree::Entry>> names_;
};

}  // namespace pgstrata::layer
