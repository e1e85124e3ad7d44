#!/usr/bin/env bats
# pg-entrypoint as a process: exit codes, signals, reaping, phases. PG_ENTRYPOINT names the binary; without it, it is
# compiled here.

load helper
bats_require_minimum_version 1.5.0

setup_file() {
  if [[ -z ${PG_ENTRYPOINT:-} ]]; then
    cp -r "$BATS_TEST_DIRNAME/../pg-entrypoint" "$BATS_FILE_TMPDIR/source"
    make -s -C "$BATS_FILE_TMPDIR/source" -B
    export PG_ENTRYPOINT=$BATS_FILE_TMPDIR/source/pg-entrypoint
    chmod -R a+rX "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
  fi
}

setup() {
  setup_scratch
  export CONTAINER_HOME=$SCRATCH/container PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run
  export POSTGRES_PASSWORD=s3cret
  mkdir -p "$CONTAINER_HOME"
  # An init phase that makes what volume.cc takes for a cluster.
  cat >"$CONTAINER_HOME/entrypoint.sh" <<'BODY'
echo "$1" >>"$SCRATCH/phases"
env >"$SCRATCH/$1.env"
if [[ $1 == init ]]; then
  cp "$POSTGRES_PASSWORD_FILE" "$SCRATCH/password.seen"
  [[ -d ${PGDATA_STAGING%/*} ]] && mkdir "$PGDATA/global" && echo 15 >"$PGDATA/PG_VERSION" &&
    truncate -s 8192 "$PGDATA/global/pg_control"
fi
BODY
  # A server that ends like PostgreSQL's: fast shutdown on INT, immediate on QUIT.
  fake postgres <<'BODY'
echo "$$ $*" >"$SCRATCH/postgres.started"
env >"$SCRATCH/postgres.env"
trap 'echo INT >>"$SCRATCH/signals"; [[ -n $STUBBORN ]] || exit 0' INT
trap 'echo QUIT >>"$SCRATCH/signals"; [[ $STUBBORN == very ]] || exit 2' QUIT
trap 'echo TERM >>"$SCRATCH/signals"' TERM
trap 'echo HUP >>"$SCRATCH/signals"' HUP
echo ready >"$SCRATCH/ready"
while :; do sleep 0.02; done
BODY
  as_user
}

teardown() {
  [[ -n ${served:-} ]] || return 0
  # Three times, so that a stubborn server is killed and nothing is left behind.
  while kill -TERM "$served" 2>/dev/null; do sleep 0.05; done
}

make_cluster() {
  mkdir -p "$PGDATA/global"
  chmod 700 "$PGDATA"
  echo 15 >"$PGDATA/PG_VERSION"
  truncate -s 8192 "$PGDATA/global/pg_control"
  as_user
}

entrypoint() { "${exec_prefix[@]}" "$PG_ENTRYPOINT" "$@"; }

# Starts it in the background; $served is its pid, as setpriv replaces itself.
serve() {
  "${exec_prefix[@]}" "$PG_ENTRYPOINT" "$@" >"$SCRATCH/log" 2>&1 3>&- &
  served=$!
}

serve_until_ready() {
  serve "${@:-postgres}"
  wait_until test -e "$SCRATCH/ready"
}

# Waits for the end of the one that `serve` started, and compares its exit code.
expect_end() {
  local status=0
  wait "$served" || status=$?
  served=
  [[ $status -eq $1 ]] || {
    echo "exit code $status instead of $1" >&2
    cat "$SCRATCH/log" >&2
    return 1
  }
}

log_has() { assert_has "$(cat "$SCRATCH/log")" "$1"; }

# ---- commands that are passed through

@test "version" {
  run entrypoint version
  [ "$status" -eq 0 ]
  [[ $output =~ ^pg-entrypoint\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "no command is wrong usage" {
  run entrypoint
  [ "$status" -eq 64 ]
  assert_has "$output" usage
}

@test "all 256 exit codes come through" {
  for code in {0..255}; do
    run -"$code" entrypoint bash -c "exit $code"
  done
}

@test "a command killed by a signal gives 128 + its number" {
  for signal in 1 2 3 6 9 11 14 15; do
    run -$((128 + signal)) entrypoint python3 -c "import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), $signal)"
  done
}

@test "a command that isn't there gives 127, one that can't be executed 126" {
  PATH=/usr/bin:/bin run -127 entrypoint no-such-command
  assert_has "$output" "no-such-command"
  run entrypoint /etc/passwd
  [ "$status" -eq 126 ]
}

@test "arguments come through as they are" {
  run entrypoint printf '<%s>' 'a b' '' '*' $'new\nline'
  [ "$output" = $'<a b><><*><new\nline>' ]
}

@test "a passed-through command keeps the whole environment" {
  run entrypoint bash -c 'echo "$POSTGRES_PASSWORD"'
  [ "$output" = s3cret ]
}

@test "signals are forwarded to a passed-through command" {
  fake listener <<'BODY'
for name in HUP INT QUIT USR1 USR2 ALRM TERM WINCH CONT; do trap "echo $name >>'$SCRATCH/signals'" "$name"; done
touch "$SCRATCH/ready"
while [[ ! -e $SCRATCH/stop ]]; do sleep 0.02; done
exit 5
BODY
  serve_until_ready listener
  for name in HUP INT QUIT USR1 USR2 ALRM TERM WINCH CONT; do
    kill -s "$name" "$served"
    wait_until grep -q "$name" "$SCRATCH/signals"
  done
  touch "$SCRATCH/stop"
  expect_end 5
}

@test "the command starts without blocked signals" {
  run entrypoint grep SigBlk /proc/self/status
  [ "$output" = $'SigBlk:\t0000000000000000' ]
}

@test "a parent that ignores SIGCHLD does not hide the exit code" {
  run bash -c 'trap "" CHLD; exec "$@"' -- "${exec_prefix[@]}" "$PG_ENTRYPOINT" bash -c 'exit 9'
  [ "$status" -eq 9 ]
}

# ---- reaping

@test "orphans are collected while the command runs" {
  fake flood <<'BODY'
for ((i = 0; i < 200; i++)); do (true & disown) & done
wait
touch "$SCRATCH/ready"
while [[ ! -e $SCRATCH/stop ]]; do sleep 0.02; done
BODY
  serve_until_ready flood
  no_zombies() { [[ -z $(ps -o stat= --ppid "$served" | grep Z) ]]; }
  wait_until no_zombies
  touch "$SCRATCH/stop"
  expect_end 0
}

@test "what a command leaves behind is ended with it, in whatever session it hides" {
  fake leaver <<'BODY'
setsid bash -c 'setsid sleep 1000 & echo $! >"$SCRATCH/stray"; exec sleep 1000' &
while [[ ! -s $SCRATCH/stray ]]; do sleep 0.02; done
BODY
  run entrypoint leaver
  [ "$status" -eq 0 ]
  ! kill -0 "$(cat "$SCRATCH/stray")" 2>/dev/null
}

# ---- the way of a container

@test "an empty volume is initialised, then configured, then served" {
  serve_until_ready
  [ "$(paste -sd ' ' "$SCRATCH/phases")" = "init runtime" ]
  [ "$(cut -d ' ' -f 2- "$SCRATCH/postgres.started")" = "-D $PGDATA -c config_file=$PGCONFIG/postgresql.conf" ]
  [ "$(stat -c %a "$PGDATA")" = 700 ]
  [ ! -e "$PGDATA/.init-in-progress" ]
  kill "$served"
  expect_end 0
}

@test "a complete cluster is not initialised again, and needs no password" {
  make_cluster
  unset POSTGRES_PASSWORD
  serve_until_ready
  [ "$(cat "$SCRATCH/phases")" = runtime ]
  kill "$served"
  expect_end 0
}

@test "a volume that holds only lost+found is empty" {
  mkdir -p "$PGDATA/lost+found"
  as_user
  serve_until_ready
  [ "$(head -n 1 "$SCRATCH/phases")" = init ]
}

@test "options alone are options of postgres" {
  serve_until_ready -c work_mem=1MB
  assert_has "$(cat "$SCRATCH/postgres.started")" "postgresql.conf -c work_mem=1MB"
}

@test "postgres --version needs no cluster and no password" {
  fake postgres <<<'echo "postgres $*"'
  unset POSTGRES_PASSWORD
  run entrypoint postgres --version
  [ "$status" -eq 0 ]
  [ "$output" = 'postgres --version' ]
  [ ! -e "$PGDATA" ]
}

@test "the server's own exit code and signal are the container's" {
  make_cluster
  fake postgres <<<'exit 3'
  run entrypoint postgres
  [ "$status" -eq 3 ]
  fake postgres <<<'kill -KILL $$'
  run entrypoint postgres
  [ "$status" -eq 137 ]
}

@test "a missing server program is named" {
  make_cluster
  rm "$FAKES/postgres"
  PATH=/usr/bin:/bin run -127 entrypoint postgres
  assert_has "$output" "cannot execute 'postgres'"
}

@test "a failing init phase ends the container, and the next start refuses what is left" {
  echo 'mkdir "$PGDATA/base"; exit 9' >"$CONTAINER_HOME/entrypoint.sh"
  run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'phase init failed (exit code 9)'
  run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'half-initialised'
  assert_has "$output" 'empty the volume'
}

@test "a failing runtime phase ends the container and leaves the cluster as it is" {
  make_cluster
  echo 'exit 9' >"$CONTAINER_HOME/entrypoint.sh"
  run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'phase runtime failed'
  [ ! -e "$PGDATA/.init-in-progress" ]
}

# ---- stopping

@test "SIGTERM and SIGINT are a fast shutdown" {
  make_cluster
  for name in TERM INT; do
    rm -f "$SCRATCH/signals" "$SCRATCH/ready"
    serve_until_ready
    kill -s "$name" "$served"
    expect_end 0
    [ "$(cat "$SCRATCH/signals")" = INT ]
    log_has 'fast shutdown'
  done
}

@test "SIGHUP is forwarded" {
  make_cluster
  serve_until_ready
  kill -HUP "$served"
  wait_until grep -q HUP "$SCRATCH/signals"
  kill "$served"
  expect_end 0
}

@test "a second SIGTERM is an immediate shutdown, a third kills" {
  make_cluster
  export STUBBORN=very
  serve_until_ready
  kill "$served"
  wait_until grep -q INT "$SCRATCH/signals"
  kill "$served"
  wait_until grep -q QUIT "$SCRATCH/signals"
  kill "$served"
  expect_end 137
  log_has SIGKILL
}

@test "a server that doesn't stop within TIMEOUT is stopped at once" {
  make_cluster
  export STUBBORN=yes TIMEOUT=1
  serve_until_ready
  kill "$served"
  expect_end 2
  [ "$(paste -sd ' ' "$SCRATCH/signals")" = "INT QUIT" ]
  log_has 'not stopped in time'
}

@test "a server that doesn't obey SIGQUIT either is killed" {
  make_cluster
  export STUBBORN=very TIMEOUT=1
  serve_until_ready
  kill "$served"
  expect_end 137
  [ "$(paste -sd ' ' "$SCRATCH/signals")" = "INT QUIT" ]
}

@test "SIGTERM in the init phase ends every script, and the next start refuses what is left" {
  echo 'sleep 1000 & echo $! >"$SCRATCH/ready"; wait' >"$CONTAINER_HOME/entrypoint.sh"
  serve postgres
  wait_until test -s "$SCRATCH/ready"
  kill "$served"
  expect_end 143
  ! kill -0 "$(cat "$SCRATCH/ready")" 2>/dev/null
  run entrypoint postgres
  [ "$status" -eq 65 ]
}

@test "init scripts that ignore SIGTERM are killed after TIMEOUT" {
  export TIMEOUT=1
  echo 'trap "" TERM; touch "$SCRATCH/ready"; sleep 1000' >"$CONTAINER_HOME/entrypoint.sh"
  serve postgres
  wait_until test -e "$SCRATCH/ready"
  kill "$served"
  expect_end 143
  log_has 'killing the scripts of phase init'
}

@test "SLEEP_MODE starts nothing and ends with 0" {
  SLEEP_MODE=true serve postgres
  wait_until grep -q SLEEP_MODE "$SCRATCH/log"
  kill "$served"
  expect_end 0
  [ ! -e "$SCRATCH/phases" ]
}

# ---- what is refused

@test "all wrong values are reported at once, and nothing is written" {
  export TIMEOUT=soon SLEEP_MODE=maybe LOG_LEVEL=LOUD PGDATA=relative EXTERNAL_ACCESS_METHOD=magic
  export POSTGRESQL_SHARED_BUFFERS=lots POSTGRESQL_MAX_CONNECTIONS=0 POSTGRES_DB=$'two\nlines'
  run entrypoint postgres
  [ "$status" -eq 64 ]
  for name in TIMEOUT SLEEP_MODE LOG_LEVEL PGDATA EXTERNAL_ACCESS_METHOD POSTGRESQL_SHARED_BUFFERS \
    POSTGRESQL_MAX_CONNECTIONS POSTGRES_DB; do
    assert_has "$output" "$name"
  done
  [ ! -e "$SCRATCH/phases" ]
}

@test "numbers have limits and amounts have units" {
  for bad in POSTGRESQL_MAX_CONNECTIONS=10x POSTGRESQL_MAX_CONNECTIONS=999999999999 POSTGRESQL_WORK_MEM=0MB \
    POSTGRESQL_WORK_MEM=5XB TIMEOUT=-1 "POSTGRESQL_WORK_MEM=4MB'"; do
    run env "$bad" "${exec_prefix[@]}" "$PG_ENTRYPOINT" check
    [ "$status" -eq 64 ]
    assert_has "$output" "${bad%%=*}"
  done
}

@test "PGCONFIG inside of PGDATA is refused" {
  PGCONFIG=$PGDATA/config run entrypoint check
  [ "$status" -eq 64 ]
}

@test "an empty volume without a password is refused, unless trust was asked for" {
  unset POSTGRES_PASSWORD
  run entrypoint postgres
  [ "$status" -eq 64 ]
  assert_has "$output" POSTGRES_PASSWORD_FILE
  [ ! -e "$PGDATA" ]
  POSTGRES_HOST_AUTH_METHOD=trust run entrypoint check
  [ "$status" -eq 0 ]
  assert_has "$output" WARNING
}

@test "md5 is accepted with a warning" {
  EXTERNAL_ACCESS_METHOD=md5 run entrypoint check
  [ "$status" -eq 0 ]
  assert_has "$output" 'md5 is outdated'
}

@test "the two names of the method may not contradict each other" {
  POSTGRES_HOST_AUTH_METHOD=trust EXTERNAL_ACCESS_METHOD=md5 run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" contradict
}

@test "root is refused" {
  ((EUID == 0)) || skip "needs to be root to try"
  run "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 77 ]
  assert_has "$output" root
}

@test "a folder of somebody else is refused with owner, mode and the ways out" {
  ((EUID == 0)) || skip "needs to be root to make one"
  mkdir -p "$PGDATA"
  chown 12345:12345 "$PGDATA"
  chmod 755 "$PGDATA"
  run entrypoint postgres
  [ "$status" -eq 77 ]
  for fact in 'owner 12345' 'mode 0755' 'chown -R 65534' '--user 12345'; do assert_has "$output" "$fact"; done
}

@test "a folder without a cluster that isn't empty is refused" {
  mkdir -p "$PGDATA"
  echo mine >"$PGDATA/notes.txt"
  as_user
  run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'no PG_VERSION'
  [ "$(ls -A "$PGDATA")" = notes.txt ]
}

@test "a cluster of another version is refused with the way to upgrade" {
  make_cluster
  echo 13 >"$PGDATA/PG_VERSION"
  PG_MAJOR=15 run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" pg_upgrade
}

@test "a cluster without its control file is refused" {
  make_cluster
  truncate -s 100 "$PGDATA/global/pg_control"
  run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" pg_control
}

@test "check says what would happen and writes nothing" {
  run entrypoint check
  [ "$status" -eq 0 ]
  assert_has "$output" 'will be initialised'
  [ ! -e "$PGDATA" ]
  make_cluster
  run entrypoint check
  assert_has "$output" 'complete cluster'
}

# ---- secrets

@test "the password reaches the init scripts as an open file, and nobody else" {
  serve_until_ready
  [ "$(cat "$SCRATCH/password.seen")" = s3cret ]
  for seen in init.env runtime.env postgres.env log postgres.started; do
    assert_lacks "$(cat "$SCRATCH/$seen")" s3cret
  done
  assert_lacks "$(tr '\0' '\n' <"/proc/$served/environ")" s3cret
  assert_lacks "$(cat "$SCRATCH/runtime.env")" POSTGRES_PASSWORD_FILE
}

@test "a password file loses one line end, no more" {
  unset POSTGRES_PASSWORD
  printf ' from file \n\n' >"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=$SCRATCH/secret run entrypoint check
  [ "$status" -eq 64 ] # a line end is left in the middle of what would be the password
  printf ' from file \n' >"$SCRATCH/secret"
  as_user
  export POSTGRES_PASSWORD_FILE=$SCRATCH/secret
  serve_until_ready
  [ "$(cat "$SCRATCH/password.seen")" = ' from file ' ]
}

@test "a password and its file are a contradiction; a missing, empty or unreadable file is named" {
  echo x >"$SCRATCH/secret"
  as_user
  POSTGRES_PASSWORD_FILE=$SCRATCH/secret run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" 'both set'
  unset POSTGRES_PASSWORD
  POSTGRES_PASSWORD_FILE=$SCRATCH/none run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" 'No such file'
  : >"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=$SCRATCH/secret run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" 'empty file'
  chmod 000 "$SCRATCH/secret"
  echo x >"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=$SCRATCH/secret run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" 'Permission denied'
}

@test "user, database and initdb's arguments may come from files" {
  echo joe >"$SCRATCH/user"
  as_user
  export POSTGRES_USER_FILE=$SCRATCH/user
  serve_until_ready
  assert_has "$(cat "$SCRATCH/init.env")" $'\nPOSTGRES_USER=joe\n'
  assert_has "$(cat "$SCRATCH/init.env")" $'\nPOSTGRES_DB=joe\n'
}

@test "the scripts get every setting, defaults filled in" {
  serve_until_ready
  settings=$'\n'$(cat "$SCRATCH/runtime.env")$'\n'
  for setting in POSTGRES_USER=postgres POSTGRES_DB=postgres EXTERNAL_ACCESS_ENABLE=true LOG_LEVEL=INFO \
    EXTERNAL_ACCESS_METHOD=scram-sha-256 'POSTGRESQL_LISTEN_ADDRESSES=*' POSTGRESQL_SHARED_BUFFERS=128MB \
    POSTGRESQL_WORK_MEM=4MB POSTGRESQL_MAX_CONNECTIONS=100 "PGHOST=$SCRATCH/run"; do
    assert_has "$settings" $'\n'"$setting"$'\n'
  done
}

# ---- health

# A socket that answers one connection with these bytes.
answer() {
  python3 - "$PGHOST/.s.PGSQL.5432" "$1" <<'BODY' 3>&- &
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
server.listen(1)
client = server.accept()[0]
client.recv(1024)
client.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
client.recv(1024)
BODY
  wait_until test -S "$PGHOST/.s.PGSQL.5432"
}

healthcheck_of() {
  answer "$1"
  run entrypoint healthcheck
  wait
  rm -f "$PGHOST/.s.PGSQL.5432"
}

@test "no server is not healthy" {
  run entrypoint healthcheck
  [ "$status" -eq 1 ]
  assert_has "$output" 'no server at'
}

@test "a server that asks for a password, or lets in, is healthy" {
  healthcheck_of 'R\x00\x00\x00\x08\x00\x00\x00\x00'
  [ "$status" -eq 0 ]
  healthcheck_of 'R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00'
  [ "$status" -eq 0 ]
}

@test "a server that starts, stops or recovers is not healthy" {
  healthcheck_of 'E\x00\x00\x00\x20SFATAL\x00VFATAL\x00C57P03\x00Mstarting up\x00\x00'
  [ "$status" -eq 1 ]
  assert_has "$output" starting
}

@test "a server that refuses the role takes connections all the same" {
  healthcheck_of 'E\x00\x00\x00\x20SFATAL\x00VFATAL\x00C28000\x00Mno role\x00\x00'
  [ "$status" -eq 0 ]
  assert_has "$output" 28000
}

@test "a server that closes the connection, or talks nonsense, is not healthy" {
  healthcheck_of ''
  [ "$status" -eq 1 ]
  healthcheck_of 'HTTP/1.1 400'
  [ "$status" -eq 1 ]
}
