#!/usr/bin/env bats
# entrypoint.sh and its init and runtime scripts, with initdb, postgres and psql replaced.

load helper

setup() {
  setup_scratch
  setup_container_home
  export PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run
  export PGDATA_STAGING=$PGDATA/.init-in-progress/data INIT_HOOKS_DIR=$SCRATCH/hooks
  export POSTGRES_USER=postgres POSTGRES_DB=postgres POSTGRES_INITDB_ARGS='' LOG_LEVEL=INFO
  export EXTERNAL_ACCESS_ENABLE=true EXTERNAL_ACCESS_METHOD=scram-sha-256 POSTGRESQL_LISTEN_ADDRESSES='*'
  export POSTGRESQL_SHARED_BUFFERS=128MB POSTGRESQL_WORK_MEM=4MB POSTGRESQL_MAX_CONNECTIONS=100
  mkdir -p "$PGDATA/.init-in-progress" "$INIT_HOOKS_DIR"
  fake initdb <<'BODY'
printf '<%s>' "$@" >"$SCRATCH/initdb.args"
for argument; do
  case $argument in
    --pgdata=*) mkdir -p "${argument#*=}/base" && echo 15 >"${argument#*=}/PG_VERSION" ;;
    --pwfile=*) cp "${argument#*=}" "$SCRATCH/password.seen" ;;
  esac
done
BODY
  fake postgres <<'BODY'
printf '<%s>' "$@" >"$SCRATCH/postgres.args"
env >"$SCRATCH/postgres.env"
trap 'echo stopped >"$SCRATCH/postgres.stopped"; rm "$PGDATA/postmaster.pid"; exit 0' INT
printf '%s\n' $$ 2 3 4 5 6 7 'ready   ' >"$PGDATA/postmaster.pid"
while :; do sleep 0.02; done
BODY
  fake psql <<'BODY'
{ printf '<%s>' "$@"; echo; } >>"$SCRATCH/psql.log"
case " $* " in *' --file='* ) ;; *) cat >>"$SCRATCH/psql.log" ;; esac
BODY
}

init() { run bash "$CONTAINER_HOME/entrypoint.sh" init; }
runtime() { run bash "$CONTAINER_HOME/entrypoint.sh" runtime; }

@test "an unknown phase is refused" {
  run bash "$CONTAINER_HOME/entrypoint.sh" nonsense
  [ "$status" -eq 1 ]
  assert_has "$output" "nonsense"
}

