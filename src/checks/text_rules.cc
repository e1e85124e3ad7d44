#include "checks/text_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/variables.h"
#include "core/suggestion.h"
#include "dockerfile/characters.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace pgstrata::checks {
namespace {

using dockerfile::Arg;
using dockerfile::Dockerfile;
using dockerfile::From;
using dockerfile::Instruction;

bool is_lower(std::string_view text) { return text == dockerfile::to_lower(text); }
bool is_upper(std::string_view text) { return text == dockerfile::to_upper(text); }

// FROM's arguments as they are written: the image, AS, the stage's name.
std::vector<std::string> written_arguments(const Instruction& from) {
  std::vector<std::string> words;
  for (const std::string_view word : dockerfile::split_blanks(from.text))
    if (!word.empty() && !word.starts_with("--")) words.emplace_back(word);
  words.erase(words.begin());
  return words;
}

void check_stage_casing(const Instruction& from, Findings& findings) {
  const std::vector<std::string> words = written_arguments(from);
  if (words.size() < 3) return;
  if (!is_lower(words[2]))
    findings.add(RuleId::kStageNameCasing, from.range, &from,
                 fmt::format("stage name '{}' should be in lower case", words[2]));
  // A keyword in mixed case is ConsistentInstructionCasing's business.
  const bool lower = is_lower(from.keyword);
  if (!lower && !is_upper(from.keyword)) return;
  if (lower ? !is_lower(words[1]) : !is_upper(words[1]))
    findings.add(RuleId::kFromAsCasing, from.range, &from,
                 fmt::format("'{}' and '{}' differ in case", words[1], from.keyword));
}

void check_description(const Instruction& instruction, const std::vector<std::string>& names,
                       Findings& findings) {
  if (instruction.comments.empty() || names.empty()) return;
  const std::string& comment = instruction.comments.back();
  const std::string first = comment.substr(0, comment.find(' '));
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  findings.add(
      RuleId::kInvalidDefinitionDescription, instruction.range, &instruction,
      fmt::format("the comment above {} should read `# {} DESCRIPTION`",
                  dockerfile::to_upper(instruction.keyword), names.size() == 1 ? names.front() : "NAME"));
}

// What FROM's words are made of, with the ARGs before the first FROM.
class FromRules {
 public:
  FromRules(const Dockerfile& dockerfile, const graph::Environment& arguments, Findings& findings)
      : dockerfile_(dockerfile), arguments_(arguments), findings_(findings) {
    for (const std::string& name : arguments.names()) declared_.insert(name);
    for (const Instruction& instruction : dockerfile.instructions) {
      const auto* arg = std::get_if<Arg>(&instruction.action);
      if (arg == nullptr) break;
      for (const dockerfile::ArgDefinition& definition : arg->definitions)
        declared_.insert(definition.name);
    }
  }

  // False if planning will fail here.
  bool check(const Instruction& instruction) {
    const From& from = std::get<From>(instruction.action);
    const ExpandedWord base = expand(instruction, from.base);
    if (!base.text || base.text->empty()) return false;
    if (!from.platform) return true;
    const ExpandedWord platform = expand(instruction, *from.platform);
    if (!platform.text || platform.text->empty()) return false;
    check_platform(instruction, *from.platform, platform);
    return oci::Platform::parse(*platform.text).has_value();
  }

 private:
  ExpandedWord expand(const Instruction& instruction, const std::string& word) {
    ExpandedWord expanded =
        expand_word(word, graph::lookup_in(arguments_), {.escape = dockerfile_.directives.escape});
    const std::vector<std::string> known(declared_.begin(), declared_.end());
    for (const std::string& name : expanded.unset) {
      if (declared_.contains(name)) continue;
      findings_.add(RuleId::kUndefinedArgInFrom, instruction.range, &instruction,
                    fmt::format("ARG '{}' of FROM is not declared{}", name, suggestion(name, known)));
    }
    return expanded;
  }

  void check_platform(const Instruction& instruction, const std::string& written,
                      const ExpandedWord& platform) {
    if (platform.set.empty() && platform.unset.empty()) return check_constant(instruction, *platform.text);
    const bool only_target =
        platform.unset.empty() && platform.set == std::set<std::string>{"TARGETPLATFORM"};
    if (only_target && platform.text == arguments_.get("TARGETPLATFORM"))
      findings_.add(RuleId::kRedundantTargetPlatform, instruction.range, &instruction,
                    fmt::format("--platform={} is what FROM does by itself", written));
  }

  void check_constant(const Instruction& instruction, const std::string& text) {
    const auto platform = oci::Platform::parse(text);
    if (!platform) return;
    const std::string& name = std::get<From>(instruction.action).name;
    // A stage that is named after its platform is meant to have it.
    if (name.find(platform->os) != std::string::npos ||
        name.find(platform->architecture) != std::string::npos)
      return;
    findings_.add(RuleId::kFromPlatformFlagConstDisallowed, instruction.range, &instruction,
                  fmt::format("--platform of FROM should not be the constant \"{}\"", text));
  }

