#!/usr/bin/env bash
# Installs the image's software: every setup script in order, or the one that is named, or plain packages.
#
#   setup.sh                      all of setup/scripts/NN-*.sh
#   setup.sh NAME                 setup/scripts/NAME.sh alone: one cached step of the Dockerfile
#   setup.sh --packages NAME...   just these packages (the compiler's stage)
#
# A script is sourced with the functions of setup/lib and the variables of the version set. Afterwards everything that
# carries a time, a host name or a secret of this build is removed.
set -euo pipefail

home=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ $home != /opt/container && -z ${SETUP_ANYWHERE:-} ]]; then
  echo "setup: error: this installs packages and removes logs of the system it runs on; it is for an image's build" >&2
  exit 1
fi
for library in "$home"/setup/lib/*.sh; do
  # shellcheck source=/dev/null
  source "$library"
done

load_versions() {
  export VERSION_SET=${VERSION_SET:-debian12}
  local set_file=$home/versions/$VERSION_SET expected=${PG_MAJOR:-}
  [[ -r $set_file ]] || fail "there is no version set '$set_file'; choose one of those in versions/ by VERSION_SET"
  # shellcheck source=versions/debian12
  source "$set_file"
  [[ -z $expected || $expected == "$PG_MAJOR" ]] ||
    fail "the version set $VERSION_SET is PostgreSQL $PG_MAJOR; build it with --build-arg PG_MAJOR=$PG_MAJOR, not $expected"
  [[ -z ${EXPIRED_SUITE:-} ]] || accept_expired "$EXPIRED_SUITE"
}

# is_left_out NAME: WITHOUT names components, by their scripts' names without the number; LEFT_OUT of the version set
# those that are only put in if WITH names them.
is_left_out() {
  [[ " ${WITHOUT:-} " == *" $1 "* ]] || [[ " ${LEFT_OUT:-} " == *" $1 "* && " ${WITH:-} " != *" $1 "* ]]
}

run_script() {
  local script=$home/setup/scripts/$1.sh
  [[ -r $script ]] || fail "there is no setup script '$script'; see setup/scripts/ for their names"
  if is_left_out "${1#[0-9][0-9]-}"; then
    say "leaving out $1, as WITHOUT or the version set $VERSION_SET says"
    return
  fi
  say "running $1"
  # shellcheck source=/dev/null
  source "$script"
}

main() {
  if [[ ${1:-} == --packages ]]; then
    shift
    install_packages "$@"
  else
    load_versions
    local scripts=("$@") script
    if ((${#scripts[@]} == 0)); then
      for script in "$home"/setup/scripts/[0-9][0-9]-*.sh; do scripts+=("$(basename "$script" .sh)"); done
    fi
    for script in "${scripts[@]}"; do run_script "$script"; done
  fi
  scrub
}

main "$@"