@test "scripts run in order, each in a shell of its own that knows the utils" {
  rm "$CONTAINER_HOME"/entrypoint.d/scripts/runtime/*
  echo 'log_info one; changed=yes; exit 0' >"$CONTAINER_HOME/entrypoint.d/scripts/runtime/10-a.sh"
  echo 'log_info "two ${changed:-unchanged}"' >"$CONTAINER_HOME/entrypoint.d/scripts/runtime/20-b.sh"
  runtime
  [ "$status" -eq 0 ]
  [ "$(sed 's/.*INFO:  //' <<<"$output")" = $'one\ntwo unchanged' ]
}

@test "the first failing script ends the phase and is named" {
  rm "$CONTAINER_HOME"/entrypoint.d/scripts/runtime/*
  printf 'false\nlog_info not reached\n' >"$CONTAINER_HOME/entrypoint.d/scripts/runtime/10-a.sh"
  echo 'log_info not reached' >"$CONTAINER_HOME/entrypoint.d/scripts/runtime/20-b.sh"
  runtime
  [ "$status" -eq 1 ]
  assert_has "$output" 'runtime/10-a.sh ended with exit code 1'
  assert_lacks "$output" 'not reached'
}

@test "init makes the cluster in the staging folder and moves it up" {
  init
  [ "$status" -eq 0 ]
  [ "$(cat "$PGDATA/PG_VERSION")" = 15 ]
  [ -d "$PGDATA/base" ]
  assert_has "$(cat "$SCRATCH/initdb.args")" "<--pgdata=$PGDATA_STAGING><--username=postgres>"
  assert_has "$(cat "$SCRATCH/initdb.args")" '<--no-sync>'
}

@test "without a database to make and without hooks no server is started" {
  init
  [ ! -e "$SCRATCH/postgres.args" ]
}

@test "the password goes to initdb as an open file, never as an argument" {
  echo s3cret >"$SCRATCH/secret"
  exec 7<"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=/proc/self/fd/7 init
  [ "$status" -eq 0 ]
  assert_has "$(cat "$SCRATCH/initdb.args")" '<--auth-host=scram-sha-256><--pwfile=/proc/self/fd/7>'
  [ "$(cat "$SCRATCH/password.seen")" = s3cret ]
}

@test "without a password nobody gets in over TCP by initdb's own pg_hba.conf" {
  init
  assert_has "$(cat "$SCRATCH/initdb.args")" '<--auth-host=reject>'
}

@test "POSTGRES_INITDB_ARGS is split like shell words and nothing in it is executed" {
  POSTGRES_INITDB_ARGS="--locale='C UTF' --x=\$(touch $SCRATCH/bad)" init
  [ "$status" -eq 0 ]
  assert_has "$(cat "$SCRATCH/initdb.args")" "<--locale=C UTF><--x=\$(touch><$SCRATCH/bad)>"
  [ ! -e "$SCRATCH/bad" ]
}

@test "an unclosed quote in POSTGRES_INITDB_ARGS is an explained error" {
  POSTGRES_INITDB_ARGS="--locale='C" init
  [ "$status" -ne 0 ]
  assert_has "$output" 'unclosed quote'
}

@test "POSTGRES_DB is made on a server without TCP that is stopped again" {
  POSTGRES_DB='my "app"' init
  [ "$status" -eq 0 ]
  assert_has "$(cat "$SCRATCH/psql.log")" '<--set=name=my "app">'
  assert_has "$(cat "$SCRATCH/psql.log")" 'CREATE DATABASE :"name";'
  assert_has "$(cat "$SCRATCH/postgres.args")" '<-c><listen_addresses=>'
  [ -e "$SCRATCH/postgres.stopped" ]
  [ -z "$(ls "$PGHOST")" ]
}

@test "hooks run in order of their names: .sh as children, .sql and .sql.gz by psql, others are named and left out" {
  printf 'echo "hook $POSTGRES_PASSWORD $PGDATABASE"; exit 0\n' >"$INIT_HOOKS_DIR/1.sh"
  echo 'SELECT 2' >"$INIT_HOOKS_DIR/2.sql"
  echo 'SELECT 3' | gzip >"$INIT_HOOKS_DIR/3 three.sql.gz"
  echo 'hm' >"$INIT_HOOKS_DIR/4.txt"
  echo s3cret >"$SCRATCH/secret"
  exec 7<"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=/proc/self/fd/7 init
  [ "$status" -eq 0 ]
  assert_has "$output" 'hook s3cret postgres'
  assert_has "$(cat "$SCRATCH/psql.log")" "<--file=$INIT_HOOKS_DIR/2.sql>"
  assert_has "$(cat "$SCRATCH/psql.log")" 'SELECT 3'
  assert_has "$output" "leaving out $INIT_HOOKS_DIR/4.txt"
}

@test "an executable hook runs by its own interpreter" {
  printf '#!/bin/sh\necho "by ${BASH_VERSION:-sh}"\n' >"$INIT_HOOKS_DIR/1.sh"
  chmod +x "$INIT_HOOKS_DIR/1.sh"
  init
  assert_has "$output" 'by sh'
}

@test "the server of the init phase does not get the password" {
  echo 'SELECT 1' >"$INIT_HOOKS_DIR/1.sql"
  echo s3cret >"$SCRATCH/secret"
  exec 7<"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=/proc/self/fd/7 init
  assert_lacks "$(cat "$SCRATCH/postgres.env")" PASSWORD
}

@test "a failing hook fails the phase, and the server is stopped" {
  echo 'exit 7' >"$INIT_HOOKS_DIR/1.sh"
  echo 'echo not reached' >"$INIT_HOOKS_DIR/2.sh"
  init
  [ "$status" -eq 7 ]
  assert_has "$output" 'init/20-database.sh ended with exit code 7'
  assert_lacks "$output" 'not reached'
  [ -e "$SCRATCH/postgres.stopped" ]
}

@test "failing SQL in a compressed hook fails the phase" {
  fake psql <<<'cat >/dev/null; exit 3'
  echo 'SELECT 3' | gzip >"$INIT_HOOKS_DIR/3.sql.gz"
  init
  [ "$status" -eq 3 ]
}

@test "a server that dies in the init phase is an explained error, without waiting" {
  fake postgres <<<'exit 1'
  POSTGRES_DB=app init
  [ "$status" -eq 1 ]
  assert_has "$output" 'ended before it was ready'
}

@test "the configuration carries the variables, and TCP asks for scram" {
  POSTGRESQL_WORK_MEM=7MB runtime
  [ "$status" -eq 0 ]
  assert_has "$(cat "$PGCONFIG/postgresql.conf")" "work_mem = '7MB'"
  assert_has "$(cat "$PGCONFIG/postgresql.conf")" "hba_file = '$PGCONFIG/pg_hba.conf'"
  grep -Eq '^host +all +all +all +scram-sha-256$' "$PGCONFIG/pg_hba.conf"
  ! grep -q trust "$PGCONFIG/pg_hba.conf"
  ! grep -q '@' "$PGCONFIG/pg_hba.conf"
}

@test "EXTERNAL_ACCESS_ENABLE=false leaves only the container itself" {
  EXTERNAL_ACCESS_ENABLE=false runtime
  ! grep -Eq '^host +[a-z]+ +all +all ' "$PGCONFIG/pg_hba.conf"
  grep -Eq '^host +all +all +127.0.0.1/32 ' "$PGCONFIG/pg_hba.conf"
}

@test "the superuser's name is quoted" {
  POSTGRES_USER='we"ird' runtime
  assert_has "$(cat "$PGCONFIG/pg_ident.conf")" '"we""ird"'
}

@test "a user id without a name can't use peer authentication, so it isn't offered" {
  fake getent <<<'exit 2'
  runtime
  ! grep -q peer "$PGCONFIG/pg_hba.conf"
}

@test "a PGCONFIG that can't be written is an explained error" {
  export PGCONFIG=/proc/nowhere
  runtime
  [ "$status" -eq 1 ]
  assert_has "$output" "PGCONFIG /proc/nowhere can't be written"
}
