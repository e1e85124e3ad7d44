#!/usr/bin/env bash
# Runs the scripts of one phase in the order of their names: entrypoint.sh init | runtime | shutdown | healthcheck.
#
# pg-entrypoint calls it with a checked environment. Each script runs in a shell of its own that knows the functions of
# scripts/utils; the first one that fails ends the phase.
set -euo pipefail

phase=${1:-}
scripts=${CONTAINER_HOME:-/opt/container}/entrypoint.d/scripts
for util in "$scripts"/utils/*.sh; do
  # shellcheck source=/dev/null
  source "$util"
done

shopt -s nullglob
case $phase in
  init) chosen=("$scripts"/init/[0-9][0-9]-*.sh) ;;
  runtime) chosen=("$scripts"/runtime/[0-9][0-9]-*.sh "$scripts"/runtime/startup.s[h]) ;;
  shutdown | healthcheck) chosen=("$scripts/runtime/$phase".s[h]) ;;
  *) die "unknown phase '$phase'; entrypoint.sh takes init, runtime, shutdown or healthcheck" ;;
esac

run_script() (
  # shellcheck source=/dev/null
  source "$1"
)

report_failure() {
  local status=$?
  ((status == 0)) || log_error "$current ended with exit code $status"
}

current=$phase
trap report_failure EXIT
for script in "${chosen[@]}"; do
  current=${script#"$scripts/"}
  log_debug "running $current"
  run_script "$script" # not followed by ||, which would switch errexit off inside of it
done
