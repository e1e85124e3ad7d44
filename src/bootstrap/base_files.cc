#include "bootstrap/base_files.h"

#include <fmt/format.h>

namespace pgstrata::bootstrap {
namespace {

constexpr std::string_view kCleanCommand =
    "\"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || "
    "true\";";

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string write_command(const BaseFile& file) {
  return fmt::format("mkdir -p \"$1\"{}\nprintf %s {} > \"$1\"{}\nchmod {:o} \"$1\"{}\n",
                     directory_of(file.path), shell_quote(file.text), file.path, file.mode, file.path);
}

/// Copyright files stay: licences ask for it.
constexpr std::string_view kSlimExcludes =
    "# What a slim image does without.\n"
    "path-exclude=/usr/share/doc/*\n"
    "path-include=/usr/share/doc/*/copyright\n"
    "path-exclude=/usr/share/groff/*\n"
    "path-exclude=/usr/share/info/*\n"
    "path-exclude=/usr/share/linda/*\n"
    "path-exclude=/usr/share/lintian/*\n"
    "path-exclude=/usr/share/locale/*\n"
    "path-include=/usr/share/locale/locale.alias\n"
    "path-exclude=/usr/share/man/*\n";

/// What mmdebstrap's last steps would do, but that the folders of downloads belong to the image's _apt: its
/// apt, which is the machine's, gives them to the _apt of the machine, who has another number in other
/// releases.
constexpr std::string_view kCleanApt =
    "rm -f \"$1\"/var/cache/apt/archives/*.deb\n"
    "find \"$1\"/var/lib/apt/lists -mindepth 1 -maxdepth 1 ! -name partial ! -name lock -exec rm -rf {} +\n"
    "user=$(sed -n 's/^_apt:[^:]*:\\([0-9]*\\):.*/\\1/p' \"$1\"/etc/passwd)\n"
    "for partial in \"$1\"/var/cache/apt/archives/partial \"$1\"/var/lib/apt/lists/partial; do\n"
    "  find \"$partial\" -mindepth 1 -delete\n"
    "  if [ -n \"$user\" ]; then chown \"$user\" \"$partial\"; fi\n"
    "done\n";

/// The essential packages are unpacked once without dpkg, so without its path-exclude: what that brought is
/// removed. (mmdebstrap can filter there, but with one Python process for each package: nine seconds
/// instead of three.)
constexpr std::string_view kSlimRemovals =
    "cd \"$1\"/usr/share\n"
    "rm -rf groff/* info/* linda/* lintian/* man/*\n"
    "if [ -d locale ]; then find locale -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +; "
    "fi\n"
    "find doc -depth -mindepth 1 ! -type d ! -path 'doc/*/copyright' -delete\n"
    "find doc -depth -mindepth 1 -type d -empty -delete\n"
    "cd /\n";

BaseFile slim_excludes() {
  return {.path = "/etc/dpkg/dpkg.cfg.d/docker", .text = std::string(kSlimExcludes)};
}

}  // namespace

std::string shell_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::vector<BaseFile> base_files(bool slim) {
  std::vector<BaseFile> files{
      {"/usr/sbin/policy-rc.d",
       "#!/bin/sh\n# Nothing is started while packages are installed into an image.\nexit 101\n", 0755},
      {"/etc/dpkg/dpkg.cfg.d/docker-apt-speedup",
       "# An interrupted image build starts again: no need to sync each file.\nforce-unsafe-io\n"},
      {"/etc/apt/apt.conf.d/docker-autoremove-suggests",
       "# autoremove also removes what is only suggested by something "
       "else.\nApt::AutoRemove::SuggestsImportant \"false\";\n"},
      {"/etc/apt/apt.conf.d/docker-clean",
       fmt::format("# Downloaded packages and apt's own caches would only make a layer larger.\n"
                   "DPkg::Post-Invoke {{ {0} }};\nAPT::Update::Post-Invoke {{ {0} }};\n"
                   "Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n",
                   kCleanCommand)},
      {"/etc/apt/apt.conf.d/docker-gzip-indexes",
       "# Package lists stay compressed on disk.\nAcquire::GzipIndexes \"true\";\n"},
      {"/etc/apt/apt.conf.d/docker-no-languages",
       "# No translated package descriptions.\nAcquire::Languages \"none\";\n"},
      {"/etc/apt/sources.list.d/debian.sources",
       "# Provided while an image is built; an image carries no mirror.\n"},
  };
  if (slim) files.push_back(slim_excludes());
  return files;
}

std::string setup_script(bool slim, const AptOptions& options) {
  std::string text = "set -e\n";
  text += write_command(
      {.path = "/etc/apt/apt.conf.d/00pgstrata",
       .text = apt_conf(options) + "Acquire::Languages \"none\";\nDPkg::Use-Pty \"false\";\n"});
  if (slim) text += write_command(slim_excludes());
  // For packages kept from an earlier bootstrap; apt wants the directory.
  text += "mkdir -p \"$1\"/var/cache/apt/archives/partial\n";
  return text;
}

std::string customize_script(bool slim) {
  std::string text =
      "set -e\n"
      "rm -f \"$1\"/etc/apt/apt.conf.d/00pgstrata \"$1\"/etc/apt/apt.conf.d/99mmdebstrap\n"
      "rm -f \"$1\"/etc/dpkg/dpkg.cfg.d/99mmdebstrap\n"
      "rm -f \"$1\"/etc/apt/sources.list \"$1\"/etc/apt/sources.list.d/*\n"
      "rm -f \"$1\"/etc/resolv.conf \"$1\"/etc/hostname\n"
      "if [ -e \"$1\"/etc/machine-id ]; then : > \"$1\"/etc/machine-id; fi\n"
      // Backups hold what was there a moment earlier, with the times of it.
      "rm -f \"$1\"/etc/passwd- \"$1\"/etc/group- \"$1\"/etc/shadow- \"$1\"/etc/gshadow- "
      "\"$1\"/etc/subuid- "
      "\"$1\"/etc/subgid-\n"
      "rm -f \"$1\"/var/cache/debconf/*-old \"$1\"/var/lib/dpkg/*-old "
      "\"$1\"/var/lib/dpkg/statoverride-old\n"
      "rm -f \"$1\"/var/cache/ldconfig/aux-cache \"$1\"/var/cache/apt/*.bin\n"
      // The accounting files are empty, and part of base-files' promise.
      "find \"$1\"/var/log -type f ! -name wtmp ! -name btmp ! -name lastlog ! -name faillog -delete\n";
  text += kCleanApt;
  if (slim) text += kSlimRemovals;
  for (const BaseFile& file : base_files(slim)) text += write_command(file);
  return text;
}

}  // namespace pgstrata::bootstrap
