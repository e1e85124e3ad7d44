// ADD of an archive: what unpacking it in its own order, onto what the stage has, leaves behind. The rules
// are those of moby/go-archive (0.3), which unpacks within the destination:
//
// - Links are followed on the way to a member, never its last component. The destination is the root of
//   absolute ones; a relative one that climbs above it is refused.
// - A member replaces what stands at its name, a directory with all that is in it; only a directory on a
//   directory keeps the content and gives its attributes.
// - A parent that the archive lacks is made 0755, owned by 0:0.
// - A hard link may lead to a file of the stage, and its own attributes become the file's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/result.h"
#include "filetree/entry.h"
#include "users/users.h"

namespace pgstrata::solver {

class Unpacking {
 public:
  /// `standing` says what is there before; `target`, a directory, is free of links.
  using Lookup = std::function<Result<std::optional<filetree::Entry>>(std::string_view path)>;
  Unpacking(std::string target, Lookup standing, std::int64_t now_ns)
      : target_(std::move(target)), standing_(std::move(standing)), now_ns_(now_ns) {}

  /// The next member, its owner replaced by `owner`. kBuildFailed where unpacking would fail.
  Result<void> add(filetree::Entry member, const std::optional<users::Owner>& owner);

  struct Unpacked {
    filetree::ChangeSet entries;     ///< sorted, by their paths in the stage
    std::set<std::string> replaced;  ///< nothing at or below these is left of what stood there before
    std::map<std::string, std::string>
        from_stage;  ///< of `entries`: those with the content of a file of the stage
  };
  /// Once, at the end.
  Unpacked take();

 private:
  [[nodiscard]] Result<std::optional<filetree::Entry>> at(std::string_view path) const;
  [[nodiscard]] Result<std::string> real_path(std::string_view path) const;
  Result<std::string> directory(std::string_view path);
  Result<void> remove(const std::string& path);
  Result<void> link(const filetree::Entry& member, const std::string& path,
                    const std::optional<users::Owner>& owner);
  Result<void> put(filetree::Entry entry, const std::string& path);
  [[nodiscard]] std::string in_stage(std::string_view path) const;

  std::string target_;
  Lookup standing_;
  std::int64_t now_ns_;
  /// By path below the destination; names of one file share it.
  std::map<std::string, std::shared_ptr<filetree::Entry>, std::less<>> names_;
  std::set<std::string, std::less<>> removed_;
  std::map<const filetree::Entry*, std::string> from_stage_;
};

}  // namespace pgstrata::solver
