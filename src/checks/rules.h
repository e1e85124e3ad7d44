// The rules of the build checks, as data. Their names, and what they find, are those of BuildKit's linter
// (https://docs.docker.com/reference/build-checks/); the words are ours.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgstrata::checks {

enum class RuleId {
  kStageNameCasing,
  kFromAsCasing,
  kNoEmptyContinuation,
  kConsistentInstructionCasing,
  kDuplicateStageName,
  kReservedStageName,
  kJsonArgsRecommended,
  kMaintainerDeprecated,
  kUndefinedArgInFrom,
  kWorkdirRelativePath,
  kUndefinedVar,
  kMultipleInstructionsDisallowed,
  kLegacyKeyValueFormat,
  kInvalidBaseImagePlatform,
  kRedundantTargetPlatform,
  kSecretsUsedInArgOrEnv,
  kInvalidDefaultArgInFrom,
  kFromPlatformFlagConstDisallowed,
  kCopyIgnoredFile,
  kInvalidDefinitionDescription,
  kExposeProtoCasing,
  kExposeInvalidFormat,
};

struct Rule {
  std::string_view name;
  std::string_view description;
  std::string_view page;  ///< the last part of its address; "" if it has none
  bool experimental = false;

  /// Where it is explained, or "".
  [[nodiscard]] std::string url() const;
};

[[nodiscard]] const Rule& rule(RuleId id);
/// All of them, in the order of RuleId.
[[nodiscard]] std::span<const Rule> all_rules();

}  // namespace pgstrata::checks
