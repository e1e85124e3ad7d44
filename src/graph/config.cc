// The instructions that change the configuration only.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "graph/ports.h"
#include "graph/stage_builder.h"

namespace pgstrata::graph {
namespace {

// Control arguments of BuildKit that never become variables of a step.
bool is_control_argument(const std::string& name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

bool valid_signal(std::string_view signal) {
  constexpr std::array<std::string_view, 37> kNames = {
      "ABRT",   "ALRM",  "BUS",  "CHLD", "CLD",   "CONT",  "FPE",   "HUP",  "ILL",  "INT",
      "IO",     "IOT",   "KILL", "PIPE", "POLL",  "PROF",  "PWR",   "QUIT", "SEGV", "STKFLT",
      "STOP",   "SYS",   "TERM", "TRAP", "TSTP",  "TTIN",  "TTOU",  "URG",  "USR1", "USR2",
      "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX", "UNUSED"};
  const bool has_sign = signal.starts_with('-') || signal.starts_with('+');
  if (const auto number = dockerfile::parse_number(signal.substr(has_sign ? 1 : 0), 10, INT32_MAX))
    return *number != 0;
  std::string name = dockerfile::to_upper(signal);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return name != "UNUSED";
  // RTMIN+1 … RTMIN+15, RTMAX-1 … RTMAX-14
  const bool above = name.starts_with("RTMIN+");
  if (!above && !name.starts_with("RTMAX-")) return false;
  const auto offset = dockerfile::parse_number(std::string_view(name).substr(6), 10, above ? 15 : 14);
  return offset && *offset > 0;
}

std::optional<std::vector<std::string>> some(std::vector<std::string> words) {
  if (words.empty()) return std::nullopt;
  return words;
}

}  // namespace

// One TRY per full expression: leaving a braced initialiser half way, as TRY would here, is not undone by
// the compilers, and what was initialised leaks.
Result<NameValue> StageBuilder::expand_pair(const dockerfile::KeyValue& pair) const {
  NameValue expanded;
  expanded.name = TRY(expand(pair.name));
  expanded.value = TRY(expand(pair.value));
  return expanded;
}

Result<void> StageBuilder::act(const dockerfile::Env& env) {
  // All values see the environment as it was before the line.
  std::vector<NameValue> values;
  for (const dockerfile::KeyValue& pair : env.values) values.push_back(TRY(expand_pair(pair)));
  std::string created_by = "ENV";
  for (const NameValue& pair : values) {
    created_by += fmt::format(" {}={}", pair.name, pair.value);
    state_.env.set_last(pair.name, pair.value);
    state_.image_env.set(pair.name, pair.value);
  }
  add_config(created_by);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Arg& arg) {
  std::string created_by = "ARG";
  for (const dockerfile::ArgDefinition& definition : arg.definitions) {
    const auto given = input_.request.build_args.find(definition.name);
    std::optional<std::string> value;
    if (given != input_.request.build_args.end())
      value = given->second;
    else if (definition.value)
      value = TRY(expand(*definition.value));
    else
      value = input_.stages.global_args().get(definition.name);

    if (value && !is_control_argument(definition.name)) state_.env.set_last(definition.name, *value);
    const auto known =
        std::find_if(state_.args.begin(), state_.args.end(),
                     [&definition](const auto& scoped) { return scoped.first == definition.name; });
    if (known != state_.args.end())
      known->second = value.value_or("");
    else
      state_.args.emplace_back(definition.name, value.value_or(""));
    created_by += " " + definition.name + (value ? "=" + *value : "");
  }
  add_config(created_by);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Label& label) {
  std::vector<NameValue> values;
  for (const dockerfile::KeyValue& pair : label.values) values.push_back(TRY(expand_pair(pair)));
  std::string created_by = "LABEL";
  for (NameValue& pair : values) {
    created_by += fmt::format(" {}={}", pair.name, pair.value);
    state_.config.config.labels[pair.name] = std::move(pair.value);
  }
  add_config(created_by);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Expose& expose) {
  const auto located = [this](auto result, const std::string& written) {
    if (!result)
      result = fail(input_.dockerfile.source.located(std::move(result).error(),
                                                     step_->instruction.place_of(written)));
    return result;
  };
  std::vector<std::string> ports;
  for (const std::string& written : expose.ports) {
    const auto words =
        TRY(located(dockerfile::expand_words(written, lookup_in(state_.env),
                                             {.escape = input_.dockerfile.directives.escape}),
                    written));
    for (const std::string& word : words)
      for (const std::string& port : TRY(located(parse_ports(word), written))) ports.push_back(port);
  }
  state_.config.config.exposed_ports.insert(ports.begin(), ports.end());
  add_config("EXPOSE " + dockerfile::plain_list(ports));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Volume& volume) {
  std::vector<std::string> paths;
  for (const std::string& path : volume.paths) {
    paths.push_back(TRY(expand(path)));
    if (paths.back().empty()) return fail(error("VOLUME specified can not be an empty string"));
  }
  state_.config.config.volumes.insert(paths.begin(), paths.end());
  add_config("VOLUME " + dockerfile::plain_list(paths));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::User& user) {
  state_.config.config.user = TRY(expand(user.name));
  add_config("USER " + state_.config.config.user);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Cmd& cmd) {
  const std::vector<std::string> words = with_shell(cmd.command);
  state_.config.config.cmd = some(words);
  state_.cmd_set = true;
  add_config("CMD " + dockerfile::quote_list(words));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Entrypoint& entrypoint) {
  const std::vector<std::string> words = with_shell(entrypoint.command);
  state_.config.config.entrypoint = some(words);
  // The base's CMD was meant for the base's ENTRYPOINT.
  if (!state_.cmd_set) state_.config.config.cmd = std::nullopt;
  add_config("ENTRYPOINT " + dockerfile::quote_list(words));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Healthcheck& check) {
  state_.config.config.healthcheck = oci::Healthcheck{.test = check.test,
                                                      .interval = check.interval,
                                                      .timeout = check.timeout,
                                                      .start_period = check.start_period,
                                                      .start_interval = check.start_interval,
                                                      .retries = check.retries};
  add_config(fmt::format(
      "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
      dockerfile::plain_list(check.test), dockerfile::format_duration(check.interval),
      dockerfile::format_duration(check.timeout), dockerfile::format_duration(check.start_period),
      dockerfile::format_duration(check.start_interval), check.retries));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::StopSignal& stop_signal) {
  const std::string signal = TRY(expand(stop_signal.signal));
  if (!valid_signal(signal))
    return fail(error_at(stop_signal.signal, fmt::format("invalid signal: {}", signal),
                         "write a name like SIGTERM or a number"));
  state_.config.config.stop_signal = signal;
  add_config("STOPSIGNAL " + signal);
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Shell& shell) {
  state_.config.config.shell = shell.words;
  add_config("SHELL " + dockerfile::plain_list(shell.words));
  return {};
}

Result<void> StageBuilder::act(const dockerfile::OnBuild& on_build) {
  state_.config.config.on_build.push_back(on_build.expression);
  // As in BuildKit, a trigger leaves no history.
  note_config_step();
  return {};
}

Result<void> StageBuilder::act(const dockerfile::Maintainer& maintainer) {
  state_.config.author = maintainer.name;
  add_config("MAINTAINER " + maintainer.name);
  return {};
}

}  // namespace pgstrata::graph
