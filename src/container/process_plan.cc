#include <algorithm>
#include <array>
#include <string_view>

#include "container/start.h"
#include "sandbox/user_namespace.h"
#include "users/users.h"

namespace pgstrata::container {
namespace {

constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view variable_name(std::string_view variable) { return variable.substr(0, variable.find('=')); }

/// Puts a variable in, or in the place of the one of that name.
void set(std::vector<std::string>& env, const std::string& variable) {
  const auto same = std::ranges::find_if(
      env, [&](const std::string& one) { return variable_name(one) == variable_name(variable); });
  if (same == env.end())
    env.push_back(variable);
  else
    *same = variable;
}

bool has(const std::vector<std::string>& env, std::string_view name) {
  return std::ranges::any_of(env, [&](const std::string& one) { return variable_name(one) == name; });
}

Result<std::vector<std::string>> plan_arguments(const oci::ContainerConfig& config,
                                                const RunOptions& options) {
  std::vector<std::string> argv;
  // A new entrypoint doesn't get the arguments that were meant for the image's own.
  if (options.entrypoint) {
    if (!options.entrypoint->empty()) argv.push_back(*options.entrypoint);
  } else if (config.entrypoint) {
    argv = *config.entrypoint;
  }
  const bool image_arguments = options.command.empty() && !options.entrypoint && config.cmd;
  const std::vector<std::string>& rest = image_arguments ? *config.cmd : options.command;
  argv.insert(argv.end(), rest.begin(), rest.end());
  if (argv.empty() || argv.front().empty())
    return fail({.kind = ErrorKind::kUsage,
                 .what = "no command specified",
                 .where = options.image,
                 .why = "the image has neither ENTRYPOINT nor CMD",
                 .next = "name a program behind the image"});
  return argv;
}

Result<void> set_identity(const ImageRoot& image, const RunOptions& options, Process& process) {
  const users::Identity identity =
      TRY(users::resolve_identity(*image.tree, options.user.value_or(image.config.user)));
  process.uid = identity.uid;
  process.gid = identity.gid;
  process.groups = identity.groups;
  if (!has(process.env, "HOME")) process.env.push_back("HOME=" + identity.home);
  const auto missing = sandbox::missing_ids();
  if (!missing) return {};
  if (identity.uid != 0 || identity.gid != 0) return fail(*missing);
  process.groups.clear();
  return {};
}

}  // namespace

Result<Process> plan_process(const ImageRoot& image, const RunOptions& options,
                             const std::string& hostname) {
  Process process;
  process.terminal = options.terminal;
  process.argv = TRY(plan_arguments(image.config, options));
  process.env = {kDefaultPath, "HOSTNAME=" + hostname};
  if (options.terminal) process.env.emplace_back("TERM=xterm");
  for (const std::string& variable : image.config.env) set(process.env, variable);
  for (const std::string& variable : options.env) set(process.env, variable);
  process.cwd = !options.working_dir.empty()        ? options.working_dir
                : !image.config.working_dir.empty() ? image.config.working_dir
                                                    : "/";
  if (process.cwd.front() != '/')
    return fail({.kind = ErrorKind::kUsage,
                 .what = "the working directory isn't an absolute path",
                 .where = process.cwd});
  process.capabilities = TRY(capabilities(options.added_capabilities, options.dropped_capabilities));
  process.no_new_privileges = options.no_new_privileges;
  TRY_VOID(set_identity(image, options, process));
  return process;
}

}  // namespace pgstrata::container
