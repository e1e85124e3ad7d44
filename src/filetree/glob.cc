#include <algorithm>

#include "filetree/glob_pattern.h"
#include "filetree/resolve.h"

namespace pgstrata::filetree {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    components.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return components;
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty()) path += '/';
  return path += name;
}

// The entries of `directory` whose name matches one component of a pattern, sorted.
Result<std::vector<Entry>> matching_children(const FileTree& tree, const std::string& directory,
                                             std::string_view component) {
  std::vector<Entry> found;
  if (component.find_first_of("*?[\\") == std::string_view::npos) {
    auto entry = TRY(tree.lookup(join(directory, component)));
    if (entry) found.push_back(std::move(*entry));
    return found;
  }
  const GlobPattern pattern = TRY(GlobPattern::parse(component));
  for (Entry& entry : TRY(tree.list(directory)))
    if (pattern.matches(base_name(entry.path))) found.push_back(std::move(entry));
  return found;
}

}  // namespace

Result<bool> match(std::string_view pattern, std::string_view name) {
  return TRY(GlobPattern::parse(pattern)).matches(name);
}

bool has_glob(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\')
      ++i;
    else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[')
      return true;
  }
  return false;
}

Result<std::vector<std::string>> glob(const FileTree& tree, std::string_view pattern) {
  const std::string cleaned = clean(pattern);
  const std::vector<std::string_view> components = split(cleaned);
  const auto first_glob = std::find_if(components.begin(), components.end(), has_glob);
  std::string base;
  for (auto component = components.begin(); component != first_glob; ++component)
    base = join(base, *component);
  const std::string written = base;
  base = TRY(resolve(tree, written, FinalLink::kFollow));
  const std::optional<Entry> top = TRY(tree.lookup(base));
  if (!top) return std::vector<std::string>{};
  if (first_glob == components.end()) {
    std::string itself = TRY(resolve(tree, written, FinalLink::kKeep));
    return std::vector{std::move(itself)};
  }

  std::vector<Entry> found{*top};
  for (auto component = first_glob; component != components.end(); ++component) {
    std::vector<Entry> next;
    for (const Entry& entry : found) {
      if (entry.type != EntryType::kDirectory) continue;
      auto children = TRY(matching_children(tree, entry.path, *component));
      std::move(children.begin(), children.end(), std::back_inserter(next));
    }
    found = std::move(next);
  }
  std::vector<std::string> paths;
  for (Entry& entry : found) paths.push_back(std::move(entry.path));
  return paths;
}

}  // namespace pgstrata::filetree
