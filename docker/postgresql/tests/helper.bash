# What all suites share: paths, a scratch folder per test, fakes in front of PATH.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by the suites
IMAGE=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup_scratch() {
  SCRATCH=$BATS_TEST_TMPDIR
  FAKES=$SCRATCH/fakes
  mkdir -p "$FAKES" "$SCRATCH/run"
  PATH=$FAKES:$PATH
  export SCRATCH PATH
}

# fake NAME <<'BODY': a program of that name, found before the real one.
fake() {
  { echo '#!/bin/bash'; cat; } >"$FAKES/$1"
  chmod 755 "$FAKES/$1"
}

# A copy of the entrypoint with its scripts, whose place CONTAINER_HOME tells.
setup_container_home() {
  export CONTAINER_HOME=$SCRATCH/container
  mkdir -p "$CONTAINER_HOME"
  cp -r "$IMAGE/entrypoint.sh" "$IMAGE/entrypoint.d" "$IMAGE/config" "$CONTAINER_HOME/"
  mkdir -p "$CONTAINER_HOME/entrypoint.d/scripts/runtime" "$CONTAINER_HOME/postgresql.conf.d"
}

# Compiles pg-entrypoint, once for all files of a run, unless PG_ENTRYPOINT names one.
use_pg_entrypoint() {
  if [[ -z ${PG_ENTRYPOINT:-} ]]; then
    export PG_ENTRYPOINT=$BATS_RUN_TMPDIR/pg-entrypoint/pg-entrypoint
    (
      flock 9 # files may run side by side
      if [[ ! -x $PG_ENTRYPOINT ]]; then
        cp -r "$IMAGE/pg-entrypoint" "$BATS_RUN_TMPDIR/"
        make -s -C "$BATS_RUN_TMPDIR/pg-entrypoint" -B
        chmod -R a+rX "$BATS_RUN_TMPDIR/pg-entrypoint"
      fi
    ) 9>"$BATS_RUN_TMPDIR/pg-entrypoint.lock" || return
  fi
  chmod a+rx "$BATS_RUN_TMPDIR" "${BATS_FILE_TMPDIR%/*}" "$BATS_FILE_TMPDIR" # the tests go on as another user
  mkdir -p "$BATS_FILE_TMPDIR/bin"
  ln -sf "$PG_ENTRYPOINT" "$BATS_FILE_TMPDIR/bin/pg-entrypoint"
}

# The real PostgreSQL of this machine, as the image has it.
use_postgresql() {
  local versions=(/usr/lib/postgresql/*/bin)
  PATH=$BATS_FILE_TMPDIR/bin:${versions[-1]}:$PATH
  PG_MAJOR=$(basename "$(dirname "${versions[-1]}")")
  export PATH PG_MAJOR LANG=C.UTF-8
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts it in the background; $served is its pid, as setpriv replaces itself.
serve() {
  "${exec_prefix[@]}" "$PG_ENTRYPOINT" "${@:-postgres}" >>"$SCRATCH/log" 2>&1 3>&- &
  served=$!
}

# get PATH: the status and the body of a health endpoint.
get() { curl -s -m 20 -w '%{http_code} ' -o "$SCRATCH/body" "http://127.0.0.1:$HEALTH_PORT$1"; cat "$SCRATCH/body"; }
answers() { [[ $(get "$1") == "$2 "* ]]; }
is_ready() { answers /readyz 200; }

# PostgreSQL and pg-entrypoint's serving refuse root: as root, tests go on as nobody.
# shellcheck disable=SC2034
as_user() {
  if ((EUID == 0)); then
    chown -R 65534:65534 "$SCRATCH"
    exec_prefix=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  else
    exec_prefix=()
  fi
}

# wait_until COMMAND...: at most WAIT_SECONDS, which is plenty also for a restore on a slow disk with much else to do.
wait_until() {
  local deadline=$((SECONDS + ${WAIT_SECONDS:-180}))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      echo "never came true: $*" >&2
      [[ ! -e $SCRATCH/log ]] || tail -n 30 "$SCRATCH/log" >&2
      return 1
    fi
    sleep 0.02
  done
}

assert_has() {
  [[ $1 == *"$2"* ]] || {
    printf 'expected to find: %s\nin: %s\n' "$2" "$1" >&2
    return 1
  }
}

assert_lacks() {
  [[ $1 != *"$2"* ]] || {
    printf 'did not expect: %s\nin: %s\n' "$2" "$1" >&2
    return 1
  }
}
