#include "exporter/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "core/suggestion.h"
#include "exporter/csv.h"

namespace pgstrata::exporter {
namespace {

constexpr std::array<std::string_view, 6> kTypes = {"oci", "docker", "tar", "local", "image", "registry"};

const std::vector<std::string>& keys_of(std::string_view type) {
  static const std::vector<std::string> archive = {
      "type", "dest", "tar", "name", "compression", "compression-level", "force-compression"};
  // That of a tar has no effect, as in BuildKit.
  static const std::vector<std::string> files = {"type", "dest", "platform-split"};
  static const std::vector<std::string> image = {
      "type", "name", "push", "compression", "compression-level", "force-compression", "oci-mediatypes"};
  if (type == "image" || type == "registry") return image;
  return type == "local" || type == "tar" ? files : archive;
}

tl::unexpected<Error> bad(std::string_view text, std::string why, std::string next = {}) {
  return fail({.kind = ErrorKind::kUsage,
               .what = "not a valid --output",
               .where = std::string(text),
               .why = std::move(why),
               .next = std::move(next)});
}

using Keys = std::map<std::string, std::string>;

std::string trimmed_lower(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  std::string result(text.substr(0, text.find_last_not_of(kBlanks) + 1));
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

Result<Keys> keys_from(std::string_view text, const std::vector<std::string>& fields) {
  Keys keys;
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return bad(text, fmt::format("\"{}\" has no value", field), "write KEY=VALUE fields, or only a path");
    keys[trimmed_lower(field.substr(0, equals))] = field.substr(equals + 1);
  }
  return keys;
}

Result<void> check_type(std::string_view text, const Keys& keys) {
  const std::vector<std::string> types(kTypes.begin(), kTypes.end());
  const auto all = fmt::format("the types are {}", fmt::join(types, ", "));
  const auto type = keys.find("type");
  if (type == keys.end()) return bad(text, "it has no type", all);
  if (std::find(types.begin(), types.end(), type->second) != types.end()) return {};
  return bad(text, fmt::format("there is no type \"{}\"", type->second),
             did_you_mean(type->second, types, all));
}

Result<void> check_keys(std::string_view text, const Keys& keys) {
  const std::string& type = keys.at("type");
  const std::vector<std::string>& known = keys_of(type);
  for (const auto& [key, value] : keys) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return bad(text, fmt::format("type={} has no key \"{}\"", type, key),
               did_you_mean(key, known, fmt::format("its keys are {}", fmt::join(known, ", "))));
  }
  return {};
}

/// What Go's strconv.ParseBool takes.
Result<bool> flag(std::string_view text, const Keys& keys, const std::string& key, bool otherwise) {
  const auto found = keys.find(key);
  if (found == keys.end()) return otherwise;
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (found->second == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (found->second == no) return false;
  return bad(text, fmt::format("{} is \"{}\"", key, found->second), "write true or false");
}

Result<int> level(std::string_view text, const std::string& written, Codec codec) {
  int value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  const int highest = codec == Codec::kZstd ? 22 : 9;
  const bool is_number = error == std::errc{} && end == written.data() + written.size();
  if (is_number && value >= 1 && value <= highest) return value;
  return bad(text, fmt::format("compression-level is \"{}\"", written),
             fmt::format("write a number from 1 to {}", highest));
}

/// force-compression is read and has no further effect: layers are kept uncompressed here, so that all of
/// them always get what `compression` says.
Result<Compression> compression(std::string_view text, const Keys& keys, Codec usual) {
  static const std::vector<std::string> names = {"uncompressed", "gzip", "zstd"};
  Compression result{.codec = usual};
  if (const auto found = keys.find("compression"); found != keys.end()) {
    const auto name = std::find(names.begin(), names.end(), found->second);
    if (name == names.end())
      return bad(text, fmt::format("there is no compression \"{}\"", found->second),
                 did_you_mean(found->second, names, fmt::format("there are {}", fmt::join(names, ", "))));
    result.codec = static_cast<Codec>(name - names.begin());
  }
  static_cast<void>(TRY(flag(text, keys, "force-compression", false)));
  const auto found = keys.find("compression-level");
  if (found == keys.end()) return result;
  if (result.codec == Codec::kUncompressed)
    return bad(text, "compression-level without compression", "add compression=gzip or compression=zstd");
  result.level = TRY(level(text, found->second, result.codec));
  return result;
}

Result<std::vector<oci::Reference>> names(const Keys& keys) {
  std::vector<oci::Reference> result;
  const auto found = keys.find("name");
  if (found == keys.end() || found->second.empty()) return result;
  for (const std::string& name : TRY(csv_fields(found->second)))
    result.push_back(TRY(oci::Reference::parse(name)));
  return result;
}

Result<Destination> destination(std::string_view text, const Keys& keys, Destination otherwise) {
  const auto found = keys.find("dest");
  const bool as_tar = TRY(flag(text, keys, "tar", true));
  if (found != keys.end() && found->second.empty()) return bad(text, "dest is empty");
  if (!as_tar) {
    if (found == keys.end() || found->second == "-")
      return bad(text, "a directory has to be named with tar=false", "add dest=DIRECTORY");
    return Destination(ToDirectory{found->second});
  }
  if (found == keys.end()) return otherwise;
  if (found->second == "-") return Destination(ToStdout{});
  return Destination(ToFile{found->second});
}

Result<Output> image(std::string_view text, const Keys& keys) {
  ImageOutput output;
  output.push = TRY(flag(text, keys, "push", keys.at("type") == "registry"));
  output.compression = TRY(compression(text, keys, Codec::kGzip));
  output.names = TRY(names(keys));
  if (!TRY(flag(text, keys, "oci-mediatypes", true)))
    return bad(text, "oci-mediatypes=false",
               "leave it out: every registry takes the types of the image-spec");
  return Output(std::move(output));
}

Result<Output> local(std::string_view text, const Keys& keys) {
  const auto found = keys.find("dest");
  if (found == keys.end() || found->second.empty() || found->second == "-")
    return bad(text, "type=local needs a directory", "add dest=DIRECTORY");
  LocalOutput output{.directory = found->second};
  if (keys.contains("platform-split"))
    output.platform_split = TRY(flag(text, keys, "platform-split", true));
  return Output(std::move(output));
}

}  // namespace

Result<Output> parse_output(std::string_view text) {
  const std::vector<std::string> fields = TRY(csv_fields(text));
  if (text.empty()) return bad(text, "it is empty", "write a path or type=…");
  const bool is_path = fields.size() == 1 && fields[0] == text && !text.starts_with("type=");
  if (is_path && text == "-") return Output(TarOutput{ToStdout{}});
  if (is_path) return Output(LocalOutput{.directory = std::string(text)});
  const Keys keys = TRY(keys_from(text, fields));
  TRY_VOID(check_type(text, keys));
  TRY_VOID(check_keys(text, keys));
  const std::string& type = keys.at("type");
  if (type == "local") return local(text, keys);
  if (type == "tar") {
    static_cast<void>(TRY(flag(text, keys, "platform-split", true)));
    return Output(TarOutput{TRY(destination(text, keys, ToStdout{}))});
  }
  if (type == "image" || type == "registry") return image(text, keys);
  if (type == "oci") {
    OciOutput output;
    output.to = TRY(destination(text, keys, ToStdout{}));
    output.compression = TRY(compression(text, keys, Codec::kGzip));
    output.names = TRY(names(keys));
    return Output(std::move(output));
  }
  DockerOutput output;
  output.to = TRY(destination(text, keys, ToEngine{}));
  output.compression = TRY(compression(text, keys, Codec::kUncompressed));
  output.names = TRY(names(keys));
  return Output(std::move(output));
}

bool pushes(const Output& output) {
  const auto* image = std::get_if<ImageOutput>(&output);
  return image != nullptr && image->push;
}

Result<void> check_platforms(const Output& output, std::size_t platforms) {
  if (platforms == 1 || !std::holds_alternative<DockerOutput>(output)) return {};
  return fail(
      {.kind = ErrorKind::kUsage,
       .what = "an image for several platforms can't be loaded, or written as type=docker",
       .why =
           "the docker exporter does not support exporting manifest lists: its archives hold one platform",
       .next = "name one platform; or --push it, or write type=oci"});
}

bool goes_to_stdout(const Output& output) {
  return std::visit(
      [](const auto& kind) {
        if constexpr (requires { kind.to; }) return std::holds_alternative<ToStdout>(kind.to);
        return false;
      },
      output);
}

}  // namespace pgstrata::exporter
