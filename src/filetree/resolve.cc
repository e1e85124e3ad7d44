#include "filetree/resolve.h"

#include <algorithm>

namespace pgstrata::filetree {
namespace {

constexpr int kMaxLinks = 255;

// Takes the first component off `rest`; empty at the end.
std::string take_component(std::string& rest) {
  const auto begin = rest.find_first_not_of('/');
  if (begin == std::string::npos) {
    rest.clear();
    return {};
  }
  const auto end = std::min(rest.find('/', begin), rest.size());
  std::string component = rest.substr(begin, end - begin);
  rest.erase(0, end);
  return component;
}

bool nothing_left(const std::string& rest) { return rest.find_first_not_of('/') == std::string::npos; }

void climb(std::string& path) { path.resize(parent_path(path).size()); }

void descend(std::string& path, std::string_view component) {
  if (!path.empty()) path += '/';
  path += component;
}

}  // namespace

std::string clean(std::string_view path) {
  std::string rest(path);
  std::string cleaned;
  for (std::string component = take_component(rest); !component.empty(); component = take_component(rest)) {
    if (component == "..")
      climb(cleaned);
    else if (component != ".")
      descend(cleaned, component);
  }
  return cleaned;
}

Result<std::string> resolve(const FileTree& tree, std::string_view path, FinalLink last) {
  std::string rest(path);
  std::string resolved;
  int links = 0;
  for (std::string component = take_component(rest); !component.empty(); component = take_component(rest)) {
    if (component == ".") continue;
    if (component == "..") {
      climb(resolved);
      continue;
    }
    const std::size_t before = resolved.size();
    descend(resolved, component);
    if (last == FinalLink::kKeep && nothing_left(rest)) return resolved;
    const std::optional<Entry> entry = TRY(tree.lookup(resolved));
    if (!entry || entry->type != EntryType::kSymlink) continue;
    if (++links > kMaxLinks)
      return fail({.kind = ErrorKind::kUsage,
                   .what = "too many symbolic links",
                   .where = tree.name() + ": " + std::string(path),
                   .why = "more than 255 had to be followed, so they probably form a loop"});
    resolved.resize(entry->link.starts_with('/') ? 0 : before);
    rest = entry->link + "/" + rest;
  }
  return resolved;
}

}  // namespace pgstrata::filetree
