# shellcheck shell=bash
# Packages: one index for the whole build, no recommended packages, no documentation, nothing left behind.
#
# $APT_CACHE may be a cache mount that several steps, stages and builds share; without the mount, `scrub` removes it. It is
# a folder of its own because buildah 1.28 removes what it has mounted on from the image, also if the base had it.

APT_CACHE=${APT_CACHE:-/var/cache/setup}
APT_INDEX_MINUTES=${APT_INDEX_MINUTES:-60}
apt_archives=$APT_CACHE/archives-${SETUP_STAGE:-runtime} # apt locks it: one per stage that runs at the same time

apt_options=(
  -qq
  -o "Dir::Cache::archives=$apt_archives"
  # The index is used at once and thrown away: what unpacks fastest costs least.
  -o Acquire::GzipIndexes=false
  -o Acquire::CompressionTypes::Order::=gz
  -o Acquire::Languages=none
  -o Dir::Log::Planner=/dev/null
  -o APT::Install-Recommends=false
  -o APT::Keep-Downloaded-Packages=true
  -o Dpkg::Use-Pty=false
  -o Dpkg::Options::=--force-unsafe-io
  -o Dpkg::Options::=--force-confold
  -o 'Dpkg::Options::=--path-exclude=/usr/share/doc/*'
  -o 'Dpkg::Options::=--path-include=/usr/share/doc/*/copyright'
  -o 'Dpkg::Options::=--path-exclude=/usr/share/man/*'
  -o 'Dpkg::Options::=--path-exclude=/usr/share/info/*'
  -o 'Dpkg::Options::=--path-exclude=/usr/share/lintian/*'
  -o 'Dpkg::Options::=--path-exclude=/usr/share/locale/*'
)

# The folder of the index of the very sources that are in force now: another step may use others at the same time.
apt_index() {
  local digest
  digest=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | sha256sum)
  printf '%s/index-%s' "$APT_CACHE" "${digest:0:16}"
}

index_is_fresh() { [[ -n $(find "$index/stamp" -mmin "-$APT_INDEX_MINUTES" 2>/dev/null) ]]; }

# run_apt ARGUMENT...: apt-get with that index.
run_apt() {
  apt-get "${apt_options[@]}" -o "Dir::State::lists=$index/lists" -o "Dir::Cache::srcpkgcache=$index/srcpkgcache.bin" "$@"
}

# Fetches the index unless another step, stage or build has just done so. Two locks, because stages run at the same
# time: `update` lets one of them fetch while the others wait for it; `use` is shared by those that install, and keeps
# the index from being replaced under them.
update_index() {
  local status=0
  index=$(apt_index)
  mkdir -p "$index/lists/partial" "$apt_archives/partial"
  exec {update_lock}>"$APT_CACHE/update.lock" {use_lock}>"$APT_CACHE/use.lock"
  flock "$update_lock"
  if ! index_is_fresh; then
    flock "$use_lock"
    run_apt update || status=$?
    if ((status != 0)); then
      say "error: the index of a repository can't be taken, see above; give another one by --secret id=repositories," \
        "choose another VERSION_SET, or leave its component out with --build-arg WITHOUT=NAME" >&2
      return "$status"
    fi
    touch "$index/stamp"
  fi
  flock --shared "$use_lock"
  exec {update_lock}>&-
}

# Which of them apt can't get, and from where it has tried.
name_missing() {
  local name sources
  sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+|file:[^ ]+' | sort -u | paste -sd ' ' || true)
  for name; do
    run_apt install --simulate -y "$name" >/dev/null 2>&1 ||
      say "error: the package $name can't be had from ${sources:-any repository}; give a repository that has it by" \
        "--secret id=repositories, choose another VERSION_SET, or leave the component out with --build-arg WITHOUT=NAME" >&2
  done
}

# use_repositories_of_the_set NAME...: those of REPOSITORIES, all packages of which are taken; NAMEs are what they are wanted for
# now. Only a step that installs has them: no other one has the secret either.
use_repositories_of_the_set() {
  # shellcheck disable=SC2034 # fetch_key names them
  local name names=${REPOSITORIES:-} wanted=$*
  REPOSITORIES= # a repository may need packages itself
  for name in $names; do use_repository "$name" 600; done
}

# install_packages NAME...: NAME as apt-get takes it (`patroni`, `patroni=3.0.2-*`).
install_packages() {
  local status=0
  use_repositories_of_the_set "$@"
  update_index || return
  DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 run_apt install -y "$@" || status=$?
  ((status == 0)) || name_missing "$@"
  exec {use_lock}>&-
  return "$status"
}
