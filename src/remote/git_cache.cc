#include "remote/git_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "oci/digest.h"
#include "os/file.h"

namespace pgstrata::remote {
namespace {

/// A ref of ours for a fetched object, so that git neither forgets it nor hides it from a local fetch.
std::string own_ref(const GitCommit& commit) { return "refs/pgstrata/" + commit.object; }

tl::unexpected<Error> bad_subdir(const GitSource& source, const std::string& part, const char* why) {
  return fail(
      {.kind = ErrorKind::kBuildFailed,
       .what = fmt::format("{}: invalid subdir {}", without_credentials(source.remote), source.subdir),
       .why = fmt::format("\"{}\" {}", part, why)});
}

/// Only directories may lead to the subdir: a link could lead out of the checkout.
Result<void> check_subdir(const GitSource& source, const std::string& root) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = source.subdir.find('/', end + 1);
    const std::string part = source.subdir.substr(0, end);
    struct stat status {};
    if (::lstat((root + "/" + part).c_str(), &status) != 0)
      return bad_subdir(source, part, "isn't in the repository");
    if (!S_ISDIR(status.st_mode)) return bad_subdir(source, part, "is no directory");
  }
  return {};
}

/// Every file and directory gets the same time; directories after what is in them.
Result<void> set_times(const std::string& path, std::int64_t seconds) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fail(system_error("can't read the checkout", path));
  if (S_ISDIR(status.st_mode)) {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return fail(system_error("can't read the checkout", path));
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory)) names.emplace_back(&entry->d_name[0]);
    ::closedir(directory);
    for (const std::string& name : names)
      if (name != "." && name != "..") TRY_VOID(set_times(path + "/" + name, seconds));
  }
  const std::array<timespec, 2> times = {
      {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}}};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail(system_error("can't set the time of a checked out file", path));
  return {};
}

/// A submodule's checkout has a file .git that names a directory of the store. (BuildKit leaves its own.)
Result<void> remove_git_files(const std::string& tree) {
  std::error_code code;
  std::vector<std::filesystem::path> found;
  for (std::filesystem::recursive_directory_iterator at(tree, code), end; !code && at != end;
       at.increment(code))
    if (at->path().filename() == ".git") found.push_back(at->path());
  for (const auto& path : found) std::filesystem::remove(path, code);
  if (code) return fail(system_error("can't read the checkout", tree, code.value()));
  return {};
}

}  // namespace

GitRepository::GitRepository(os::Fd lock, std::string path, Git git)
    : lock_(std::move(lock)), path_(std::move(path)), git_(std::move(git)) {}

