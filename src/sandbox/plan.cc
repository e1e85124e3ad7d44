#include "sandbox/plan.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "sandbox/seccomp.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::sandbox {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Compiled once: the result doesn't change, and compiling costs as much as starting a program.
Result<std::vector<sock_filter>> filter_for(const ProcessSpec& spec) {
  static const auto suppressing = compile_filter({.suppress_sync = true, .deny = true});
  static const auto honest = compile_filter({.suppress_sync = false, .deny = true});
  if (spec.insecure) return compile_filter({.suppress_sync = spec.suppress_sync, .deny = false});
  return spec.suppress_sync ? suppressing : honest;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// The last one wins, as with getenv of an environment written in order.
std::string_view path_of(const std::vector<std::string>& env) {
  constexpr std::string_view kName = "PATH=";
  std::string_view path = kDefaultPath;
  for (const std::string& variable : env)
    if (variable.starts_with(kName)) path = std::string_view(variable).substr(kName.size());
  return path;
}

}  // namespace

std::vector<std::string> search_path(const std::string& program, const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  if (program.empty()) return candidates;
  const std::string_view path = path_of(env);
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find(':', start), path.size());
    const std::string_view dir = path.substr(start, end - start);
    candidates.push_back(fmt::format("{}/{}", dir.empty() ? "." : dir, program));
    start = end + 1;
  }
  return candidates;
}

Result<void> fill_plan(const ProcessSpec& spec, ProgramPlan& plan) {
  if (spec.argv.empty())
    return fail({.kind = ErrorKind::kUsage, .what = "there is no program to run", .next = "name one"});
  plan.cwd = spec.cwd;
  const std::string& program = spec.argv.front();
  plan.candidates = search_path(program, spec.env);
  plan.not_found =
      program.find('/') != std::string::npos
          ? fmt::format("pgstrata: can't run {}: it, or the interpreter it names, does not exist\n",
                        program)
          : fmt::format("pgstrata: can't run {}: not found in PATH ({})\n", program, path_of(spec.env));
  plan.not_runnable = fmt::format("pgstrata: can't run {}: ", program);
  for (const std::string& path : plan.candidates) plan.candidate_pointers.push_back(path.c_str());
  plan.argv = pointers(spec.argv);
  plan.env = pointers(spec.env);
  plan.uid = spec.uid;
  plan.gid = spec.gid;
  plan.groups.assign(spec.groups.begin(), spec.groups.end());
  plan.limits = spec.limits;
  plan.can_set_groups = !missing_ids();
  plan.insecure = spec.insecure;
  plan.filter = TRY(filter_for(spec));
  plan.filter_program = {.len = static_cast<unsigned short>(plan.filter.size()),
                         .filter = plan.filter.data()};
  return {};
}

}  // namespace pgstrata::sandbox
