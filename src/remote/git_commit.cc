// Which commit a branch, a tag or nothing stands for.
#include <fmt/format.h>

#include <map>

#include "os/process.h"
#include "remote/git_cache.h"

namespace pgstrata::remote {
namespace {

std::string with_prefix(const std::string& prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : prefix + name;
}

Error with_remote(Error error, const GitSource& source) {
  error.what = fmt::format("can't read the Git repository {}", without_credentials(source.remote));
  if (error.kind == ErrorKind::kBuildFailed)
    error.next =
        "check the address and the network; --secret id=GIT_AUTH_TOKEN,src=FILE gives a token, --ssh "
        "default an agent";
  error.detail.clear();
  return error;
}

Result<std::string> ls_remote(const Git& git, const GitSource& source, std::vector<std::string> arguments,
                              const std::stop_token& stop) {
  arguments.insert(arguments.begin(), "ls-remote");
  auto text = git.run(arguments, stop);
  if (!text) return fail(with_remote(std::move(text).error(), source));
  return text;
}

Result<std::string> default_branch(const Git& git, const GitSource& source, const std::stop_token& stop) {
  const std::string text = TRY(ls_remote(git, source, {"--symref", "--", source.remote, "HEAD"}, stop));
  constexpr std::string_view kPrefix = "ref: refs/heads/";
  std::string branch;
  os::LineSplitter lines([&](std::string_view line) {
    if (branch.empty() && line.starts_with(kPrefix))
      branch = line.substr(kPrefix.size(), line.find('\t') - kPrefix.size());
  });
  lines.add(text);
  lines.finish();
  if (!branch.empty() && !branch.starts_with('-')) return branch;
  return fail({.kind = ErrorKind::kBuildFailed,
               .what = fmt::format("{} has no default branch", without_credentials(source.remote)),
               .next = "name a branch, tag or commit: URL#NAME"});
}

/// Lines of "<hash>\t<ref>".
std::map<std::string, std::string> parse_refs(const std::string& text) {
  std::map<std::string, std::string> refs;
  os::LineSplitter lines([&](std::string_view line) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string_view::npos) refs[std::string(line.substr(tab + 1))] = line.substr(0, tab);
  });
  lines.add(text);
  lines.finish();
  return refs;
}

Result<void> check(const GitSource& source, const std::string& object, const std::string& commit) {
  if (object.starts_with(source.checksum) || commit.starts_with(source.checksum)) return {};
  return fail({.kind = ErrorKind::kCorrupt,
               .what = fmt::format("{} isn't the expected commit", without_credentials(source.remote)),
               .why = fmt::format("expected checksum to match {}, got {}", source.checksum,
                                  object == commit ? object : object + " or " + commit),
               .next = "if the new commit is the right one, put its hash into --checksum"});
}

}  // namespace

Result<GitCommit> resolve_commit(const Git& git, const GitSource& source, const std::stop_token& stop) {
  if (source.checksum.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("invalid checksum {} for Git URL, expected hex commit hash",
                                     source.checksum)});
  if (is_commit(source.ref)) {
    TRY_VOID(check(source, source.ref, source.ref));
    return GitCommit{.object = source.ref, .commit = source.ref, .ref = source.ref};
  }
  if (source.fetch_by_commit) return GitCommit{source.checksum, source.checksum, source.checksum};
  std::string ref = source.ref;
  if (ref.empty()) ref = TRY(default_branch(git, source, stop));
  const std::string text = TRY(ls_remote(git, source, {"--", source.remote, ref, ref + "^{}"}, stop));
  const auto refs = parse_refs(text);
  const std::string tag = with_prefix("refs/tags/", ref);
  // In this order: git prefers branches as well.
  for (const std::string& name : {with_prefix("refs/", ref), with_prefix("refs/heads/", ref), tag}) {
    const auto found = refs.find(name);
    if (found == refs.end()) continue;
    const auto peeled = refs.find(name + "^{}");
    GitCommit commit{.object = found->second, .commit = found->second, .ref = name};
    if (peeled != refs.end()) commit.commit = peeled->second;
    if (!is_commit(commit.object) || !is_commit(commit.commit))
      return fail({.kind = ErrorKind::kBuildFailed,
                   .what = fmt::format("{}: invalid commit hash \"{}\"", without_credentials(source.remote),
                                       commit.object)});
    TRY_VOID(check(source, commit.object, commit.commit));
    return commit;
  }
  return fail({.kind = ErrorKind::kBuildFailed,
               .what = fmt::format("the repository {} does not contain ref {}",
                                   without_credentials(source.remote), ref),
               .next = "name a branch, a tag or a whole commit hash after '#'"});
}

}  // namespace pgstrata::remote
