#include "checks/rules.h"

#include <array>

namespace pgstrata::checks {
namespace {

constexpr std::array kRules = {
    Rule{"StageNameCasing", "Stage names are written in lower case", "stage-name-casing"},
    Rule{"FromAsCasing", "AS has the case of its FROM", "from-as-casing"},
    Rule{"NoEmptyContinuation", "Empty lines within a continued instruction are going to be errors",
         "no-empty-continuation"},
    Rule{"ConsistentInstructionCasing", "All instructions of a Dockerfile are written in the same case",
         "consistent-instruction-casing"},
    Rule{"DuplicateStageName", "No two stages have the same name", "duplicate-stage-name"},
    Rule{"ReservedStageName", "No stage has a name that means something else", "reserved-stage-name"},
    Rule{"JSONArgsRecommended",
         "ENTRYPOINT and CMD in JSON form get the signals that are sent to the container",
         "json-args-recommended"},
    Rule{"MaintainerDeprecated", "MAINTAINER is deprecated: a label names the author",
         "maintainer-deprecated"},
    Rule{"UndefinedArgInFrom", "FROM uses only ARGs that are declared before the first FROM",
         "undefined-arg-in-from"},
    Rule{"WorkdirRelativePath", "Without an absolute WORKDIR before it, a relative one depends on the base",
         "workdir-relative-path"},
    Rule{"UndefinedVar", "Variables are defined before they are used", "undefined-var"},
    Rule{"MultipleInstructionsDisallowed",
         "Of several CMD, ENTRYPOINT or HEALTHCHECK of a stage only the last one counts",
         "multiple-instructions-disallowed"},
    Rule{"LegacyKeyValueFormat", "ENV and LABEL are written with = between name and value",
         "legacy-key-value-format"},
    Rule{"InvalidBaseImagePlatform", "The base image is for the platform that is built for", ""},
    Rule{"RedundantTargetPlatform", "FROM is for $TARGETPLATFORM without saying so",
         "redundant-target-platform"},
    Rule{"SecretsUsedInArgOrEnv", "Values of ARG and ENV can be read in the image: secrets don't go there",
         "secrets-used-in-arg-or-env"},
    Rule{"InvalidDefaultArgInFrom", "The defaults of the ARGs in FROM give the name of an image",
         "invalid-default-arg-in-from"},
    Rule{"FromPlatformFlagConstDisallowed", "The platform of a FROM isn't fixed",
         "from-platform-flag-const-disallowed"},
    Rule{"CopyIgnoredFile", "Files that .dockerignore leaves out can't be copied", "copy-ignored-file"},
    Rule{"InvalidDefinitionDescription",
         "A comment directly above a stage or ARG begins with its name, or it has a line with only # below",
         "invalid-definition-description", true},
    Rule{"ExposeProtoCasing", "Protocols in EXPOSE are written in lower case", "expose-proto-casing"},
    Rule{"ExposeInvalidFormat", "EXPOSE names ports of the container, no addresses or ports of the host",
         "expose-invalid-format"},
};
static_assert(kRules.size() == static_cast<std::size_t>(RuleId::kExposeInvalidFormat) + 1);

}  // namespace

std::string Rule::url() const {
  if (page.empty()) return {};
  return "https://docs.docker.com/go/dockerfile/rule/" + std::string(page) + "/";
}

const Rule& rule(RuleId id) { return kRules.at(static_cast<std::size_t>(id)); }

std::span<const Rule> all_rules() { return kRules; }

}  // namespace pgstrata::checks
