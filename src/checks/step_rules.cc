#include "checks/step_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checks/variables.h"
#include "core/clean_path.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"

namespace pgstrata::checks {
namespace {

// Parts of a name between underscores.
std::vector<std::string> name_parts(const std::string& name) {
  std::vector<std::string> parts(1);
  for (const char c : dockerfile::to_lower(name)) {
    if (c == '_')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

bool names_a_secret(const std::string& name) {
  constexpr std::array<std::string_view, 10> kSecret = {"apikey", "auth",     "credential", "credentials",
                                                        "key",    "password", "pword",      "passwd",
                                                        "secret", "token"};
  constexpr std::array<std::string_view, 3> kHarmless = {"public", "file", "version"};
  const std::vector<std::string> parts = name_parts(name);
  const auto any_of = [&parts](const auto& words) {
    return std::find_first_of(parts.begin(), parts.end(), words.begin(), words.end()) != parts.end();
  };
  return any_of(kSecret) && !any_of(kHarmless);
}

bool is_remote(std::string_view source) {
  return source.find("://") != std::string_view::npos || source.starts_with("git@");
}

bool is_ignored(const context::IgnorePatterns& ignore, const std::string& path) {
  if (path == ".") return ignore.ignores_all();
  if (path.starts_with('/') || path.starts_with("..")) return false;
  const std::size_t slash = path.rfind('/');
  const auto scope =
      slash == std::string::npos ? ignore.root() : ignore.scope_of(std::string_view(path).substr(0, slash));
  return !scope || ignore.ignores(path, *scope);
}

}  // namespace

void StepRules::stage_begins(const graph::StageView& view) {
  StageState& state = stages_[&view.stage];
  if (const auto* base = std::get_if<graph::FromStage>(&view.stage.base)) {
    const StageState& below = stages_[&view.stages.all()[base->index]];
    state.workdir_set = below.workdir_set;
    state.base_unknown = below.base_unknown;
  }
  const auto* image = std::get_if<graph::FromImage>(&view.stage.base);
  if (image == nullptr) return;
  state.base_unknown = input_.unknown_bases.contains(image->reference);
  const oci::Platform& wanted = view.stage.platform.value_or(input_.request.platform);
  const oci::Platform& actual = view.config.platform;
  if (actual.os == wanted.os && actual.architecture == wanted.architecture) return;
  findings_.add(
      RuleId::kInvalidBaseImagePlatform, view.stage.from.range, nullptr,
      fmt::format("{} is for {}, and {} is built for", image->reference, actual.str(), wanted.str()));
}

void StepRules::step(const graph::StageView& view, const graph::Step& step) {
  view_ = &view;
  instruction_ = &step.instruction;
  std::visit([this](const auto& action) { check(action); }, step.instruction.action);
}

void StepRules::add(RuleId id, std::string message) {
  findings_.add(id, instruction_->range, instruction_, std::move(message));
}

std::string StepRules::word(const std::string& text, bool quotes) {
  if (text.find('$') == std::string::npos && text.find(input_.escape) == std::string::npos &&
      text.find_first_of("'\"") == std::string::npos)
    return text;
  const ExpandedWord expanded = expand_word(text, graph::lookup_in(view_->env),
                                            {.escape = quotes ? input_.escape : '\\', .quotes = quotes});
  const auto declared = [this](const std::string& name) {
    return declared_here_.contains(name) ||
           std::any_of(view_->args.begin(), view_->args.end(),
                       [&name](const auto& argument) { return argument.first == name; });
  };
  // Without the base's configuration nobody knows what is set.
  if (!stages_[&view_->stage].base_unknown)
    for (const std::string& name : expanded.unset)
      if (!declared(name) && !name.starts_with("BUILDKIT_SBOM_SCAN_"))
        add(RuleId::kUndefinedVar, fmt::format("variable '${}' is not defined{}", name,
                                               suggestion(name, view_->env.names(), "$")));
  return expanded.text.value_or(text);
}

void StepRules::used_once(const std::string& name) {
  auto& single = stages_[&view_->stage].single;
  // The one that is overruled is reported, when that is known.
  if (const auto before = single.find(name); before != single.end())
    findings_.add(RuleId::kMultipleInstructionsDisallowed, before->second, instruction_,
                  fmt::format("a later {} of this stage makes this one void", instruction_->keyword));
  single[name] = instruction_->range;
}

void StepRules::command(const dockerfile::CommandLine& line) {
  if (line.exec_form || !view_->config.config.shell.empty()) return;
  add(RuleId::kJsonArgsRecommended,
      fmt::format("{} in JSON form gets the container's signals; here a shell stands between",
                  instruction_->keyword));
}

void StepRules::check(const dockerfile::Cmd& cmd) {
  used_once("CMD");
  command(cmd.command);
}

void StepRules::check(const dockerfile::Entrypoint& entrypoint) {
  used_once("ENTRYPOINT");
  command(entrypoint.command);
}

void StepRules::check(const dockerfile::Healthcheck&) { used_once("HEALTHCHECK"); }

void StepRules::secret_name(const char* instruction, const std::string& name) {
  if (!names_a_secret(name)) return;
  add(RuleId::kSecretsUsedInArgOrEnv,
      fmt::format("{} \"{}\" looks like a secret, and can be read in the image", instruction, name));
}

void StepRules::pairs(const std::vector<dockerfile::KeyValue>& pairs) {
  for (const dockerfile::KeyValue& pair : pairs) {
    const std::string name = word(pair.name);
    word(pair.value);
    if (pair.legacy)
      add(RuleId::kLegacyKeyValueFormat,
          fmt::format("write {} {}=… instead of {} {} …", instruction_->keyword, pair.name,
                      instruction_->keyword, pair.name));
    if (std::holds_alternative<dockerfile::Env>(instruction_->action)) secret_name("ENV", name);
  }
}

void StepRules::check(const dockerfile::Env& env) { pairs(env.values); }
void StepRules::check(const dockerfile::Label& label) { pairs(label.values); }

void StepRules::check(const dockerfile::Arg& arg) {
  for (const dockerfile::ArgDefinition& definition : arg.definitions) {
    secret_name("ARG", definition.name);
    if (definition.value && !input_.request.build_args.contains(definition.name)) word(*definition.value);
    declared_here_.insert(definition.name);
  }
  declared_here_.clear();
}

void StepRules::check(const dockerfile::Workdir& workdir) {
  const std::string path = word(workdir.path);
  bool& set = stages_[&view_->stage].workdir_set;
  if (!set && !path.starts_with('/'))
    add(RuleId::kWorkdirRelativePath,
        fmt::format("WORKDIR \"{}\" is relative to the base's, which may change", path));
  set = true;
}

void StepRules::check(const dockerfile::Volume& volume) {
  for (const std::string& path : volume.paths) word(path);
}

void StepRules::check(const dockerfile::Run& run) {
  for (const dockerfile::MountFlag& mount : run.mounts)
    for (const std::string& field : mount.fields)
      if (const std::size_t equals = field.find('='); equals != std::string::npos)
        word(field.substr(equals + 1));
}

void StepRules::port(const std::string& written) {
  const std::size_t colon = written.rfind(':');
  const std::string container = written.substr(colon == std::string::npos ? 0 : colon + 1);
  const std::size_t slash = std::min(container.find('/'), container.size());
  const std::string protocol = container.substr(slash);
  if (protocol != dockerfile::to_lower(protocol))
    add(RuleId::kExposeProtoCasing, fmt::format("the protocol of '{}' should be in lower case", written));
  // ":80" names neither address nor port of the host.
  if (colon != std::string::npos && written.find_first_not_of(':') < colon)
    add(RuleId::kExposeInvalidFormat, fmt::format("'{}' names more than a port of the container", written));
}

void StepRules::check(const dockerfile::Expose& expose) {
  for (const std::string& written : expose.ports) {
    const auto words =
        dockerfile::expand_words(written, graph::lookup_in(view_->env), {.escape = input_.escape});
    if (!words) return;
    for (const std::string& text : *words) port(text);
  }
}

void StepRules::source(const std::string& path, const char* verb) {
  const std::string cleaned = clean_path(path);
  if (is_remote(path) || !is_ignored(input_.ignore, cleaned)) return;
  add(RuleId::kCopyIgnoredFile, fmt::format("{} of \"{}\", which .dockerignore leaves out", verb, cleaned));
}

void StepRules::sources(const dockerfile::CopySources& sources, const char* verb, bool from_context) {
  // With exceptions ("!") nobody can tell from the patterns alone.
  const bool tell = from_context && !input_.ignore.empty() && !input_.ignore.has_exceptions();
  for (const std::string& path : sources.paths) {
    const std::string expanded = word(path);
    if (tell) source(expanded, verb);
  }
  word(sources.destination);
  for (const dockerfile::InlineSource& file : sources.inline_files)
    if (file.expand) word(file.text, /*quotes=*/false);
}

void StepRules::check(const dockerfile::Copy& copy) {
  word(copy.chown);
  word(copy.chmod);
  sources(copy.sources, "COPY", copy.from.empty());
}

void StepRules::check(const dockerfile::Add& add) {
  word(add.chown);
  word(add.chmod);
  word(add.checksum);
  sources(add.sources, "ADD", true);
}

}  // namespace pgstrata::checks
