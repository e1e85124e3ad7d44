#!/usr/bin/env bats
# pg-entrypoint as a process: exit codes, signals, reaping, phases. PG_ENTRYPOINT names the binary; without it, it is
# compiled here.

load helper
bats_require_minimum_version 1.5.0

setup_file() { use_pg_entrypoint; }

setup() {
  setup_scratch
  export CONTAINER_HOME=$SCRATCH/container PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run
  export POSTGRES_PASSWORD=s3cret LOG_FORMAT=text HEALTH_PORT=0 SECRETS_DIR=$SCRATCH/secrets
  mkdir -p "$CONTAINER_HOME/entrypoint.d/scripts/"{init,runtime}
  cp -r "$IMAGE/config" "$CONTAINER_HOME/"
  touch "$CONTAINER_HOME/entrypoint.d/scripts/"{init,runtime}/10-any.sh
  cat >"$CONTAINER_HOME/entrypoint.sh" <<'BODY'
echo "$1" >>"$SCRATCH/phases"
env >"$SCRATCH/$1.env"
BODY
  # What volume.cc takes for a cluster.
  fake initdb <<'BODY'
printf '<%s>' "$@" >"$SCRATCH/initdb.args"
env >"$SCRATCH/initdb.env"
for argument; do
  case $argument in
    --pgdata=*) data=${argument#*=} ;;
    --pwfile=*) cp "${argument#*=}" "$SCRATCH/password.seen" ;;
  esac
done
mkdir -p "$data/global" && echo 15 >"$data/PG_VERSION" && truncate -s 8192 "$data/global/pg_control"
echo initdb >>"$SCRATCH/phases"
BODY
  # A server that ends like PostgreSQL's: fast shutdown on INT, immediate on QUIT; and notes like it that it is ready.
  fake postgres <<'BODY'
echo "$$ $*" >"$SCRATCH/postgres.started"
env >"$SCRATCH/postgres.env"
end() { rm -f "$PGDATA/postmaster.pid"; exit "$1"; }
trap 'echo INT >>"$SCRATCH/signals"; [[ -n $STUBBORN ]] || end 0' INT
trap 'echo QUIT >>"$SCRATCH/signals"; [[ $STUBBORN == very ]] || end 2' QUIT
trap 'echo TERM >>"$SCRATCH/signals"' TERM
trap 'echo HUP >>"$SCRATCH/signals"' HUP
printf '%s\n' $$ 2 3 4 5 6 7 'ready   ' >"$PGDATA/postmaster.pid"
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

