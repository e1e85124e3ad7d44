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
}

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

# wait_until COMMAND...: at most five seconds.
wait_until() {
  local try
  for ((try = 0; try < 250; try++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.02
  done
  echo "never came true: $*" >&2
  return 1
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
