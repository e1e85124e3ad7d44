#include "dockerfile/dump.h"

#include <fmt/format.h>

#include <variant>

#include "dockerfile/go_syntax.h"

namespace pgstrata::dockerfile {
namespace {

// Collects " name=value" for members that aren't at their default.
class Members {
 public:
  Members& add(std::string_view name, const std::string& value) {
    if (!value.empty()) text_ += fmt::format(" {}={}", name, quote(value));
    return *this;
  }
  Members& add(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) text_ += fmt::format(" {}={}", name, quote_list(values));
    return *this;
  }
  Members& add(std::string_view name, const std::optional<bool>& value) {
    if (value) text_ += fmt::format(" {}={}", name, *value);
    return *this;
  }
  Members& flag(std::string_view name, bool value) {
    if (value) text_ += fmt::format(" {}", name);
    return *this;
  }
  Members& duration(std::string_view name, std::int64_t value) {
    if (value != 0) text_ += fmt::format(" {}={}", name, format_duration(value));
    return *this;
  }
  Members& add(const CommandLine& command) {
    text_ += command.exec_form ? " exec=" : " shell=";
    text_ += quote_list(command.words);
    return *this;
  }
  Members& add(const std::vector<KeyValue>& pairs) {
    for (const KeyValue& pair : pairs)
      text_ += fmt::format(" {}{}{}", quote(pair.name), pair.legacy ? " " : "=", quote(pair.value));
    return *this;
  }
  Members& add(const CopySources& sources) {
    add("sources", sources.paths);
    for (const InlineSource& file : sources.inline_files)
      text_ += fmt::format(" {}={}{}", file.expand ? "inline" : "literal", quote(file.name + ":"),
                           quote(file.text));
    return add("destination", sources.destination);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

struct Dumper {
  std::string operator()(const From& from) const {
    return Members()
        .add("base", from.base)
        .add("platform", from.platform.value_or(""))
        .add("name", from.name)
        .take();
  }
  std::string operator()(const Run& run) const {
    Members members;
    members.add(run.command);
    for (const MountFlag& mount : run.mounts) members.add("mount", mount.fields);
    members.flag("network=none", run.network == RunNetwork::kNone);
    members.flag("network=host", run.network == RunNetwork::kHost);
    members.flag("security=insecure", run.security == RunSecurity::kInsecure);
    for (const Device& device : run.devices)
      members.add("device", device.name).flag("required", device.required);
    return members.take();
  }
  std::string operator()(const Copy& copy) const {
    return Members()
        .add("from", copy.from)
        .add(copy.sources)
        .add("chown", copy.chown)
        .add("chmod", copy.chmod)
        .flag("link", copy.link)
        .flag("parents", copy.parents)
        .add("exclude", copy.exclude)
        .take();
  }
  std::string operator()(const Add& add) const {
    return Members()
        .add(add.sources)
        .add("chown", add.chown)
        .add("chmod", add.chmod)
        .flag("link", add.link)
        .add("keep_git_dir", add.keep_git_dir)
        .add("checksum", add.checksum)
        .add("unpack", add.unpack)
        .add("exclude", add.exclude)
        .take();
  }
  std::string operator()(const Env& env) const { return Members().add(env.values).take(); }
  std::string operator()(const Label& label) const { return Members().add(label.values).take(); }
  std::string operator()(const Arg& arg) const {
    std::string text;
    for (const ArgDefinition& definition : arg.definitions)
      text += " " + quote(definition.name) + (definition.value ? "=" + quote(*definition.value) : "");
    return text;
  }
  std::string operator()(const Expose& expose) const { return Members().add("ports", expose.ports).take(); }
  std::string operator()(const Volume& volume) const { return Members().add("paths", volume.paths).take(); }
  std::string operator()(const User& user) const { return Members().add("name", user.name).take(); }
  std::string operator()(const Workdir& workdir) const {
    return Members().add("path", workdir.path).take();
  }
  std::string operator()(const Cmd& cmd) const { return Members().add(cmd.command).take(); }
  std::string operator()(const Entrypoint& entrypoint) const {
    return Members().add(entrypoint.command).take();
  }
  std::string operator()(const Healthcheck& check) const {
    return Members()
        .add("test", check.test)
        .duration("interval", check.interval)
        .duration("timeout", check.timeout)
        .duration("start_period", check.start_period)
        .duration("start_interval", check.start_interval)
        .add("retries", check.retries == 0 ? "" : std::to_string(check.retries))
        .take();
  }
  std::string operator()(const StopSignal& stop) const {
    return Members().add("signal", stop.signal).take();
  }
  std::string operator()(const Shell& shell) const { return Members().add("words", shell.words).take(); }
  std::string operator()(const OnBuild& on_build) const {
    return Members().add("expression", on_build.expression).take();
  }
  std::string operator()(const Maintainer& maintainer) const {
    return Members().add("name", maintainer.name).take();
  }
};

std::string dump_heredoc(const Heredoc& heredoc) {
  return fmt::format("{}<<{}{}{}", heredoc.fd == 0 ? "" : std::to_string(heredoc.fd),
                     heredoc.chomp ? "-" : "", heredoc.expand ? heredoc.name : "'" + heredoc.name + "'",
                     quote(heredoc.content));
}

}  // namespace

std::string dump(const Instruction& instruction) {
  const SourceRange& at = instruction.range;
  std::string text = std::to_string(at.line);
  if (at.last_line != at.line) text += fmt::format("-{}", at.last_line);
  text += " " + to_upper(instruction.keyword) + std::visit(Dumper{}, instruction.action);
  if (std::holds_alternative<Run>(instruction.action))
    for (const Heredoc& heredoc : instruction.heredocs) text += " " + dump_heredoc(heredoc);
  return text + "\n";
}

std::string dump(const Dockerfile& dockerfile) {
  std::string text;
  if (dockerfile.directives.syntax) text += "# syntax=" + dockerfile.directives.syntax->command_line + "\n";
  if (dockerfile.directives.escape != '\\')
    text += fmt::format("# escape={}\n", dockerfile.directives.escape);
  for (const Instruction& instruction : dockerfile.instructions) text += dump(instruction);
  for (const SourceRange& place : dockerfile.empty_continuations)
    text += fmt::format("{} empty continuation\n", place.line);
  return text;
}

}  // namespace pgstrata::dockerfile