# Of `postgres`: until clients would be let in. Of another command: until it says so.
serve_until_ready() {
  if (($# == 0)) || [[ $1 == -* ]]; then
    serve "${@:-postgres}"
    wait_until grep -q 'ready for clients' "$SCRATCH/log"
  else
    serve "$@"
    wait_until test -e "$SCRATCH/ready"
  fi
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
  ! kill -0 "$(cat "$SCRATCH/stray")" 2>/dev/null || false
}

# ---- the way of a container

@test "an empty volume is initialised, configured and served by one server" {
  serve_until_ready
  [ "$(paste -sd ' ' "$SCRATCH/phases")" = "initdb runtime init" ]
  [ "$(cut -d ' ' -f 2- "$SCRATCH/postgres.started")" = "-D $PGDATA -c config_file=$PGCONFIG/postgresql.conf" ]
  [ "$(stat -c %a "$PGDATA")" = 700 ]
  [ ! -e "$PGDATA/.init-in-progress" ]
  [ "$(grep -c . "$SCRATCH/postgres.started")" -eq 1 ]
  kill "$served"
  expect_end 0
}

@test "initdb works in the staging folder, without writing to the disk, and the whole moves up" {
  serve_until_ready
  arguments=$(cat "$SCRATCH/initdb.args")
  for argument in "--pgdata=$PGDATA/.init-in-progress/data" --username=postgres --no-sync --data-checksums \
    --auth-host=scram-sha-256; do
    assert_has "$arguments" "<$argument>"
  done
  [ "$(cat "$PGDATA/PG_VERSION")" = 15 ]
  [ ! -e "$PGDATA/.init-in-progress" ]
}

@test "POSTGRES_INITDB_ARGS is split like shell words and nothing in it is executed" {
  export POSTGRES_INITDB_ARGS="--locale='C UTF' --x=\$(touch $SCRATCH/bad)"
  serve_until_ready
  assert_has "$(cat "$SCRATCH/initdb.args")" "<--locale=C UTF><--x=\$(touch><$SCRATCH/bad)>"
  [ ! -e "$SCRATCH/bad" ]
  kill "$served"
  expect_end 0
  POSTGRES_INITDB_ARGS="--locale='C" run entrypoint check
  [ "$status" -eq 64 ]
  assert_has "$output" 'unclosed quote'
}

@test "until the new cluster is complete nobody else is let in" {
  echo 'cp "$PGCONFIG/pg_hba.conf" "$SCRATCH/$1.hba"' >>"$CONTAINER_HOME/entrypoint.sh"
  serve_until_ready
  grep -Eq '^host +all +all +all +reject' "$SCRATCH/init.hba"
  ! grep -q scram "$SCRATCH/init.hba" || false
  grep -Eq '^host +all +all +all +scram-sha-256$' "$PGCONFIG/pg_hba.conf"
  ! grep -Eq 'trust|reject' "$PGCONFIG/pg_hba.conf" || false
  wait_until grep -q HUP "$SCRATCH/signals" # by which the server gets to know
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
  [ "$(head -n 1 "$SCRATCH/phases")" = initdb ]
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

@test "a failing init script ends the container, and the next start refuses what is left, or begins anew if told to" {
  cp "$CONTAINER_HOME/entrypoint.sh" "$SCRATCH/good.sh"
  echo '[[ $1 != init ]] || exit 9' >"$CONTAINER_HOME/entrypoint.sh"
  run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'phase init failed (exit code 9)'
  run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'half-initialised'
  assert_has "$output" 'init failed (exit code 9)'
  assert_has "$output" INIT_ON_FAILURE=wipe
  cp "$SCRATCH/good.sh" "$CONTAINER_HOME/entrypoint.sh"
  export INIT_ON_FAILURE=wipe
  serve_until_ready
  [ ! -e "$PGDATA/.init-in-progress" ]
}

@test "an initialisation that was killed begins anew by itself" {
  mkdir -p "$PGDATA/.init-in-progress/data/base" "$PGDATA/global" "$PGDATA/lost+found"
  chmod 700 "$PGDATA"
  echo half >"$PGDATA/PG_VERSION"
  as_user
  serve_until_ready
  log_has 'was interrupted: beginning anew'
  [ "$(cat "$PGDATA/PG_VERSION")" = 15 ]
  [ -d "$PGDATA/lost+found" ]
}

@test "what a killed initialisation leaves running is waited for" {
  cp "$FAKES/initdb" "$SCRATCH/initdb"
  fake initdb <<'BODY'
(sleep 0.7; echo ended >>"$SCRATCH/phases") & # as initdb's server, which isn't the one that is killed
mkdir -p "$PGDATA/.init-in-progress/data"
touch "$SCRATCH/begun"
wait
BODY
  serve postgres
  wait_until test -e "$SCRATCH/begun"
  kill -KILL "$served"
  wait "$served" || true
  mv "$SCRATCH/initdb" "$FAKES/initdb"
  serve_until_ready
  [ "$(head -n 2 "$SCRATCH/phases")" = $'ended\ninitdb' ]
}

@test "a second container on the same volume is refused" {
  make_cluster
  serve_until_ready
  PGHOST=$SCRATCH/run2 PGCONFIG=$SCRATCH/config2 run entrypoint postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'in use by another container'
}

@test "a stale postmaster.pid whose process is somebody else now is removed" {
  make_cluster
  printf '%s\n' "$BASHPID" 2 3 4 5 6 7 ready >"$PGDATA/postmaster.pid" # bats itself: alive, and no server
  as_user
  serve_until_ready
  log_has 'removing a stale postmaster.pid'
}

@test "a server that was killed is started again, and what it left behind is ended" {
  make_cluster
  serve_until_ready
  first=$(cut -d ' ' -f 1 "$SCRATCH/postgres.started")
  kill -KILL "$first"
  wait_until bash -c "[[ \$(cut -d ' ' -f 1 '$SCRATCH/postgres.started') != $first ]]"
  log_has 'postmaster_died'
  ready_twice() { [[ $(grep -c 'ready for clients' "$SCRATCH/log") -eq 2 ]]; }
  wait_until ready_twice
  kill "$served"
  expect_end 0
}

@test "a server whose PID 1 was killed doesn't go on" {
  make_cluster
  serve_until_ready
  kill -KILL "$served"
  wait "$served" || true
  served=
  server_is_gone() { ! kill -0 "$(cut -d ' ' -f 1 "$SCRATCH/postgres.started")"; }
  wait_until server_is_gone
}

@test "a failing runtime phase ends the container and leaves the cluster as it is" {
  make_cluster
  echo 'exit 9' >"$CONTAINER_HOME/entrypoint.sh"
  run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'runtime failed (exit code 9)'
  [ ! -e "$PGDATA/.init-in-progress" ]
}

# ---- stopping

@test "SIGTERM and SIGINT are a fast shutdown" {
  make_cluster
  for name in TERM INT; do
    rm -f "$SCRATCH/signals" "$SCRATCH/ready" "$SCRATCH/log"
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

@test "SIGTERM in the init phase ends every script and the server, and the next start begins anew" {
  cp "$CONTAINER_HOME/entrypoint.sh" "$SCRATCH/good.sh"
  echo '[[ $1 != init ]] || { sleep 1000 & echo $! >"$SCRATCH/script"; wait; }' >"$CONTAINER_HOME/entrypoint.sh"
  serve postgres
  wait_until test -s "$SCRATCH/script"
  kill "$served"
  expect_end 143
  ! kill -0 "$(cat "$SCRATCH/script")" 2>/dev/null || false
  [ "$(cat "$SCRATCH/signals")" = INT ]
  cp "$SCRATCH/good.sh" "$CONTAINER_HOME/entrypoint.sh"
  serve_until_ready
}

@test "init scripts that ignore SIGTERM are killed after TIMEOUT" {
  export TIMEOUT=1
  echo '[[ $1 != init ]] || { trap "" TERM; touch "$SCRATCH/script"; sleep 1000; }' >"$CONTAINER_HOME/entrypoint.sh"
  serve postgres
  wait_until test -e "$SCRATCH/script"
  kill "$served"
  expect_end 143
  log_has 'ending init at once'
}

@test "scripts that take longer than their time are ended and the container says so" {
  export TIMEOUT=1
  make_cluster
  echo 'sleep 1000' >"$CONTAINER_HOME/entrypoint.sh"
  run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'the time for runtime is over (1 s) (TIMEOUT)'
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

@test "the password reaches initdb and the init scripts as an open file, and nobody else" {
  echo '[[ $1 != init ]] || cat "$POSTGRES_PASSWORD_FILE" >"$SCRATCH/password.init"' >>"$CONTAINER_HOME/entrypoint.sh"
  serve_until_ready
  [ "$(cat "$SCRATCH/password.seen")" = s3cret ]
  [ "$(cat "$SCRATCH/password.init")" = s3cret ]
  for seen in init.env runtime.env initdb.env initdb.args postgres.env log postgres.started; do
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

@test "a mounted secret is found by its name" {
  unset POSTGRES_PASSWORD
  mkdir "$SECRETS_DIR"
  echo mounted >"$SECRETS_DIR/postgres_password"
  as_user
  serve_until_ready
  [ "$(cat "$SCRATCH/password.seen")" = mounted ]
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

# ---- the log

@test "JSON: every line of every component is one object" {
  export LOG_FORMAT=json
  echo 'echo "from $1 with \"quotes\""' >>"$CONTAINER_HOME/entrypoint.sh"
  sed -i '2i echo "2026-01-31 12:00:00.123 UTC [42] LOG:  from the server" >&2' "$FAKES/postgres"
  serve_until_ready
  kill "$served"
  expect_end 0
  jq -es 'all(has("time") and has("level") and has("component") and has("pid") and has("message"))' "$SCRATCH/log"
  jq -es 'any(.component == "init" and .message == "from init with \"quotes\"")' "$SCRATCH/log"
  jq -es 'any(.component == "postgres" and .pid == 42 and .message == "from the server")' "$SCRATCH/log"
  jq -es 'any(.component == "pg-entrypoint" and (.message | startswith("ready for clients")))' "$SCRATCH/log"
}

@test "a reader that has stopped reading doesn't keep anybody from stopping" {
  make_cluster
  echo 'head -c 3000000 /dev/zero | tr "\0" x; touch "$SCRATCH/flooded"' >"$CONTAINER_HOME/entrypoint.sh"
  mkfifo "$SCRATCH/pipe"
  exec 8<>"$SCRATCH/pipe"
  "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres >"$SCRATCH/pipe" 2>&1 3>&- &
  served=$!
  sleep 0.3 # the pipe and the queue are full by now, or soon
  kill "$served"
  expect_end 143
}

# ---- what would be written

@test "render shows the configuration without secrets and writes nothing" {
  BACKUP_ENABLED=true POSTGRESQL_WORK_MEM=7MB BACKUP_CIPHER_PASSWORD=s3cret run entrypoint render
  [ "$status" -eq 0 ]
  assert_has "$output" "work_mem = '7MB'"
  assert_has "$output" 'repo1-cipher-pass=********'
  assert_lacks "$output" s3cret
  [ ! -e "$PGCONFIG" ]
}

@test "what is installed is preloaded in the order that it needs, also under Patroni" {
  local program
  program=$(command -v postgres)
  mkdir -p "$SCRATCH/server/"{bin,lib}
  mv "$program" "$SCRATCH/server/bin/"
  PATH=$SCRATCH/server/bin:$PATH
  run entrypoint render postgresql.conf
  assert_lacks "$output" shared_preload_libraries
  assert_lacks "$output" pg_stat_monitor.
  touch "$SCRATCH/server/lib/"{pg_stat_monitor,pg_stat_statements,citus,plpgsql}.so
  run entrypoint render postgresql.conf
  assert_has "$output" "shared_preload_libraries = 'citus,pg_stat_statements,pg_stat_monitor'"
  assert_has "$output" "pg_stat_monitor.pgsm_max = '32MB'"
  PATRONI_ENABLE=true PATRONI_ETCD3_HOSTS=a:2379 PATRONI_REPLICATION_PASSWORD=x run entrypoint render patroni.yml
  assert_has "$output" '    shared_preload_libraries: citus,pg_stat_statements,pg_stat_monitor'
}

@test "the rendered configuration carries the variables, has mode 0600, and TCP asks for scram" {
  make_cluster
  export POSTGRESQL_WORK_MEM=7MB POSTGRES_USER='we"ird'
  serve_until_ready
  assert_has "$(cat "$PGCONFIG/postgresql.conf")" "work_mem = '7MB'"
  assert_has "$(cat "$PGCONFIG/postgresql.conf")" "hba_file = '$PGCONFIG/pg_hba.conf'"
  assert_has "$(cat "$PGCONFIG/pg_ident.conf")" '"we""ird"'
  [ "$(stat -c %a "$PGCONFIG"/*.conf | sort -u)" = 600 ]
  ! grep -q '@' "$PGCONFIG/pg_hba.conf" || false
}

@test "EXTERNAL_ACCESS_ENABLE=false leaves only the container itself" {
  EXTERNAL_ACCESS_ENABLE=false run entrypoint render pg_hba.conf
  [ "$status" -eq 0 ]
  ! grep -Eq '^host +[a-z]+ +all +all ' <<<"$output" || false
  grep -Eq '^host +all +all +127.0.0.1/32 ' <<<"$output"
}

@test "a configuration file that a person wrote is kept" {
  make_cluster
  mkdir "$PGCONFIG"
  echo '# mine' >"$PGCONFIG/pg_hba.conf"
  as_user
  serve_until_ready
  log_has "keeping $PGCONFIG/pg_hba.conf"
  [ "$(cat "$PGCONFIG/pg_hba.conf")" = '# mine' ]
}

@test "a PGCONFIG that can't be written is an explained error" {
  make_cluster
  PGCONFIG=/proc/nowhere run entrypoint postgres
  [ "$status" -eq 70 ]
  assert_has "$output" "PGCONFIG /proc/nowhere can't be written"
}
