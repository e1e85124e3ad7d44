#include "cdi/spec.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "oci/json_fields.h"

namespace pgstrata::cdi {
namespace {

using oci::bad_json;
using oci::Fields;
using oci::Json;

constexpr std::string_view kDocument = "CDI specification";

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_alphanumeric(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/// SPEC.md, "Kind" and "Devices": ASCII letters and digits at both ends, between them `others` as well.
bool is_name(std::string_view name, std::string_view others) {
  if (name.empty() || !is_alphanumeric(name.front()) || !is_alphanumeric(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [others](char c) {
    return is_alphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

bool is_kind(std::string_view kind) {
  const std::size_t slash = kind.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view vendor = kind.substr(0, slash);
  const std::string_view name = kind.substr(slash + 1);
  return is_name(vendor, "_-.") && is_letter(vendor.front()) && is_name(name, "_-.") &&
         is_letter(name.front());
}

Result<std::optional<std::uint32_t>> small_number(Fields& fields, const char* name) {
  std::int64_t value = -1;
  TRY_VOID(fields.number(name, value).done());
  if (value == -1) return std::nullopt;
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max())
    return fail(bad_json(kDocument, fmt::format("{} is out of range", name)));
  return static_cast<std::uint32_t>(value);
}

Result<DeviceNode> node_from(const Json& json) {
  DeviceNode node;
  std::string type;
  std::string permissions;
  Fields fields(kDocument, json);
  fields.text("path", node.path).text("hostPath", node.host_path).text("type", type);
  TRY_VOID(fields.text("permissions", permissions).done());
  if (node.path.empty()) return fail(bad_json(kDocument, "a device node without a path"));
  constexpr std::array<std::string_view, 5> kTypes = {"", "b", "c", "u", "p"};
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
    return fail(
        bad_json(kDocument, fmt::format("the device node {} has the type \"{}\"", node.path, type)));
  if (permissions != "none" && permissions.find_first_not_of("rwm") != std::string::npos)
    return fail(bad_json(
        kDocument, fmt::format("the device node {} has the permissions \"{}\"", node.path, permissions)));
  if (!type.empty()) node.type = type == "u" ? 'c' : type.front();
  node.major = TRY(small_number(fields, "major")).value_or(0);
  node.minor = TRY(small_number(fields, "minor")).value_or(0);
  node.mode = TRY(small_number(fields, "fileMode"));
  node.uid = TRY(small_number(fields, "uid"));
  node.gid = TRY(small_number(fields, "gid"));
  return node;
}

Result<Mount> mount_from(const Json& json) {
  Mount mount;
  TRY_VOID(Fields(kDocument, json)
               .text("hostPath", mount.host_path)
               .text("containerPath", mount.container_path)
               .texts("options", mount.options)
               .text("type", mount.type)
               .done());
  if (mount.host_path.empty() || mount.container_path.empty())
    return fail(bad_json(kDocument, "a mount without a hostPath or a containerPath"));
  return mount;
}

/// A list of `name`, each item read by `read`.
template <class Item, class Read>
Result<void> read_list(Fields& fields, const char* name, const Read& read, std::vector<Item>& to) {
  const Json* list = fields.find(name, Json::value_t::array);
  TRY_VOID(fields.done());
  if (list == nullptr) return {};
  for (const Json& json : *list) to.push_back(TRY(read(json)));
  return {};
}

Result<ContainerEdits> edits_from(const Json& json) {
  ContainerEdits edits;
  Fields fields(kDocument, json);
  TRY_VOID(fields.texts("env", edits.env).done());
  for (const std::string& variable : edits.env)
    if (const std::size_t sign = variable.find('='); sign == 0 || sign == std::string::npos)
      return fail(bad_json(kDocument, fmt::format("\"{}\" is no variable", variable)));
  TRY_VOID(read_list(fields, "deviceNodes", node_from, edits.nodes));
  TRY_VOID(read_list(fields, "mounts", mount_from, edits.mounts));
  const auto group = [](const Json& number) -> Result<std::uint32_t> {
    if (!number.is_number_unsigned() ||
        number.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
      return fail(bad_json(kDocument, "additionalGids holds something that is no group"));
    return number.get<std::uint32_t>();
  };
  TRY_VOID(read_list(fields, "additionalGids", group, edits.groups));
  const std::set<std::string> known = {"env", "deviceNodes", "mounts", "additionalGids"};
  for (const auto& [name, value] : json.items())
    if (known.find(name) == known.end() && !value.empty()) edits.unsupported.push_back(name);
  return edits;
}

Result<std::map<std::string, std::string>> annotations_from(Fields& fields) {
  std::map<std::string, std::string> annotations;
  const Json* object = fields.find("annotations", Json::value_t::object);
  TRY_VOID(fields.done());
  if (object == nullptr) return annotations;
  for (const auto& [name, value] : object->items()) {
    if (!value.is_string())
      return fail(bad_json(kDocument, fmt::format("the annotation {} isn't a string", name)));
    annotations[name] = value.get_ref<const std::string&>();
  }
  return annotations;
}

Result<ContainerEdits> edits_of(Fields& fields) {
  const Json* edits = fields.find("containerEdits", Json::value_t::object);
  TRY_VOID(fields.done());
  if (edits == nullptr) return ContainerEdits{};
  return edits_from(*edits);
}

Result<Device> device_from(const Json& json) {
  Device device;
  Fields fields(kDocument, json);
  TRY_VOID(fields.text("name", device.name).done());
  if (!is_name(device.name, "_-.:"))
    return fail(bad_json(kDocument, fmt::format("\"{}\" is no name of a device", device.name)));
  device.annotations = TRY(annotations_from(fields));
  device.edits = TRY(edits_of(fields));
  if (device.edits.empty())
    return fail(bad_json(kDocument, fmt::format("the device {} has no containerEdits", device.name)));
  return device;
}

}  // namespace

void ContainerEdits::append(const ContainerEdits& other) {
  env.insert(env.end(), other.env.begin(), other.env.end());
  nodes.insert(nodes.end(), other.nodes.begin(), other.nodes.end());
  mounts.insert(mounts.end(), other.mounts.begin(), other.mounts.end());
  groups.insert(groups.end(), other.groups.begin(), other.groups.end());
  unsupported.insert(unsupported.end(), other.unsupported.begin(), other.unsupported.end());
}

bool ContainerEdits::empty() const {
  return env.empty() && nodes.empty() && mounts.empty() && groups.empty() && unsupported.empty();
}

Result<Spec> Spec::parse(std::string_view json) {
  const Json document = TRY(oci::parse_object(kDocument, json));
  Spec spec;
  std::string version;
  Fields fields(kDocument, document);
  TRY_VOID(fields.text("cdiVersion", version).text("kind", spec.kind).done());
  if (version.starts_with('v')) version.erase(0, 1);
  if (!version.starts_with("0.") && !version.starts_with("1."))
    return fail(bad_json(kDocument, fmt::format("unknown cdiVersion \"{}\"", version)));
  if (!is_kind(spec.kind))
    return fail(bad_json(kDocument, fmt::format("its kind \"{}\" isn't VENDOR/CLASS", spec.kind)));
  const auto annotations = TRY(annotations_from(fields));
  spec.edits = TRY(edits_of(fields));
  TRY_VOID(read_list(fields, "devices", device_from, spec.devices));
  if (spec.devices.empty()) return fail(bad_json(kDocument, "it has no devices"));
  std::set<std::string> names;
  for (Device& device : spec.devices) {
    if (!names.insert(device.name).second)
      return fail(bad_json(kDocument, fmt::format("two devices are called {}", device.name)));
    device.annotations.insert(annotations.begin(), annotations.end());
  }
  return spec;
}

}  // namespace pgstrata::cdi
