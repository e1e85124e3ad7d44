#include "advise/copied.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "filetree/entry.h"

namespace pgstrata::advise {
namespace {

using filetree::is_within;
using filetree::parent_path;

/// Longer lines are continued.
constexpr std::size_t kLineLength = 120;

std::string join(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return name.empty() ? std::string(directory) : fmt::format("{}/{}", directory, name);
}

/// `path` as seen from `top`.
std::string_view relative(std::string_view path, std::string_view top) {
  return top.empty() || path.size() == top.size() ? path.substr(top.size()) : path.substr(top.size() + 1);
}

/// False for a name that would have to be quoted in a Dockerfile, or is a pattern.
bool is_plain(std::string_view path) {
  return path.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+,:=@%/") ==
             std::string_view::npos &&
         !path.starts_with('-');
}

/// The files of one root.
class Tree {
 public:
  Tree(const Copied& copied, const CopiedRoot& root)
      : root_(root), files_(range(copied.files, root.destination)) {
    const auto number = static_cast<std::size_t>(&root - copied.roots.data());
    std::erase_if(files_, [number](const CopiedFile* file) { return file->root != number; });
  }

  /// Everything below a directory, itself if the COPY makes it.
  [[nodiscard]] std::vector<const CopiedFile*> below(std::string_view directory) const {
    return range(files_, directory);
  }
  [[nodiscard]] bool is_top(std::string_view path) const { return path == root_.destination; }
  [[nodiscard]] const std::vector<const CopiedFile*>& files() const { return files_; }

 private:
  static const CopiedFile* address(const CopiedFile& file) { return &file; }
  static const CopiedFile* address(const CopiedFile* file) { return file; }

  /// Of sorted files: those below a directory lie together, but for names such as "a.b" between "a" and
  /// "a/c".
  template <class Files>
  static std::vector<const CopiedFile*> range(const Files& files, std::string_view directory) {
    const auto less = [](const auto& file, std::string_view path) { return address(file)->path < path; };
    std::vector<const CopiedFile*> found;
    auto at = std::lower_bound(files.begin(), files.end(), directory, less);
    if (at != files.end() && address(*at)->path == directory) found.push_back(address(*at));
    const std::string first = directory.empty() ? "" : std::string(directory) + "/";
    at = std::lower_bound(at, files.end(), first, less);
    for (; at != files.end() && address(*at)->path.starts_with(first); ++at)
      if (address(*at)->path != directory) found.push_back(address(*at));
    return found;
  }

  const CopiedRoot& root_;
  std::vector<const CopiedFile*> files_;
};

void add_all(const std::vector<const CopiedFile*>& files, Paths& paths) {
  for (const CopiedFile* file : files) paths.insert(file->path);
}

bool can_be_named(const CopiedFile& file) { return file.regular && is_plain(file.source); }

/// Grows `wanted` once; false if nothing was missing.
bool grow(const Tree& tree, Paths& wanted) {
  const std::size_t before = wanted.size();
  for (const CopiedFile* file : tree.files()) {
    if (!wanted.contains(file->path)) continue;
    if (file->directory) {
      // COPY can't name an empty directory's making: something of it has to be copied.
      const auto inside = tree.below(file->path);
      const auto is_wanted = [&](const CopiedFile* one) {
        return !one->directory && wanted.contains(one->path);
      };
      if (std::none_of(inside.begin(), inside.end(), is_wanted)) add_all(inside, wanted);
      continue;
    }
    if (can_be_named(*file) || tree.is_top(file->path)) continue;
    add_all(tree.below(parent_path(file->path)), wanted);
  }
  return wanted.size() != before;
}

/// One COPY instruction: sources of one directory.
class Line {
 public:
  Line(const Copied& copied, std::string destination)
      : destination_(std::move(destination)), escape_(copied.escape) {
    text_ = copied.keyword + " " + copied.flags;
    if (text_.back() == ' ') text_.pop_back();
  }
  void add(const std::string& source) {
    if (text_.size() + source.size() + 4 > kLineLength) {
      lines_.push_back(text_ + " " + escape_);
      text_ = "   ";
    }
    text_ += " " + source;
  }
  std::vector<std::string> finish() {
    add(destination_);
    lines_.push_back(text_);
    return std::move(lines_);
  }

 private:
  std::string destination_;
  char escape_;
  std::string text_;
  std::vector<std::string> lines_;
};

class PartWriter {
 public:
  PartWriter(const Copied& copied, const Paths& part, const Paths& without)
      : copied_(copied), part_(part), without_(without) {}

  PartOfCopy run() {
    Sources single;  // files that are roots themselves
    for (const CopiedRoot& root : copied_.roots) {
      if (root.directory) {
        add_directory(root, Tree(copied_, root), root.destination);
      } else if (is_new(root.destination)) {
        single.push_back(root.source);
      }
    }
    if (!single.empty()) add_line(single, directory_text(""));
    return std::move(made_);
  }

 private:
  using Sources = std::vector<std::string>;

  [[nodiscard]] bool is_new(const std::string& path) const {
    return part_.contains(path) && !without_.contains(path);
  }

