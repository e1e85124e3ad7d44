#!/usr/bin/env bats
# Interrupted, killed, out of space: nothing stays mounted or running, and the next build works and is right.
load helper

# Starts a build in the background as a shell does for a person: its own process group, SIGINT not ignored.
start() {
  E2E_MARK=$T setsid env --default-signal=INT "$PGSTRATA" build --progress plain -t t "$@" "$T/context" >"$T/log" 2>&1 &
  builder=$!
}

# As Ctrl-C: SIGINT to the group. Sets `code`.
interrupt() {
  kill -INT -- "-$builder"
  code=0
  wait "$builder" || code=$?
}

logged() { grep -q "$1" "$T/log"; }
clean() { [ -z "$(leftovers)" ]; }
growing() { [ -n "$(find "$@" -size +1000k -print -quit 2>/dev/null)" ]; }
bytes_arrive() { growing "$PGSTRATA_ROOT/tmp" -type f; }

exporting() { ls -l "/proc/$builder/fd" | grep -q "$T/out/" && growing -L "/proc/$builder/fd"; }

# What holds after any accident.
sound() {
  wait_until clean || { leftovers; return 1; }
  build --output "type=tar,dest=$T/root.tar"
  is "$(find "$PGSTRATA_ROOT/tmp" -mindepth 1 | head -3)" ""
}

@test "Ctrl-C in a RUN: exit 130, no process, no mount; the step runs again" {
  printf 'FROM bb\nRUN echo started; for i in $(seq 600); do sleep 0.1; [ ! -e /go ] || break; done\n' | dockerfile
  start
  wait_until logged started
  interrupt
  is "$code" 130
  wait_until clean
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  sound
  is "$(content x)" x
}

@test "Ctrl-C in a RUN that ignores every signal" {
  printf 'FROM bb\nRUN trap "" INT TERM HUP; (trap "" INT TERM; sleep 600) & echo started; while :; do sleep 1; done\n' | dockerfile
  start
  wait_until logged started
  SECONDS=0
  interrupt
  is "$code" 130
  [ "$SECONDS" -lt 15 ]
  wait_until clean
}

@test "Ctrl-C with two stages running" {
  printf 'FROM bb AS a\nRUN echo started-a; sleep 600\nFROM bb AS b\nRUN echo started-b; sleep 600\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n' | dockerfile
  start
  wait_until logged started-a
  wait_until logged started-b
  interrupt
  is "$code" 130
  wait_until clean
}

@test "Ctrl-C while a layer is written" {
  head -c 400M /dev/zero >big
  printf 'FROM bb\nCOPY big /big\nRUN echo x >/x\n' | dockerfile
  start
  wait_until bytes_arrive
  interrupt
  is "$code" 130
  sound
  is "$(content x)" x
  is "$(entry big)" "-rw-r--r-- 0/0 $((400 << 20)) big"
}

@test "Ctrl-C while an output is written: no half file is left" {
  head -c 400M /dev/zero >big
  printf 'FROM bb\nCOPY big /big\n' | dockerfile
  build
  mkdir "$T/out"
  start --output "type=oci,dest=$T/out/t.tar,compression=uncompressed"
  # The output has no name yet, so it is looked for among the builder's open files.
  wait_until exporting
  interrupt
  is "$code" 130
  is "$(ls -A "$T/out")" ""
  sound
}

@test "kill -9 in a RUN: the step's processes die with the builder" {
  printf 'FROM bb\nRUN trap "" TERM INT HUP; (sleep 600) & echo started; sleep 600; echo never >/never\n' | dockerfile
  start
  wait_until logged started
  kill -9 "$builder"
  wait "$builder" || true
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  sound
  lacks "$(names)" never
}

