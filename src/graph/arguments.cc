#include "graph/arguments.h"

#include <array>
#include <utility>

#include "dockerfile/go_syntax.h"

namespace pgstrata::graph {
namespace {

std::string target_stage(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request) {
  if (!request.target.empty()) return request.target;
  std::string last;
  for (const dockerfile::Instruction& instruction : dockerfile.instructions)
    if (const auto* from = std::get_if<dockerfile::From>(&instruction.action)) last = from->name;
  return last.empty() ? "default" : last;
}

Environment predefined(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request) {
  const oci::Platform build = request.build_platform ? *request.build_platform : oci::Platform::host();
  const oci::Platform& target = request.platform;
  const std::array<std::pair<std::string, std::string>, 11> arguments = {{
      {"BUILDPLATFORM", build.str()},
      {"BUILDOS", build.os},
      {"BUILDOSVERSION", ""},
      {"BUILDARCH", build.architecture},
      {"BUILDVARIANT", build.variant},
      {"TARGETPLATFORM", target.str()},
      {"TARGETOS", target.os},
      {"TARGETOSVERSION", ""},
      {"TARGETARCH", target.architecture},
      {"TARGETVARIANT", target.variant},
      {"TARGETSTAGE", target_stage(dockerfile, request)},
  }};
  Environment environment;
  for (const auto& [name, value] : arguments) environment.set(name, build_argument(request, name, value));
  return environment;
}

}  // namespace

std::string build_argument(const BuildRequest& request, const std::string& name,
                           const std::string& otherwise) {
  const auto found = request.build_args.find(name);
  return found == request.build_args.end() ? otherwise : found->second;
}

dockerfile::Lookup lookup_in(const Environment& environment) {
  return [&environment](std::string_view name) { return environment.get(name); };
}

Result<Environment> global_arguments(const dockerfile::Dockerfile& dockerfile,
                                     const BuildRequest& request) {
  Environment global = predefined(dockerfile, request);
  for (const dockerfile::Instruction& instruction : dockerfile.instructions) {
    const auto* arg = std::get_if<dockerfile::Arg>(&instruction.action);
    if (arg == nullptr) break;  // the first FROM
    for (const dockerfile::ArgDefinition& definition : arg->definitions) {
      const auto given = request.build_args.find(definition.name);
      if (given != request.build_args.end()) {
        global.set(definition.name, given->second);
      } else if (definition.value) {
        auto value = dockerfile::expand(*definition.value, lookup_in(global),
                                        {.escape = dockerfile.directives.escape});
        if (!value)
          return fail(
              dockerfile.source.located(std::move(value).error(), instruction.place_of(*definition.value)));
        global.set(definition.name, std::move(*value));
      }
    }
  }
  constexpr const char* kEpoch = "SOURCE_DATE_EPOCH";
  if (request.epoch && request.epoch->empty()) global.remove(kEpoch);
  if (request.epoch && global.has(kEpoch)) global.set(kEpoch, *request.epoch);
  return global;
}

std::vector<std::string> proxy_environment(const BuildRequest& request) {
  std::map<std::string, std::string> proxies;
  for (const auto& [name, value] : request.build_args) {
    const std::string upper = dockerfile::to_upper(name);
    for (const std::string_view known : {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
      if (upper == known && !value.empty()) proxies[upper] = proxies[dockerfile::to_lower(name)] = value;
  }
  std::vector<std::string> environment;
  for (const auto& [name, value] : proxies) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace pgstrata::graph