  /// The whole directory in one line if all of it is wanted, else its files in one and each sub-directory
  /// by itself.
  void add_directory(const CopiedRoot& root, const Tree& tree, const std::string& directory) {
    const auto inside = tree.below(directory);
    const auto wanted = [&](const CopiedFile* file) { return !file->directory && is_new(file->path); };
    const auto in_whole = [&](const CopiedFile* file) {
      return file->directory ? part_.contains(file->path) : is_new(file->path);
    };
    if (std::none_of(inside.begin(), inside.end(), wanted)) return;
    const std::string source = join(root.source, relative(directory, root.destination));
    const std::string shown = std::string(relative(directory, root.destination));
    if (std::all_of(inside.begin(), inside.end(), in_whole) && is_plain(source)) {
      add_line({source.empty() ? "." : source + "/"}, directory_text(shown));
      return;
    }
    Sources files;
    std::vector<std::string> directories;
    for (const CopiedFile* file : inside) {
      if (file->path == directory || parent_path(file->path) != directory) continue;
      if (file->directory)
        directories.push_back(file->path);
      else if (wanted(file))
        files.push_back(file->source);
    }
    if (!files.empty()) add_line(files, directory_text(shown));
    for (const std::string& below : directories) add_directory(root, tree, below);
  }

  /// The destination as written, and a directory below it, with a slash behind.
  [[nodiscard]] std::string directory_text(const std::string& below) const {
    std::string text = copied_.destination;
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    if (!text.ends_with('/')) text += '/';
    return below.empty() ? text : text + below + "/";
  }

  void add_line(const Sources& sources, const std::string& destination) {
    Line line(copied_, destination);
    for (const std::string& source : sources) line.add(source);
    for (std::string& text : line.finish()) made_.lines.push_back(std::move(text));
    made_.selected.insert(made_.selected.end(), sources.begin(), sources.end());
  }

  const Copied& copied_;
  const Paths& part_;
  const Paths& without_;
  PartOfCopy made_;
};

filetree::Questions asked_of(const filetree::Observations& asked, std::string_view path) {
  const auto found =
      std::lower_bound(asked.begin(), asked.end(), path,
                       [](const auto& observation, std::string_view p) { return observation.path < p; });
  return found != asked.end() && found->path == path ? found->questions : filetree::Questions{0};
}

/// True if the names in the directory that the path is in were read.
bool is_listed(const filetree::Observations& asked, std::string_view path) {
  const filetree::Questions above = asked_of(asked, parent_path(path));
  return !path.empty() && (above & filetree::kAskedListing) != 0 && (above & filetree::kAskedRead) != 0;
}

}  // namespace

Paths Copied::all() const {
  Paths paths;
  for (const CopiedFile& file : files) paths.insert(file.path);
  return paths;
}

Paths needed(const Copied& copied, const filetree::Observations& asked) {
  Paths paths;
  for (const CopiedFile& file : copied.files)
    if (asked_of(asked, file.path) != 0 || is_listed(asked, file.path)) paths.insert(file.path);
  return paths;
}

std::string example_of_need(const Copied& copied, const filetree::Observations& asked) {
  std::string read;
  std::string looked_up;
  for (const CopiedFile& file : copied.files) {
    if (is_listed(asked, file.path)) return fmt::format("/{}, whose names it read", parent_path(file.path));
    const filetree::Questions questions = asked_of(asked, file.path);
    if (questions == 0) continue;
    const bool is_read = !file.directory && (questions & filetree::kAskedRead) != 0;
    std::string& example = is_read ? read : looked_up;
    if (example.empty())
      example = fmt::format("/{}, which it {}", file.path, is_read ? "read" : "looked up");
  }
  return read.empty() ? looked_up : read;
}

Paths closure(const Copied& copied, const Paths& wanted) {
  if (wanted.empty()) return {};
  if (!copied.indivisible.empty()) return copied.all();
  Paths paths = wanted;
  for (const CopiedRoot& root : copied.roots) {
    if (!root.directory) continue;
    const Tree tree(copied, root);
    while (grow(tree, paths)) {
    }
  }
  // Whatever is copied into a directory makes it.
  Paths parents;
  for (const std::string& path : paths)
    for (std::string_view above = parent_path(path); !above.empty(); above = parent_path(above))
      parents.emplace(above);
  for (const CopiedFile& file : copied.files)
    if (parents.contains(file.path)) paths.insert(file.path);
  return paths;
}

Paths rounded(const Copied& copied, const Paths& wanted) {
  Paths paths = wanted;
  for (const CopiedRoot& root : copied.roots) {
    if (!root.directory) continue;
    const Tree tree(copied, root);
    for (const CopiedFile* directory : tree.files()) {
      if (!directory->directory || tree.is_top(directory->path)) continue;
      const auto inside = tree.below(directory->path);
      const auto is_file = [](const CopiedFile* file) { return !file->directory; };
      const auto is_wanted = [&](const CopiedFile* file) {
        return !file->directory && wanted.contains(file->path);
      };
      const auto files = std::count_if(inside.begin(), inside.end(), is_file);
      if (files > 2 && std::count_if(inside.begin(), inside.end(), is_wanted) * 2 >= files)
        add_all(inside, paths);
    }
  }
  return closure(copied, paths);
}

Paths around(const Copied& copied, const std::string& path, const Paths& placed) {
  for (std::string_view top = path;; top = parent_path(top)) {
    Paths found;
    for (const CopiedFile& file : copied.files)
      if (is_within(file.path, top) && !placed.contains(file.path)) found.insert(file.path);
    if (!found.empty() || top.empty()) return found;
  }
}

PartOfCopy copy_lines(const Copied& copied, const Paths& part, const Paths& without) {
  return PartWriter(copied, part, without).run();
}

}  // namespace pgstrata::advise
