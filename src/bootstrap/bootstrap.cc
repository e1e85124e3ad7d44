#include "bootstrap/bootstrap.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>

#include "bootstrap/apt_options.h"
#include "bootstrap/apt_sources.h"
#include "bootstrap/base_files.h"
#include "bootstrap/release.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"

namespace pgstrata::bootstrap {
namespace {

constexpr size_t kKeptLines = 30;

bool is_root() { return ::geteuid() == 0; }

std::vector<std::string> environment(const std::vector<std::pair<std::string, std::string>>& changes) {
  const char* path = std::getenv("PATH");
  // A plain user's PATH often lacks sbin, where chroot and ldconfig are.
  std::vector<std::pair<std::string, std::string>> all{
      {"PATH", fmt::format("{}:/usr/sbin:/usr/bin:/sbin:/bin", path != nullptr ? path : "/usr/local/bin")},
      {"LC_ALL", "C.UTF-8"},
      {"LANGUAGE", ""}};
  all.insert(all.end(), changes.begin(), changes.end());
  return os::environment_with(all);
}

/// A directory below the temporary one that goes with this object, whoever owns what is in it.
class Workspace {
 public:
  static Result<Workspace> make(const std::string& parent) {
    const char* tmpdir = std::getenv("TMPDIR");
    std::string pattern = !parent.empty() ? parent : tmpdir != nullptr && *tmpdir != '\0' ? tmpdir : "/tmp";
    pattern += "/pgstrata-bootstrap.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(system_error("can't make a temporary directory", pattern));
    // mmdebstrap's unshared user isn't us, and makes its own directory (0700) in here.
    if (::chmod(pattern.c_str(), 01777) != 0)
      return fail(system_error("can't open up the directory", pattern));
    return Workspace(std::move(pattern));
  }
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() {
    if (path_.empty() || os::remove_tree(path_)) return;
    // What a killed mmdebstrap left belongs to subordinate ids: only its own namespace can remove it.
    static_cast<void>(os::capture(
        {.argv = {"mmdebstrap", "--unshare-helper", "rm", "-rf", path_}, .env = environment({})}));
    static_cast<void>(os::remove_tree(path_));
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit Workspace(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Where .debs stay between bootstraps: archives/ is read, `incoming` is filled and then renamed file by
/// file, so that a file in archives/ is always whole.
class PackageCache {
 public:
  PackageCache(std::string directory, std::string incoming)
      : directory_(std::move(directory)), incoming_(std::move(incoming)) {}
  PackageCache(const PackageCache&) = delete;
  PackageCache& operator=(const PackageCache&) = delete;
  ~PackageCache() {
    if (is_used()) static_cast<void>(os::remove_tree(incoming_));
  }

  [[nodiscard]] bool is_used() const { return !directory_.empty(); }
  [[nodiscard]] std::string archives() const { return directory_ + "/archives"; }
  [[nodiscard]] const std::string& incoming() const { return incoming_; }

  Result<void> open() {
    if (!is_used()) return {};
    TRY_VOID(os::make_directories(archives()));
    return os::make_directories(incoming_);
  }
  [[nodiscard]] bool has_packages() const { return is_used() && !debs(archives()).empty(); }
  /// Failing to keep a package only costs a download.
  void keep() const {
    if (!is_used()) return;
    for (const std::string& name : debs(incoming_))
      ::rename((incoming_ + "/" + name).c_str(), (archives() + "/" + name).c_str());
  }
  void clear() const {
    if (is_used()) static_cast<void>(os::remove_tree(archives()));
  }

 private:
  static std::vector<std::string> debs(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()),
                                                  [](DIR* d) { return ::closedir(d); });
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
      if (std::string_view(entry->d_name).ends_with(".deb")) names.emplace_back(entry->d_name);
    return names;
  }

  std::string directory_;
  std::string incoming_;
};

/// What is known before mmdebstrap starts.
struct Plan {
  std::string codename;
  std::int64_t epoch = 0;
  bool slim = false;
  std::vector<AptSource> sources;  ///< those that the mirror has
  AptOptions apt;
};

Result<void> check_machine(const DebianMirrors& mirrors) {
  const char* path = std::getenv("PATH");
  if (os::find_program("mmdebstrap", fmt::format("{}:/usr/bin", path != nullptr ? path : "/bin")).empty())
    return fail({.kind = ErrorKind::kMachine,
                 .what = "mmdebstrap is missing, which makes base images where no registry can be reached",
                 .next = "apt-get install mmdebstrap"});
  if (!mirrors.archive.trusted && !os::exists(std::string(kDebianKeyring)))
    return fail({.kind = ErrorKind::kMachine,
                 .what = "the keys of Debian's archive are missing",
                 .where = std::string(kDebianKeyring),
                 .next = "apt-get install debian-archive-keyring"});
  return {};
}

Result<Plan> make_plan(const BaseName& base, const std::string& directory, const std::stop_token& stop) {
  const DebianMirrors mirrors = TRY(debian_mirrors());
  TRY_VOID(check_machine(mirrors));
  Plan plan{.slim = base.slim};
  plan.apt = TRY(apt_options());
  const AptSource asked{mirrors.archive, base.suite};
  const auto release = TRY(fetch_release(asked, plan.apt, directory, stop));
  if (!release || release->origin != "Debian")
    return fail(
        {.kind = ErrorKind::kMachine,
         .what = release ? "the mirror is not one of Debian's archive" : "the mirror has no such suite",
         .where = release_url(asked),
         .next = "set PGSTRATA_APT_MIRROR to the URL of a Debian mirror that has it"});
  plan.codename = release->codename;
  plan.epoch = release->date;
  for (AptSource& source : TRY(sources_of(mirrors, plan.codename))) {
    // Old suites lose their updates, new ones have no security archive yet: apt takes that for a failure.
    if (source.suite != plan.codename && !TRY(fetch_release(source, plan.apt, directory, stop))) continue;
    plan.sources.push_back(std::move(source));
  }
  return plan;
}

/// Special hooks of mmdebstrap are split into words as a shell does it.
std::string special_hook(std::string_view name, const std::string& first, const std::string& second) {
  return fmt::format("{} {} {}", name, shell_quote(first), shell_quote(second));
}

/// Scripts go into files, because mmdebstrap prints the whole text of a hook before it runs it.
struct HookFiles {
  std::string setup;
  std::string customize;
  std::string status;  ///< where dpkg's status file is copied to
};

Result<HookFiles> write_hooks(const Plan& plan, const std::string& directory) {
  HookFiles files{.setup = directory + "/setup.sh",
                  .customize = directory + "/customize.sh",
                  .status = directory + "/status"};
  TRY_VOID(os::write_file(files.setup, setup_script(plan.slim, plan.apt)));
  TRY_VOID(os::write_file(files.customize, customize_script(plan.slim)));
  return files;
}

std::vector<std::string> arguments(const Plan& plan, const HookFiles& hooks, const PackageCache& cache,
                                   bool use_cached) {
  std::vector<std::string> argv;
  if (is_root()) {
    // apt gives dpkg a session of its own, out of reach of our signals: a process namespace holds them all.
    argv = {"unshare", "--mount", "--pid", "--fork", "--kill-child"};
  }
  argv.insert(argv.end(),
              {"mmdebstrap", is_root() ? "--mode=root" : "--mode=unshare", "--variant=minbase",
               "--format=tar", "--skip=output/dev", "--skip=cleanup/apt", "--dpkgopt=force-unsafe-io"});
  argv.push_back(fmt::format("--setup-hook=sh {} \"$1\"", shell_quote(hooks.setup)));
  if (cache.is_used()) {
    argv.emplace_back("--skip=essential/unlink");
    if (use_cached)
      argv.push_back("--setup-hook=" +
                     special_hook("sync-in", cache.archives(), "/var/cache/apt/archives"));
    argv.push_back("--customize-hook=" +
                   special_hook("sync-out", "/var/cache/apt/archives", cache.incoming()));
  }
  if (plan.sources.front().mirror.uri.starts_with("file:"))
    argv.emplace_back("--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount");
  // As Debian's own images: /bin and the like are links from bookworm on, made before the first package.
  if (plan.codename != "bullseye")
    argv.emplace_back("--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr");
  argv.push_back(fmt::format("--customize-hook=sh {} \"$1\"", shell_quote(hooks.customize)));
  argv.push_back("--customize-hook=" + special_hook("download", "/var/lib/dpkg/status", hooks.status));
  argv.insert(argv.end(), {plan.codename, "-", "-"});
  return argv;
}

/// The last lines, for the error.
class Tail {
 public:
  void add(std::string_view line) {
    lines_.emplace_back(line);
    if (lines_.size() > kKeptLines) lines_.pop_front();
  }
  [[nodiscard]] std::string text() const { return fmt::format("{}\n", fmt::join(lines_, "\n")); }

