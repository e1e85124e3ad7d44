#include "cli/run_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/container_verbs.h"

namespace pgstrata::cli {
namespace {

void add_list(CLI::App& app, const char* name, std::vector<std::string>& to, const char* help) {
  app.add_option(name, to, help)->allow_extra_args(false);
}

Result<void> parse_lists(const RunArguments& arguments, container::RunOptions& options) {
  for (const std::string& file : arguments.env_files)
    for (std::string& variable : TRY(container::read_environment_file(file)))
      options.env.push_back(std::move(variable));
  for (const std::string& text : arguments.env)
    if (auto variable = container::parse_environment(text)) options.env.push_back(std::move(*variable));
  for (const std::string& text : arguments.volumes)
    options.volumes.push_back(TRY(container::parse_volume(text)));
  for (const std::string& text : arguments.tmpfs)
    options.tmpfs.push_back(TRY(container::parse_tmpfs(text)));
  for (const std::string& text : arguments.ports) options.ports.push_back(TRY(container::parse_port(text)));
  for (const std::string& text : arguments.labels) {
    const size_t equals = text.find('=');
    options.labels[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  for (const std::string& text : arguments.add_hosts) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0)
      return fail({.kind = ErrorKind::kUsage,
                   .what = "bad value for --add-host",
                   .where = text,
                   .next = "NAME:ADDRESS"});
    options.extra_hosts.emplace_back(text.substr(0, colon), text.substr(colon + 1));
  }
  return {};
}

Result<void> parse_security(const RunArguments& arguments, container::RunOptions& options) {
  options.added_capabilities = arguments.added_capabilities;
  options.dropped_capabilities = arguments.dropped_capabilities;
  for (const std::string& text : arguments.security_options) {
    if (text == "no-new-privileges" || text == "no-new-privileges:true" || text == "no-new-privileges=true")
      options.no_new_privileges = true;
    else if (text == "seccomp=unconfined")
      options.seccomp = false;
    else if (text != "label=disable" && text != "apparmor=unconfined")
      return fail({.kind = ErrorKind::kUsage,
                   .what = "this security option isn't supported",
                   .where = text,
                   .next = "no-new-privileges and seccomp=unconfined are"});
  }
  return {};
}

Result<void> check_terminal(const container::RunOptions& options) {
  if (!options.terminal || !options.interactive || options.detach || ::isatty(STDIN_FILENO) != 0) return {};
  return fail({.kind = ErrorKind::kUsage, .what = "the input device is not a TTY", .next = "leave -t out"});
}

}  // namespace

void add_run_options(CLI::App& app, RunArguments& a) {
  app.prefix_command();
  app.footer(
      "IMAGE [COMMAND...] follow the options. Not supported: --init, --restart, --privileged, --device, "
      "--gpus, --cpus, --health-*, networks between containers.");
  add_list(app, "-e,--env", a.env, "NAME=VALUE, or NAME for this shell's value");
  add_list(app, "--env-file", a.env_files, "file with one of these per line");
  add_list(app, "-v,--volume", a.volumes, "DIRECTORY|NAME:PATH[:ro,nocopy], or PATH for a fresh volume");
  add_list(app, "-p,--publish", a.ports, "[ADDRESS:]HOST:CONTAINER, TCP");
  add_list(app, "--tmpfs", a.tmpfs, "PATH[:OPTIONS]");
  add_list(app, "-l,--label", a.labels, "NAME=VALUE");
  add_list(app, "--add-host", a.add_hosts, "NAME:ADDRESS for /etc/hosts");
  add_list(app, "--cap-add", a.added_capabilities, "capability to add");
  add_list(app, "--cap-drop", a.dropped_capabilities, "capability to take away, or ALL");
  add_list(app, "--security-opt", a.security_options, "no-new-privileges, seccomp=unconfined");
  app.add_option("--network,--net", a.network,
                 "host (default), none, private (only published ports; default if a -p needs it)");
  app.add_option("--name", a.name, "name of the container");
  app.add_option("-u,--user", a.user, "USER[:GROUP], names or numbers");
  app.add_option("--entrypoint", a.entrypoint, "program instead of the image's ENTRYPOINT; \"\" for none");
  app.add_option("-w,--workdir", a.working_dir, "working directory");
  app.add_option("--hostname", a.hostname, "host name");
  app.add_option("--shm-size", a.shm_size, "size of /dev/shm (64m)");
  app.add_option("-m,--memory", a.memory, "limit, e.g. 1g (root only)");
  app.add_option("--stop-signal", a.stop_signal, "signal that stops it (the image's, or TERM)");
  app.add_option("--stop-timeout", a.stop_timeout, "seconds from that signal to KILL (10)");
  app.add_flag("-d,--detach", a.detach, "run in the background, print the ID");
  app.add_flag("--rm", a.auto_remove, "remove the container when it ends");
  app.add_flag("-i,--interactive", a.interactive, "give it our stdin");
  app.add_flag("-t,--tty", a.terminal, "give it a terminal");
  app.add_flag("--watch", a.watch, "start it anew, with --rm, whenever IMAGE becomes another image");
  app.add_flag("--read-only", a.read_only, "root file system read-only");
}

Result<container::RunOptions> to_run_options(const CLI::App& app, const RunArguments& a) {
  container::RunOptions options;
  std::vector<std::string> words = TRY(words_behind_options(app, "run", "an image"));
  options.image = words.front();
  options.command.assign(words.begin() + 1, words.end());
  TRY_VOID(parse_lists(a, options));
  TRY_VOID(parse_security(a, options));
  if (!a.network.empty()) options.network = TRY(container::parse_network(a.network));
  if (!a.shm_size.empty()) options.shm_bytes = TRY(container::parse_size(a.shm_size));
  if (!a.memory.empty()) options.memory_bytes = TRY(container::parse_size(a.memory));
  if (!a.stop_signal.empty()) options.stop_signal = TRY(container::parse_signal(a.stop_signal));
  if (app.count("--entrypoint") > 0) options.entrypoint = a.entrypoint;
  if (app.count("--user") > 0) options.user = a.user;
  options.name = a.name;
  options.working_dir = a.working_dir;
  options.hostname = a.hostname;
  options.stop_timeout = a.stop_timeout;
  options.detach = a.detach;
  options.auto_remove = a.auto_remove;
  options.interactive = a.interactive;
  options.terminal = a.terminal;
  options.read_only = a.read_only;
  TRY_VOID(check_terminal(options));
  return options;
}

}  // namespace pgstrata::cli