@test "kill -9 while a layer is written, at many moments: the next build is right each time" {
  head -c 30M /dev/urandom >big
  printf 'FROM bb\nCOPY big /big\nRUN cat /big /big >/twice\nRUN echo x >/x\n' | dockerfile
  local sum delay
  sum=$(cat big big | sha256sum)
  for delay in 0.005 0.02 0.05 0.08 0.12 0.2 0.3; do
    start --no-cache
    sleep "$delay"
    kill -9 "$builder" 2>/dev/null || true
    wait "$builder" || true
    sound
    is "$(content twice | sha256sum)" "$sum"
    is "$(content x)" x
    rm -rf "$PGSTRATA_ROOT"
    cp -a "$E2E/seed" "$PGSTRATA_ROOT"
  done
}

@test "a full disk in a RUN, in a COPY and in an output: exit 3, named; enough space heals it" {
  need_root "a file system of its own"
  head -c 40M /dev/urandom >big
  # All in one private mount namespace, so that the small file system goes away with it.
  cat >"$T/script" <<'S'
set -euo pipefail
source "$HELPER"
mount -t tmpfs -o size=24m tmpfs "$T/store"
cp -a "$E2E/seed/." "$T/store/"
status=0
run() { status=0; output=$("$@" 2>&1) || status=$?; }
printf 'FROM bb\nRUN dd if=/dev/urandom of=/big bs=1M count=40\n' >Dockerfile
refused 1 $'Dockerfile:2\nNo space left'
printf 'FROM bb\nCOPY big /\n' >Dockerfile
refused 3 'No space left'
printf 'FROM bb\nRUN head -c 15m /dev/urandom >/big\n' >Dockerfile
refused 3 'No space left'
cat /dev/zero >"$T/store/rest" 2>/dev/null || true
refused 3 $'index.db\nfree some space there'
rm "$T/store/rest"
mount -o remount,size=200m "$T/store"
printf 'FROM bb\nCOPY big /\nRUN head -c 10m /dev/zero >/z\n' >Dockerfile
build --output "type=tar,dest=$T/root.tar"
S
  HELPER="$BATS_TEST_DIRNAME/helper.bash" unshare -m bash -c 'bats_require_minimum_version() { :; }; source "$0"' "$T/script"
  is "$(entry z)" "-rw-r--r-- 0/0 10485760 z"
  is "$(content big | sha256sum)" "$(sha256sum <big)"
}

@test "Ctrl-C while a base is made: exit 130, nothing runs on, no half image" {
  printf 'FROM debian:bookworm-slim\n' | dockerfile
  export TMPDIR="$T"
  start --build-arg HTTPS_PROXY=http://localhost:1 # no registry in reach, wherever this runs
  wait_until logged 'Get:1 '
  interrupt
  is "$code" 130
  wait_until clean
  is "$(find "$T" -maxdepth 1 -name 'pgstrata-bootstrap*')" ""
  lacks "$("$PGSTRATA" images)" debian
}

@test "kill -9 while a layer is unpacked, or a base is made: the next builds clear what is left" {
  head -c 600M /dev/zero >big
  printf 'FROM bb\nCOPY big /big\n' | dockerfile
  build
  printf 'FROM bb\nCOPY big /big\nRUN echo x >/x\n' | dockerfile
  start
  wait_until growing "$PGSTRATA_ROOT/tmp" "$PGSTRATA_ROOT/unpacked" -path '*.*/big'
  kill -9 "$builder"
  wait "$builder" || true
  sound
  is "$(find "$PGSTRATA_ROOT/unpacked" -mindepth 1 -maxdepth 1 -name '*.*')" ""

  printf 'FROM debian:bookworm-slim\n' | dockerfile
  export TMPDIR="$T"
  start --build-arg HTTPS_PROXY=http://localhost:1 # no registry in reach, wherever this runs
  wait_until logged 'Get:1 '
  kill -9 "$builder"
  wait "$builder" || true
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  # A plain user's mmdebstrap lives on for a while, and may write into what is being removed.
  wait_until cleared
  is "$(find "$PGSTRATA_ROOT/packages" -name 'incoming*')" ""
}

cleared() {
  build --no-cache
  [ -z "$(find "$T" -maxdepth 1 -name 'pgstrata-bootstrap*')$(find "$PGSTRATA_ROOT/tmp" -mindepth 1)" ]
}