  const Dockerfile& dockerfile_;
  const graph::Environment& arguments_;
  Findings& findings_;
  std::set<std::string> declared_;
};

// Would the file build without any --build-arg?
void check_defaults(const Dockerfile& dockerfile, const graph::BuildRequest& request, Findings& findings) {
  graph::BuildRequest without_arguments = request;
  without_arguments.build_args.clear();
  const auto defaults = graph::global_arguments(dockerfile, without_arguments);
  if (!defaults) return;
  for (const Instruction& instruction : dockerfile.instructions) {
    const auto* from = std::get_if<From>(&instruction.action);
    if (from == nullptr) continue;
    const ExpandedWord base =
        expand_word(from->base, graph::lookup_in(*defaults), {.escape = dockerfile.directives.escape});
    if (!base.text) return;
    if (!oci::Reference::parse(*base.text))
      findings.add(
          RuleId::kInvalidDefaultArgInFrom, instruction.range, nullptr,
          fmt::format("with the defaults of its ARGs, {} is empty or no name of an image", from->base));
  }
}

void check_instructions(const Dockerfile& dockerfile, Findings& findings) {
  for (const dockerfile::SourceRange& place : dockerfile.empty_continuations)
    findings.add(RuleId::kNoEmptyContinuation, place, nullptr, "an empty line in a continued instruction");
  for (const Instruction& instruction : dockerfile.instructions) {
    if (std::holds_alternative<dockerfile::Maintainer>(instruction.action))
      findings.add(RuleId::kMaintainerDeprecated, instruction.range, &instruction,
                   "MAINTAINER is deprecated; LABEL org.opencontainers.image.authors=… says it");
    if (const auto* from = std::get_if<From>(&instruction.action)) {
      check_stage_casing(instruction, findings);
      if (!from->name.empty()) check_description(instruction, {from->name}, findings);
    }
    if (const auto* arg = std::get_if<Arg>(&instruction.action)) {
      std::vector<std::string> names;
      for (const dockerfile::ArgDefinition& definition : arg->definitions) names.push_back(definition.name);
      check_description(instruction, names, findings);
    }
  }
}

void check_names(const Dockerfile& dockerfile, Findings& findings) {
  std::set<std::string> names;
  int lower = 0;
  int upper = 0;
  bool in_stage = false;
  std::vector<const Instruction*> in_stages;  // ARGs before the first FROM don't count
  for (const Instruction& instruction : dockerfile.instructions) {
    const auto* from = std::get_if<From>(&instruction.action);
    in_stage = in_stage || from != nullptr;
    if (!in_stage) continue;
    in_stages.push_back(&instruction);
    if (is_lower(instruction.keyword)) ++lower;
    if (is_upper(instruction.keyword)) ++upper;
    if (from == nullptr || from->name.empty()) continue;
    if (from->name == "scratch" || from->name == "context")
      findings.add(RuleId::kReservedStageName, instruction.range, nullptr,
                   fmt::format("stage name \"{}\" is reserved", from->name));
    if (!names.insert(from->name).second)
      findings.add(RuleId::kDuplicateStageName, instruction.range, nullptr,
                   fmt::format("stage name \"{}\" is already taken", from->name));
  }
  const bool lower_wins = lower > upper;
  for (const Instruction* instruction : in_stages) {
    if (lower_wins ? is_lower(instruction->keyword) : is_upper(instruction->keyword)) continue;
    findings.add(RuleId::kConsistentInstructionCasing, instruction->range, nullptr,
                 fmt::format("'{}' should be in {} case, as most instructions here", instruction->keyword,
                             lower_wins ? "lower" : "upper"));
  }
}

// Stops at what can't be expanded: planning will fail there.
void check_from(const Dockerfile& dockerfile, const graph::BuildRequest& request, Findings& findings) {
  check_defaults(dockerfile, request, findings);
  const auto arguments = graph::global_arguments(dockerfile, request);
  if (!arguments) return;
  FromRules rules(dockerfile, *arguments, findings);
  for (const Instruction& instruction : dockerfile.instructions)
    if (std::holds_alternative<From>(instruction.action) && !rules.check(instruction)) return;
}

}  // namespace

void check_text(const dockerfile::Parsed& parsed, const graph::BuildRequest& request, Findings& findings) {
  check_instructions(parsed.dockerfile, findings);
  if (parsed.error) return;
  check_names(parsed.dockerfile, findings);
  check_from(parsed.dockerfile, request, findings);
}

}  // namespace pgstrata::checks
