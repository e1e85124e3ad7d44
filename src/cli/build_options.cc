#include "cli/build_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "os/file.h"

namespace pgstrata::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

tl::unexpected<Error> bad_option(const char* option, const std::string& word, const char* form) {
  return fail(
      {.kind = ErrorKind::kUsage, .what = fmt::format("{} {}: not of the form {}", option, word, form)});
}

}  // namespace

void BuildOptions::add_to(CLI::App& app) {
  app.add_option("CONTEXT", context,
                 "directory whose files COPY and ADD see, - for a tar or Dockerfile on stdin, or a URL")
      ->required();
  app.add_option("-f,--file", file, "the Dockerfile, or - for stdin (default: CONTEXT/Dockerfile)");
  app.add_option("-t,--tag", tags, "NAME[:TAG] for the image; may be repeated")->allow_extra_args(false);
  app.add_option("--target", target, "stage to build (default: the last)");
  app.add_option("--build-arg", build_args, "NAME=VALUE, or NAME to take it from the environment")
      ->allow_extra_args(false);
  app.add_option("--build-context", build_contexts,
                 "NAME=DIRECTORY, NAME=URL, NAME=docker-image://IMAGE or NAME=oci-layout://DIRECTORY")
      ->allow_extra_args(false);
  app.add_option("--secret", secrets, "id=NAME[,src=FILE|,env=VARIABLE]")->allow_extra_args(false);
  app.add_option("--ssh", ssh, "default|ID[=SOCKET|KEY[,KEY]] for RUN --mount=type=ssh")
      ->allow_extra_args(false);
  app.add_option("--label", labels, "NAME[=VALUE] for the image")->allow_extra_args(false);
  app.add_option("--annotation", annotations, "KEY=VALUE for the image's manifest")
      ->allow_extra_args(false);
  app.add_option("-o,--output", outputs,
                 "type=oci|docker|image|registry|local|tar[,dest=PATH], or a directory")
      ->allow_extra_args(false);
  app.add_flag("--load", load, "load the image into Docker, or else podman");
  app.add_flag("--push", push, "push the image to the registries of its names");
  app.add_flag("--allow-bootstrap", allow_bootstrap,
               "push also if its base was made from Debian's packages");
  app.add_option("--platform", platforms,
                 "os/arch[,os/arch…] to build for; several give an index (default: this machine)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--network", network, "default|host|none for RUN");
  app.add_option("--add-host", hosts, "NAME:ADDRESS for RUN's /etc/hosts")->allow_extra_args(false);
  app.add_option("--ulimit", ulimits, "NAME=SOFT[:HARD] for RUN")->allow_extra_args(false);
  app.add_option("--shm-size", shm_size, "size of RUN's /dev/shm (default: 64m)");
  app.add_option("--allow", allow, "what RUN may ask for: network.host|security.insecure|device")
      ->allow_extra_args(false);
  app.add_option("--cgroup-parent", cgroup_parent, "accepted: RUN has no cgroup of its own");
  app.add_option("--builder", builder, "accepted: pgstrata is the builder");
  app.add_option("--attest", attest, "type=provenance[,mode=min|max] or type=sbom: attach it to the image")
      ->allow_extra_args(false);
  app.add_option("--sbom", sbom, "true|false: attach the list of the image's packages");
  app.add_option("--provenance", provenance, "true|false|mode=min|mode=max: attach how it was built");
  app.add_flag("--no-cache", no_cache, "run every step");
  app.add_flag("--verify", verify, "run what could be reused as well, and fail if it gives other files");
  app.add_option("--no-cache-filter", no_cache_filter, "stages whose steps are run")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--cache-to", cache_to,
                 "type=local,dest=DIRECTORY or type=registry,ref=NAME: share what the steps gave")
      ->allow_extra_args(false);
  app.add_option("--cache-from", cache_from,
                 "type=local,src=DIRECTORY or type=registry,ref=NAME: reuse what others shared")
      ->allow_extra_args(false);
  app.add_flag("--pull", pull, "ask the registry for base images that the store has");
  app.add_option("--iidfile", iidfile, "write the image's ID to this file");
  app.add_option("--metadata-file", metadata_file, "write what was built, as JSON, to this file");
  app.add_option("--progress", progress, "auto|plain|tty|rawjson|quiet");
  app.add_option("--read-set", read_set, "on|off: reuse a RUN if nothing changed that it asked for");
  app.add_flag("--check", check, "check the Dockerfile, and build nothing");
  app.add_option("--call", call,
                 "build|check|outline|targets[,format=json]: what to do with the Dockerfile");
  app.add_flag("--watch", watch, "build again whenever a file of the contexts changes");
  app.add_flag("-q,--quiet", quiet, "print nothing but the image's ID");
}

Result<std::map<std::string, std::string>> parse_build_args(const std::vector<std::string>& words) {
  std::map<std::string, std::string> args;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (name.empty()) return bad_option("--build-arg", word, "NAME[=VALUE]");
    if (equals != std::string::npos)
      args[name] = word.substr(equals + 1);
    else if (const char* value = std::getenv(name.c_str()))
      args[name] = value;
  }
  return args;
}

Result<std::map<std::string, std::string>> parse_assignments(const char* option,
                                                             const std::vector<std::string>& words) {
  std::map<std::string, std::string> values;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) return bad_option(option, word, "NAME=VALUE");
    values[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return values;
}

Result<std::map<std::string, std::string>> parse_labels(const std::vector<std::string>& words) {
  std::map<std::string, std::string> labels;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (word.empty() || equals == 0) return bad_option("--label", word, "NAME[=VALUE]");
    labels[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return labels;
}

Result<std::map<std::string, solver::Secret>> parse_secrets(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 5> kKeys{"id", "type", "src", "source", "env"};
  std::map<std::string, solver::Secret> secrets;
  for (const std::string& word : words) {
    std::map<std::string, std::string> fields;
    for (const std::string& part : split(word, ',')) {
      const size_t equals = part.find('=');
      const std::string key = part.substr(0, equals);
      if (equals == std::string::npos || std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
        return bad_option("--secret", word, "id=NAME[,src=FILE|,env=VARIABLE]");
      fields[key] = part.substr(equals + 1);
    }
    const std::string id = fields["id"];
    if (id.empty()) return bad_option("--secret", word, "id=NAME[,src=FILE|,env=VARIABLE]");
    std::string file = !fields["src"].empty() ? fields["src"] : fields["source"];
    std::string variable = fields["env"];
    if (fields["type"] == "env" && variable.empty()) variable = std::exchange(file, {});
    // As buildx: a variable that is named and unset is empty; without any source the id names a variable,
    // or else a file.
    const bool is_named = !variable.empty();
    if (!is_named && file.empty()) variable = id;
    const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (value != nullptr || is_named) {
      secrets[id] = {value == nullptr ? "" : value};
      continue;
    }
    if (file.empty()) file = id;
    auto text = os::read_file(file);
    if (!text) {
      Error error = std::move(text).error();
      error.kind = ErrorKind::kUsage;
      error.what = fmt::format("can't read the secret \"{}\"", id);
      return fail(std::move(error));
    }
    secrets[id] = {std::move(*text)};
  }
  return secrets;
}

void add_epoch_of_environment(std::map<std::string, std::string>& build_args) {
  const char* value = std::getenv("SOURCE_DATE_EPOCH");
  if (value != nullptr && *value != '\0') build_args.try_emplace("SOURCE_DATE_EPOCH", value);
}

}  // namespace pgstrata::cli
