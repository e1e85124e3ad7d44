#include "users/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pgstrata::users {
namespace {

struct User {
  std::string_view name;
  std::uint32_t uid;
  std::uint32_t gid;
  std::string_view home;
};
struct Group {
  std::string_view name;
  std::uint32_t gid;
  std::string_view members;  ///< separated by commas
};

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// BuildKit's llb.WithUser: "root" is 0 whatever passwd says, and so is no name at all.
std::optional<std::uint32_t> owner_number(std::string_view name) {
  return name == "root" || name.empty() ? std::optional<std::uint32_t>(0) : number(name);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// Lines that don't parse are passed over, as the C library does.
std::vector<User> parse_passwd(std::string_view text) {
  std::vector<User> users;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 6) continue;
    const auto uid = number(fields[2]);
    const auto gid = number(fields[3]);
    if (uid && gid) users.push_back({fields[0], *uid, *gid, fields[5]});
  }
  return users;
}

std::vector<Group> parse_group(std::string_view text) {
  std::vector<Group> groups;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 4) continue;
    if (const auto gid = number(fields[2])) groups.push_back({fields[0], *gid, fields[3]});
  }
  return groups;
}

/// The file's text, or nothing where the stage has none (scratch images).
Result<std::string> optional_text(const filetree::FileTree& root, std::string_view path) {
  auto text = filetree::read_text(root, path);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::string();
  return text;
}

template <class List>
auto by_name(const List& list, std::string_view name) {
  return std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.name == name; });
}

std::string unknown(const char* kind, std::string_view name, const char* file) {
  return fmt::format("there is no {} \"{}\" in the stage's {}", kind, name, file);
}

tl::unexpected<Error> unknown_error(const char* kind, std::string_view name, const char* file) {
  return fail({.kind = ErrorKind::kUsage,
               .what = unknown(kind, name, file),
               .next = "create it in an earlier RUN, or use a number"});
}

tl::unexpected<Error> no_stage(const char* kind, std::string_view name) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("there is no stage in which to look the {} \"{}\" up", kind, name),
               .next = "use a number: neither FROM scratch nor --link has a passwd to ask"});
}

Result<std::optional<std::uint32_t>> resolve_group(const filetree::FileTree& root, std::string_view name) {
  if (const auto gid = number(name)) return gid;
  const std::string text = TRY(optional_text(root, "etc/group"));
  const auto groups = parse_group(text);
  const auto found = by_name(groups, name);
  if (found == groups.end()) return std::nullopt;
  return found->gid;
}

std::vector<std::uint32_t> memberships(const std::vector<Group>& groups, std::string_view user,
                                       std::uint32_t primary) {
  std::vector<std::uint32_t> found = {primary};
  for (const Group& group : groups) {
    const auto members = split(group.members, ',');
    if (std::find(members.begin(), members.end(), user) != members.end()) found.push_back(group.gid);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

Result<Identity> resolve_identity(const filetree::FileTree& root, std::string_view spec) {
  const size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  const std::string passwd = TRY(optional_text(root, "etc/passwd"));
  const auto users = parse_passwd(passwd);
  const auto uid = name.empty() ? std::optional<std::uint32_t>(0) : number(name);
  auto user = by_name(users, name);
  if (user == users.end() && uid)
    user = std::find_if(users.begin(), users.end(), [&](const User& other) { return other.uid == *uid; });
  Identity identity;
  if (user == users.end()) {
    if (!uid) return unknown_error("user", name, "/etc/passwd");
    identity.uid = *uid;
  } else {
    identity = {.uid = user->uid, .gid = user->gid, .groups = {}, .home = std::string(user->home)};
    if (identity.home.empty()) identity.home = "/";
  }
  const bool has_group = colon != std::string_view::npos && colon + 1 < spec.size();
  if (has_group) {
    const auto gid = TRY(resolve_group(root, spec.substr(colon + 1)));
    if (!gid) return unknown_error("group", spec.substr(colon + 1), "/etc/group");
    identity.gid = *gid;
  }
  identity.groups = {identity.gid};
  if (!has_group && user != users.end()) {
    const std::string group = TRY(optional_text(root, "etc/group"));
    identity.groups = memberships(parse_group(group), user->name, identity.gid);
  }
  return identity;
}

Result<Owner> resolve_owner(const filetree::FileTree* root, std::string_view chown) {
  const size_t colon = chown.find(':');
  const std::string_view name = chown.substr(0, colon);
  Owner owner;
  if (const auto uid = owner_number(name)) {
    owner.uid = owner.gid = *uid;
  } else {
    if (root == nullptr) return no_stage("user", name);
    const std::string passwd = TRY(optional_text(*root, "etc/passwd"));
    const auto users = parse_passwd(passwd);
    const auto user = by_name(users, name);
    if (user == users.end()) {
      owner.unknown = unknown("user", name, "/etc/passwd");
    } else {
      owner.uid = user->uid;
      owner.gid = user->gid;
    }
  }
  if (colon == std::string_view::npos) return owner;
  const std::string_view group = chown.substr(colon + 1);
  if (const auto gid = owner_number(group)) {
    owner.gid = *gid;
    return owner;
  }
  if (root == nullptr) return no_stage("group", group);
  if (const auto gid = TRY(resolve_group(*root, group)))
    owner.gid = *gid;
  else if (owner.unknown.empty())
    owner.unknown = unknown("group", group, "/etc/group");
  return owner;
}

}  // namespace pgstrata::users
