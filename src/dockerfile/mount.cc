#include "dockerfile/mount.h"

#include <fmt/format.h>

#include <array>

#include "core/suggestion.h"
#include "dockerfile/go_syntax.h"

namespace pgstrata::dockerfile {
namespace {

const std::array<std::string, 5> kTypes = {"bind", "cache", "tmpfs", "secret", "ssh"};
const std::array<std::string, 3> kSharings = {"shared", "private", "locked"};
const std::array<std::string, 19> kKeys = {
    "type", "from", "source", "target", "readonly",    "id", "sharing", "required",  "size", "mode",
    "uid",  "gid",  "src",    "dst",    "destination", "ro", "rw",      "readwrite", "env"};

tl::unexpected<Error> refuse(std::string what, std::string next = {}) {
  return fail({.kind = ErrorKind::kUsage, .what = std::move(what), .next = std::move(next)});
}

// All that the fields said; which of it is allowed depends on the type, which may come last.
struct Fields {
  std::string type = "bind";
  std::string from, source, target, id;
  std::optional<CacheSharing> sharing;
  std::optional<bool> read_only;
  bool required = false;
  std::uint64_t size = 0;
  std::optional<std::string> env;
  FileOwner owner;
};

struct Field {
  std::string key;
  std::optional<std::string> value;
  std::string_view text;
};

Field split_field(std::string_view text) {
  const std::size_t equals = text.find('=');
  Field field{.key = to_lower(text.substr(0, equals)), .value = std::nullopt, .text = text};
  if (equals != std::string_view::npos) field.value = std::string(text.substr(equals + 1));
  return field;
}

tl::unexpected<Error> unexpected_key(const Field& field, const Fields& fields) {
  return refuse(fmt::format("unexpected key '{}' for mount type '{}'", field.key, fields.type));
}

tl::unexpected<Error> invalid_value(const Field& field) {
  return refuse(fmt::format("invalid value for {}: {}", field.key, field.value.value_or("")));
}

bool knows_required(const Fields& fields) { return fields.type == "secret" || fields.type == "ssh"; }

Result<void> set_bare(Fields& fields, const Field& field) {
  if (field.key == "readonly" || field.key == "ro") {
    fields.read_only = true;
  } else if (field.key == "readwrite" || field.key == "rw") {
    fields.read_only = false;
  } else if (field.key == "required") {
    if (!knows_required(fields)) return unexpected_key(field, fields);
    fields.required = true;
  } else {
    return refuse(fmt::format("invalid field '{}' must be a key=value pair", field.text),
                  did_you_mean(field.key, kKeys));
  }
  return {};
}

Result<void> set_flagged(Fields& fields, const Field& field) {
  const auto truth = parse_bool(*field.value);
  if (field.key == "required" && !knows_required(fields)) return unexpected_key(field, fields);
  if (!truth) return invalid_value(field);
  if (field.key == "required")
    fields.required = *truth;
  else
    fields.read_only = (field.key == "readonly" || field.key == "ro") == *truth;
  return {};
}

Result<void> set_choice(Fields& fields, const Field& field) {
  const std::string chosen = to_lower(*field.value);
  if (field.key == "type") {
    for (const std::string& type : kTypes)
      if (chosen == type) {
        fields.type = type;
        return {};
      }
    return refuse(fmt::format("unsupported mount type \"{}\"", *field.value),
                  did_you_mean(chosen, kTypes, "known are bind, cache, tmpfs, secret and ssh"));
  }
  for (std::size_t i = 0; i < kSharings.size(); ++i)
    if (chosen == kSharings[i]) {
      fields.sharing = static_cast<CacheSharing>(i);
      return {};
    }
  return refuse(fmt::format("unsupported sharing value \"{}\"", *field.value),
                did_you_mean(chosen, kSharings, "known are shared, private and locked"));
}

Result<void> set_number(Fields& fields, const Field& field) {
  if (field.key == "size") {
    if (fields.type != "tmpfs") return unexpected_key(field, fields);
    const auto size = parse_bytes(*field.value);
    if (!size) return invalid_value(field);
    fields.size = *size;
    return {};
  }
  const auto number = parse_number(*field.value, field.key == "mode" ? 8 : 10, UINT32_MAX);
  if (!number) return invalid_value(field);
  auto& place = field.key == "mode"  ? fields.owner.mode
                : field.key == "uid" ? fields.owner.uid
                                     : fields.owner.gid;
  place = static_cast<std::uint32_t>(*number);
  return {};
}

Result<void> set_value(Fields& fields, const Field& field) {
  const std::string& key = field.key;
  if (key == "type" || key == "sharing") return set_choice(fields, field);
  if (key == "size" || key == "mode" || key == "uid" || key == "gid") return set_number(fields, field);
  if (key == "readonly" || key == "ro" || key == "readwrite" || key == "rw" || key == "required")
    return set_flagged(fields, field);
  if (key == "from")
    fields.from = *field.value;
  else if (key == "source" || key == "src")
    fields.source = *field.value;
  else if (key == "target" || key == "dst" || key == "destination")
    fields.target = *field.value;
  else if (key == "id")
    fields.id = *field.value;
  else if (key == "env")
    fields.env = *field.value;
  else
    return refuse(fmt::format("unexpected key '{}' in '{}'", key, field.text), did_you_mean(key, kKeys));
  return {};
}

Result<void> set_field(Fields& fields, const std::string& text, const Lookup& lookup, char escape) {
  Field field = split_field(text);
  if (!field.value) return set_bare(fields, field);
  field.value = TRY(expand(*field.value, lookup, {.escape = escape}));
  return set_value(fields, field);
}

Result<void> check_allowed(const Fields& fields) {
  const bool owned = knows_required(fields) || fields.type == "cache";
  const std::string_view forbidden = owned               ? ""
                                     : fields.owner.mode ? "mode"
                                     : fields.owner.uid  ? "uid"
                                     : fields.owner.gid  ? "gid"
                                                         : "";
  if (!forbidden.empty())
    return refuse(fmt::format("{} not allowed for \"{}\" type mounts", forbidden, fields.type));
  if (fields.sharing && fields.type != "cache")
    return refuse(fmt::format("sharing is only allowed for cache mounts, not for \"{}\"", fields.type));
  if (fields.type == "ssh" && !fields.source.empty()) return refuse("ssh mount should not have a source");
  if (fields.type != "secret") return {};
  if (!fields.from.empty()) return refuse("secret mount should not have a from");
  if (fields.source.empty() && fields.target.empty() && fields.id.empty())
    return refuse("invalid secret mount: one of id, source and target is required");
  if (!fields.source.empty() && !fields.id.empty())
    return refuse("source and id of a secret mount can't both be set");
  return {};
}

MountSpec secret_of(Fields&& fields) {
  SecretMountSpec secret{.env = fields.env, .required = fields.required, .owner = fields.owner};
  secret.id = !fields.source.empty() ? fields.source : fields.id;
  if (secret.id.empty()) secret.id = base_name(fields.target);
  if (!fields.target.empty())
    secret.target = fields.target;
  else if (!fields.env)
    secret.target = "/run/secrets/" + base_name(secret.id);
  return secret;
}

MountSpec spec_of(Fields&& fields) {
  if (fields.type == "secret") return secret_of(std::move(fields));
  if (fields.type == "ssh")
    return SshMountSpec{.id = fields.id.empty() ? "default" : fields.id,
                        .target = fields.target,
                        .required = fields.required,
                        .owner = fields.owner};
  if (fields.type == "tmpfs") return TmpfsMountSpec{.target = fields.target, .size = fields.size};
  if (fields.type == "cache")
    return CacheMountSpec{.id = fields.id,
                          .from = fields.from,
                          .source = fields.source,
                          .target = fields.target,
                          .sharing = fields.sharing.value_or(CacheSharing::kShared),
                          .owner = fields.owner,
                          .read_only = fields.read_only.value_or(false)};
  return BindMountSpec{.from = fields.from,
                       .source = fields.source,
                       .target = fields.target,
                       .read_only = fields.read_only.value_or(true)};
}

}  // namespace

Result<std::vector<std::string>> csv_fields(std::string_view text) {
  std::vector<std::string> fields;
  while (true) {
    std::string field;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      while (!text.empty() && !(text.starts_with('"') && !text.starts_with("\"\""))) {
        if (text.starts_with('"')) text.remove_prefix(1);
        field += text.front();
        text.remove_prefix(1);
      }
      if (!text.starts_with('"'))
        return refuse("a field of the list has an opening quote without its closing one");
      text.remove_prefix(1);
      if (!text.empty() && !text.starts_with(','))
        return refuse("a quoted field of the list goes on after its quote");
    } else {
      field = text.substr(0, text.find(','));
      if (field.find('"') != std::string::npos)
        return refuse(fmt::format("a quote within the field {}", field));
      text.remove_prefix(field.size());
    }
    fields.push_back(std::move(field));
    if (text.empty()) return fields;
    text.remove_prefix(1);
  }
}

Result<MountFlag> parse_mount_flag(std::string_view value) {
  MountFlag flag{.fields = TRY(csv_fields(value))};
  for (const std::string& text : flag.fields) {
    const Field field = split_field(text);
    if (field.key != "from" || !field.value) continue;
    const std::size_t dollar = field.value->find('$');
    if (dollar != std::string::npos && dollar + 1 != field.value->size())
      return refuse(
          "'from' doesn't support variables",
          "define a stage with FROM, whose name may be built from global ARGs, and mount from that");
    flag.from = *field.value;
  }
  return flag;
}

Result<MountSpec> resolve_mount(const MountFlag& flag, const Lookup& lookup, char escape,
                                std::string* wrong_field) {
  Fields fields;
  for (const std::string& text : flag.fields) {
    if (auto set = set_field(fields, text, lookup, escape); !set) {
      if (wrong_field != nullptr) *wrong_field = text;
      return fail(std::move(set).error());
    }
  }
  TRY_VOID(check_allowed(fields));
  return spec_of(std::move(fields));
}

}  // namespace pgstrata::dockerfile