 private:
  std::deque<std::string> lines_;
};

Result<void> run_mmdebstrap(const Plan& plan, std::vector<std::string> argv, const std::string& directory,
                            int output, const ProgressLine& progress, const std::stop_token& stop) {
  Tail tail;
  os::LineSplitter lines([&](std::string_view line) {
    tail.add(line);
    if (progress) progress(line);
  });
  const os::Command command{.argv = std::move(argv),
                            .env = environment({{"TMPDIR", directory},
                                                {"SOURCE_DATE_EPOCH", std::to_string(plan.epoch)},
                                                {"DEBIAN_FRONTEND", "noninteractive"}}),
                            .cwd = "/",
                            .input = deb822(plan.sources),
                            .stdout_fd = output};
  Result<os::ExitStatus> ran = os::run(
      command, [&lines](os::Stream, std::string_view text) { lines.add(text); }, stop);
  lines.finish();
  if (!ran && ran.error().kind == ErrorKind::kCancelled)
    ran.error().what = fmt::format("making debian:{} was stopped", plan.codename);
  if (!ran) return fail(std::move(ran).error());
  if (os::succeeded(*ran)) return {};
  return fail(
      {.kind = ErrorKind::kMachine,
       .what = fmt::format("mmdebstrap could not make debian:{}", plan.codename),
       .why = os::describe(*ran),
       .next =
           is_root()
               ? "see its last lines"
               : "see its last lines; a plain user needs user namespaces and entries in /etc/subuid and "
                 "/etc/subgid",
       .detail = tail.text()});
}

/// A file that is there under its name only when complete.
class PendingFile {
 public:
  explicit PendingFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {}
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile() {
    if (fd_) ::unlink(temporary_.c_str());
  }
  Result<int> open() {
    fd_.reset(::mkostemp(temporary_.data(), O_CLOEXEC));
    if (!fd_) return fail(system_error("can't create", path_));
    ::fchmod(fd_.get(), 0644);
    return fd_.get();
  }
  Result<void> restart() {
    if (::ftruncate(fd_.get(), 0) != 0) return fail(system_error("can't truncate", temporary_));
    ::lseek(fd_.get(), 0, SEEK_SET);
    return {};
  }
  Result<void> commit() {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      return fail(system_error("can't rename to", path_));
    fd_.reset();
    return {};
  }