Result<GitRepository> GitRepository::open(const std::string& root, const Git& git, const GitSource& source,
                                          bool sha256) {
  TRY_VOID(os::make_directories(root, 0700));
  const std::string path = root + "/" + oci::sha256(source.remote).hex();
  os::Fd lock = TRY(os::open(path + ".lock", O_RDWR | O_CREAT, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock a stored repository", path));
  GitRepository repository(std::move(lock), path, git.with_git_dir(path));
  if (os::exists(path + "/complete")) return repository;
  TRY_VOID(os::remove_tree(path));
  std::vector<std::string> init = {"-c", "init.defaultBranch=master", "init", "--quiet", "--bare"};
  if (sha256) init.emplace_back("--object-format=sha256");
  TRY_VOID(repository.git_.run(init));
  TRY_VOID(repository.git_.run({"remote", "add", "origin", source.remote}));
  TRY_VOID(os::write_file(path + "/complete", ""));
  return repository;
}

Result<void> GitRepository::fetch(const GitSource& source, const GitCommit& commit,
                                  const std::stop_token& stop) {
  const std::string type = commit.object + "^{commit}";
  if (git_.succeeds({"cat-file", "-e", type})) return {};
  static_cast<void>(::unlink((path_ + "/shallow.lock").c_str()));  // of a killed build; we hold the lock
  // First the ref as it is now. A server may refuse to give a bare hash, and then all that it has is
  // wanted.
  auto fetched = git_.run({"fetch", "--depth=1", "--no-tags", "--force", "--", "origin", commit.ref}, stop);
  if (!fetched && fetched.error().kind != ErrorKind::kBuildFailed) return fail(std::move(fetched).error());
  if (!git_.succeeds({"cat-file", "-e", type})) {
    std::vector<std::string> all = {"fetch", "--tags", "--force"};
    if (os::exists(path_ + "/shallow")) all.emplace_back("--unshallow");
    all.insert(all.end(), {"--", "origin", "+refs/heads/*:refs/remotes/origin/*"});
    fetched = git_.run(all, stop);
  }
  if (!git_.succeeds({"cat-file", "-e", type})) {
    Error error{
        .kind = ErrorKind::kBuildFailed,
        .what = fmt::format("can't fetch {} from {}", commit.object, without_credentials(source.remote)),
        .why = "the repository doesn't have that commit"};
    if (!fetched) error.why = fetched.error().why;
    return fail(std::move(error));
  }
  TRY_VOID(git_.run({"update-ref", own_ref(commit), commit.object}));
  return {};
}

Result<std::int64_t> GitRepository::commit_time(const GitCommit& commit) const {
  const std::string text = TRY(git_.run({"log", "-1", "--format=%ct", commit.object + "^{commit}"}));
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

Result<void> GitRepository::check_out_repository(const Git& git, const GitSource& source,
                                                 const GitCommit& commit,
                                                 const std::stop_token& stop) const {
  std::vector<std::string> init = {"-c", "init.defaultBranch=master", "init", "--quiet"};
  if (commit.object.size() == 64) init.emplace_back("--object-format=sha256");
  TRY_VOID(git.run(init));
  TRY_VOID(git_.run({"update-ref", own_ref(commit), commit.object}));
  // By file://, so that git copies objects, and never links them into an image.
  TRY_VOID(git.run({"remote", "add", "origin", "file://" + path_}));
  std::string what = own_ref(commit);
  if (!is_commit(commit.ref)) what += ":" + commit.ref;
  TRY_VOID(git.run({"fetch", "-u", "--depth=1", "--", "origin", what}, stop));
  TRY_VOID(git.run({"checkout", "--quiet", "FETCH_HEAD"}, stop));
  TRY_VOID(git.run({"remote", "set-url", "origin", without_credentials(source.remote)}));
  TRY_VOID(git.run({"reflog", "expire", "--all", "--expire=now"}));
  return {};
}

Result<void> GitRepository::check_out(const GitSource& source, const GitCommit& commit,
                                      const std::string& target, const std::stop_token& stop) const {
  const std::string tree = source.subdir.empty() ? target : target + ".whole";
  TRY_VOID(os::make_directories(tree));
  Git git = git_.with_work_tree(tree);
  // As in BuildKit, a subdir has no use for a .git.
  const bool keep = source.keep_git_dir.value_or(false) && source.subdir.empty();
  if (keep) {
    git = git.with_git_dir(tree + "/.git");
    TRY_VOID(check_out_repository(git, source, commit, stop));
    static_cast<void>(::unlink((tree + "/.git/FETCH_HEAD").c_str()));
  } else {
    static_cast<void>(::unlink((path_ + "/index").c_str()));  // it tells of another tree
    TRY_VOID(git.run({"checkout", "--quiet", "--no-overlay", commit.object, "--", "."}, stop));
  }
  if (source.submodules && os::exists(tree + "/.gitmodules")) {
    // Their addresses may have changed since the last checkout.
    TRY_VOID(git.run({"submodule", "--quiet", "sync", "--recursive"}, stop));
    TRY_VOID(git.run({"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"}, stop));
  }
  if (!keep) TRY_VOID(remove_git_files(tree));
  if (!source.subdir.empty()) {
    TRY_VOID(check_subdir(source, tree));
    if (::rename((tree + "/" + source.subdir).c_str(), target.c_str()) != 0)
      return fail(system_error("can't move the checkout", target));
    TRY_VOID(os::remove_tree(tree));
  }
  if (source.commit_times) {
    const std::int64_t seconds = TRY(commit_time(commit));
    TRY_VOID(set_times(target, seconds));
  }
  return {};
}

}  // namespace pgstrata::remote
