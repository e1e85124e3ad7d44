#include "solver/unpacking.h"

#include <fmt/format.h>

#include <utility>

namespace pgstrata::solver {
namespace {

using filetree::Entry;
using filetree::EntryType;

tl::unexpected<Error> cannot(const std::string& path, std::string why) {
  return fail({.kind = ErrorKind::kBuildFailed,
               .what = fmt::format("can't unpack \"{}\"", path),
               .why = std::move(why),
               .next = "ADD --unpack=false copies the archive as it is"});
}

bool is_directory(const std::optional<Entry>& entry) {
  return entry && entry->type == EntryType::kDirectory;
}

std::string join(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
}

}  // namespace

std::string Unpacking::in_stage(std::string_view path) const {
  return path.empty() ? target_ : join(target_, path);
}

Result<std::optional<Entry>> Unpacking::at(std::string_view path) const {
  if (const auto found = names_.find(path); found != names_.end()) return *found->second;
  for (std::string_view above = path;; above = filetree::parent_path(above)) {
    if (removed_.find(above) != removed_.end()) return std::nullopt;
    if (above.empty()) break;
  }
  return standing_(in_stage(path));
}

/// Where `path` leads when links are followed in all of it; what doesn't exist stays as it is.
Result<std::string> Unpacking::real_path(std::string_view path) const {
  constexpr int kMaxLinks = 255;
  std::string rest(path);
  std::string real;
  bool from_root = false;  // an absolute link was followed: ".." stops at the root from here on
  for (int links = 0; !rest.empty();) {
    const std::string component = rest.substr(0, rest.find('/'));
    rest.erase(0, component.size() + 1);
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (real.empty() && !from_root)
        return cannot(std::string(path), "a link in it leads out of the destination");
      real.resize(filetree::parent_path(real).size());
      continue;
    }
    std::string next = join(real, component);
    const auto entry = TRY(at(next));
    if (!entry || entry->type != EntryType::kSymlink) {
      real = std::move(next);
      continue;
    }
    if (++links > kMaxLinks) return cannot(std::string(path), "it has a loop of links");
    if (entry->link.starts_with('/')) {
      real.clear();
      from_root = true;
    }
    rest = entry->link + "/" + rest;
  }
  return real;
}

/// Where a directory of the archive really is; made if there is nothing.
Result<std::string> Unpacking::directory(std::string_view path) {
  if (path.empty()) return std::string();
  std::string real = TRY(real_path(path));
  for (std::size_t end = 0; end != std::string::npos;) {
    end = real.find('/', end + 1);
    const std::string above = real.substr(0, end);
    const auto there = TRY(at(above));
    if (is_directory(there) || above.empty()) continue;
    if (there)
      return cannot(std::string(path), "it is no directory, and members of the archive lie below it");
    TRY_VOID(put({.type = EntryType::kDirectory, .mode = 0755, .mtime_ns = now_ns_}, above));
  }
  return real;
}

Result<void> Unpacking::remove(const std::string& path) {
  names_.erase(names_.lower_bound(path + "/"), names_.lower_bound(path + static_cast<char>('/' + 1)));
  names_.erase(path);
  removed_.insert(path);
  return {};
}

Result<void> Unpacking::put(Entry entry, const std::string& path) {
  if (entry.type == EntryType::kDirectory && removed_.find(path) != removed_.end()) {
    const auto before = TRY(standing_(in_stage(path)));
    entry.opaque = is_directory(before);
  }
  entry.path = path;
  names_[path] = std::make_shared<Entry>(std::move(entry));
  return {};
}

Result<void> Unpacking::link(const Entry& member, const std::string& path,
                             const std::optional<users::Owner>& owner) {
  const std::string parent = TRY(real_path(filetree::parent_path(member.link)));
  const std::string target = join(parent, filetree::base_name(member.link));
  const auto found = TRY(at(target));
  if (!found || found->type == EntryType::kDirectory)
    return cannot(member.path, fmt::format("it is a hard link to \"{}\", which is no file", member.link));
  auto& file = names_[target];
  if (!file) {
    file = std::make_shared<Entry>(*found);
    file->path = target;
    file->tar_offset = 0;  // that of another tar
    if (file->type == EntryType::kRegular) from_stage_[file.get()] = in_stage(target);
  }
  file->uid = owner ? owner->uid : member.uid;
  file->gid = owner ? owner->gid : member.gid;
  if (file->type != EntryType::kSymlink) {
    file->mode = member.mode;
    file->mtime_ns = member.mtime_ns;
  }
  names_[path] = file;
  return {};
}

Result<void> Unpacking::add(Entry member, const std::optional<users::Owner>& owner) {
  if (member.path.empty()) return {};
  const std::string parent = TRY(directory(filetree::parent_path(member.path)));
  const std::string path = join(parent, filetree::base_name(member.path));
  const auto there = TRY(at(path));
  const bool stays = member.type == EntryType::kDirectory && is_directory(there);
  if (there && !stays) TRY_VOID(remove(path));
  if (member.type == EntryType::kHardLink) return link(member, path, owner);
  if (owner) member.uid = owner->uid;
  if (owner) member.gid = owner->gid;
  return put(std::move(member), path);
}

Unpacking::Unpacked Unpacking::take() {
  Unpacked result;
  std::map<const Entry*, std::string> first_names;
  for (auto& [path, file] : names_) {
    Entry entry = *file;
    entry.path = in_stage(path);
    if (entry.type == EntryType::kRegular) {
      const auto [first, is_new] = first_names.try_emplace(file.get(), entry.path);
      const auto origin = from_stage_.find(file.get());
      if (!is_new) {
        entry.type = EntryType::kHardLink;
        entry.link = first->second;
        entry.size = 0;
        entry.tar_offset = 0;
      } else if (origin != from_stage_.end()) {
        result.from_stage.emplace(entry.path, origin->second);
      }
    }
    result.entries.push_back(std::move(entry));
  }
  for (const std::string& path : removed_) result.replaced.insert(in_stage(path));
  return result;
}

}  // namespace pgstrata::solver