 private:
  std::string path_;
  std::string temporary_;
  os::Fd fd_;
};

}  // namespace

Result<BootstrappedBase> bootstrap(const BaseName& base, const BootstrapOptions& options,
                                   const ProgressLine& progress, std::stop_token stop) {
  const Workspace workspace = TRY(Workspace::make(options.temporary));
  const std::string& link = options.temporary_link;
  if (!link.empty() && ::symlink(workspace.path().c_str(), link.c_str()) != 0)
    return fail(system_error("can't make a link to the temporary directory", link));
  const Plan plan = TRY(make_plan(base, workspace.path(), stop));
  PackageCache cache(options.package_cache, options.output + ".packages");
  TRY_VOID(cache.open());
  PendingFile output(options.output);
  const int fd = TRY(output.open());
  const HookFiles hooks = TRY(write_hooks(plan, workspace.path()));

  const bool use_cached = cache.has_packages();
  auto made =
      run_mmdebstrap(plan, arguments(plan, hooks, cache, use_cached), workspace.path(), fd, progress, stop);
  if (!made && use_cached && made.error().kind != ErrorKind::kCancelled) {
    // apt trusts a cached package of the right size; after a power cut that may be zeros.
    if (progress) progress("trying again without the packages kept from earlier");
    TRY_VOID(output.restart());
    made = run_mmdebstrap(plan, arguments(plan, hooks, cache, false), workspace.path(), fd, progress, stop);
    if (made) cache.clear();
  }
  TRY_VOID(std::move(made));
  cache.keep();

  BootstrappedBase result{.name = fmt::format("debian:{}{}", plan.codename, plan.slim ? "-slim" : ""),
                          .codename = plan.codename,
                          .epoch = plan.epoch};
  const std::string status = TRY(os::read_file(hooks.status));
  result.packages = parse_dpkg_status(status);
  result.labels = {
      {"pgstrata.bootstrap", result.name},
      {"pgstrata.bootstrap.date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(plan.epoch))}};
  TRY_VOID(output.commit());
  return result;
}

std::vector<Package> parse_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  bool installed = false;
  const auto finish = [&] {
    if (installed && !package.name.empty()) packages.push_back(package);
    package = {};
    installed = false;
  };
  os::LineSplitter lines([&](std::string_view line) {
    const auto value = [line](std::string_view name) -> std::optional<std::string> {
      if (!line.starts_with(name)) return {};
      return std::string(line.substr(name.size()));
    };
    if (line.empty()) finish();
    if (const auto name = value("Package: ")) package.name = *name;
    if (const auto version = value("Version: ")) package.version = *version;
    if (const auto architecture = value("Architecture: ")) package.architecture = *architecture;
    if (const auto status = value("Status: ")) installed = status->ends_with(" installed");
  });
  lines.add(text);
  lines.finish();
  finish();
  std::sort(packages.begin(), packages.end(),
            [](const Package& a, const Package& b) { return a.name < b.name; });
  return packages;
}

}  // namespace pgstrata::bootstrap
