#!/usr/bin/env bats
# entrypoint.sh and the scripts of the init phase, with psql replaced.

load helper

setup() {
  setup_scratch
  setup_container_home
  export INIT_HOOKS_DIR=$SCRATCH/hooks POSTGRES_USER=postgres POSTGRES_DB=postgres LOG_LEVEL=INFO PGHOST=$SCRATCH/run
  mkdir -p "$INIT_HOOKS_DIR"
  fake psql <<'BODY'
{ printf '<%s>' "$@"; echo; } >>"$SCRATCH/psql.log"
case " $* " in *' --file='* ) ;; *) cat >>"$SCRATCH/psql.log" ;; esac
BODY
}

phase() { run bash "$CONTAINER_HOME/entrypoint.sh" "$1"; }

# script PHASE NAME <<'BODY'
script() { cat >"$CONTAINER_HOME/entrypoint.d/scripts/$1/$2"; }

password_on() { # DESCRIPTOR: as pg-entrypoint hands it over
  echo s3cret >"$SCRATCH/secret"
  export POSTGRES_PASSWORD_FILE=/proc/self/fd/$1
}

@test "an unknown phase is refused" {
  phase nonsense
  [ "$status" -eq 1 ]
  assert_has "$output" nonsense
}

@test "scripts run in order, each in a shell of its own that knows the utils" {
  script runtime 10-a.sh <<<'log_info one; changed=yes; exit 0'
  script runtime 20-b.sh <<<'log_info "two ${changed:-unchanged}"'
  script runtime notes.sh <<<'log_info "without a number"'
  phase runtime
  [ "$status" -eq 0 ]
  [ "$(sed 's/.*INFO:  //' <<<"$output")" = $'one\ntwo unchanged' ]
}

@test "startup.sh comes after the numbers; shutdown.sh and healthcheck.sh are phases of their own" {
  script runtime startup.sh <<<'log_info startup'
  script runtime 90-last.sh <<<'log_info last'
  script runtime shutdown.sh <<<'log_info shutdown'
  script runtime healthcheck.sh <<<'die unwell'
  phase runtime
  [ "$(sed 's/.*INFO:  //' <<<"$output")" = $'last\nstartup' ]
  phase shutdown
  [ "$(sed 's/.*INFO:  //' <<<"$output")" = shutdown ]
  phase healthcheck
  [ "$status" -ne 0 ]
  assert_has "$output" 'runtime/healthcheck.sh ended with exit code'
  rm "$CONTAINER_HOME/entrypoint.d/scripts/runtime/"*
  phase shutdown
  [ "$status" -eq 0 ]
}

@test "the first failing script ends the phase and is named" {
  script runtime 10-a.sh <<<$'false\nlog_info not reached'
  script runtime 20-b.sh <<<'log_info not reached'
  phase runtime
  [ "$status" -eq 1 ]
  assert_has "$output" 'runtime/10-a.sh ended with exit code 1'
  assert_lacks "$output" 'not reached'
}

@test "without a database to make and without hooks nothing is asked of the server" {
  phase init
  [ "$status" -eq 0 ]
  [ ! -e "$SCRATCH/psql.log" ]
}

@test "POSTGRES_DB is made, whatever its name is" {
  POSTGRES_DB='my "app"' phase init
  [ "$status" -eq 0 ]
  assert_has "$(cat "$SCRATCH/psql.log")" '<--set=name=my "app">'
  assert_has "$(cat "$SCRATCH/psql.log")" "CREATE DATABASE %I"
}

@test "Citus under Patroni: the database, the extension, and a password that is in no argument" {
  printf '%s\n' 'local\:host:5432:*:postgres:a\:b\\c'"'d e" >"$SCRATCH/pgpass"
  export CITUS_BOOTSTRAP_DATABASE=tenants PGPASSFILE=$SCRATCH/pgpass
  phase init
  [ "$status" -eq 0 ]
  local asked
  asked=$(cat "$SCRATCH/psql.log")
  assert_has "$asked" '<--set=name=tenants>'
  assert_has "$asked" 'CREATE EXTENSION IF NOT EXISTS citus;'
  # Escaped for conninfo, then for COPY.
  assert_has "$asked" $'0\tpostgres\tpassword=\'a:b\\\\\\\\c\\\\\'d e\''
  ! grep -E '^<.*d e' "$SCRATCH/psql.log" || false
  unset CITUS_BOOTSTRAP_DATABASE
  rm "$SCRATCH/psql.log"
  phase init
  [ ! -e "$SCRATCH/psql.log" ]
}

@test "hooks run in order of their names: .sh as children, SQL by psql, others are named and left out" {
  printf 'echo "hook $POSTGRES_PASSWORD $PGDATABASE"; exit 0\n' >"$INIT_HOOKS_DIR/1.sh"
  echo 'SELECT 2' >"$INIT_HOOKS_DIR/2.sql"
  echo 'SELECT 3' | gzip >"$INIT_HOOKS_DIR/3 three.sql.gz"
  echo 'SELECT 4' | xz >"$INIT_HOOKS_DIR/4.sql.xz"
  echo 'SELECT 5' | zstd -q >"$INIT_HOOKS_DIR/5.sql.zst"
  echo 'hm' >"$INIT_HOOKS_DIR/6.txt"
  password_on 7
  phase init 7<"$SCRATCH/secret"
  [ "$status" -eq 0 ]
  assert_has "$output" 'hook s3cret postgres'
  assert_has "$(cat "$SCRATCH/psql.log")" "<--file=$INIT_HOOKS_DIR/2.sql>"
  [ "$(grep -o 'SELECT .' "$SCRATCH/psql.log" | paste -sd ' ')" = 'SELECT 3 SELECT 4 SELECT 5' ]
  assert_has "$output" "leaving out $INIT_HOOKS_DIR/6.txt"
}

@test "an executable hook runs by its own interpreter" {
  printf '#!/bin/sh\necho "by ${BASH_VERSION:-sh}"\n' >"$INIT_HOOKS_DIR/1.sh"
  chmod +x "$INIT_HOOKS_DIR/1.sh"
  phase init
  assert_has "$output" 'by sh'
}

@test "a failing hook fails the phase and is named" {
  echo 'exit 7' >"$INIT_HOOKS_DIR/1.sh"
  echo 'echo not reached' >"$INIT_HOOKS_DIR/2.sh"
  phase init
  [ "$status" -eq 1 ]
  assert_has "$output" "$INIT_HOOKS_DIR/1.sh failed (exit code 7)"
  assert_lacks "$output" 'not reached'
}

@test "failing SQL in a compressed hook fails the phase" {
  fake psql <<<'cat >/dev/null; exit 3'
  echo 'SELECT 3' | gzip >"$INIT_HOOKS_DIR/3.sql.gz"
  phase init
  [ "$status" -eq 1 ]
  assert_has "$output" '3.sql.gz failed (exit code 3)'
}

@test "a damaged archive fails the phase" {
  echo 'SELECT 3' | gzip | head -c 12 >"$INIT_HOOKS_DIR/3.sql.gz"
  phase init
  [ "$status" -eq 1 ]
  assert_has "$output" '3.sql.gz failed'
}
