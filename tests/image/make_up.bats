#!/usr/bin/env bats
# `make up` as root and as a plain user: scripts/up of a checkout of its own, with a store of its own.

load helper

USERS_NAME=pgstrata-image-test

setup_file() {
  bats_require_minimum_version 1.5.0
  unset SOURCE_DATE_EPOCH PGPORT PGPASSWORD PGUSER PGHOST
  checkout "$WORK/root"
  userdel -r "$USERS_NAME" 2>/dev/null || true
  useradd --create-home "$USERS_NAME" # with subordinate ids, as useradd gives them
  checkout "$WORK/user"
  cp "$PGSTRATA" "$WORK/user/pgstrata" # whoever tests may have built it in a folder that nobody else can enter
  chown -R "$USERS_NAME": "$WORK/user"
}

teardown_file() {
  (cd "$WORK/root" && scripts/down)
  as_user scripts/down || true
  userdel -r "$USERS_NAME" 2>/dev/null
}

checkout() {
  mkdir -p "$1/docker"
  cp -r "$REPOSITORY/scripts" "$1/"
  cp -r "$REPOSITORY/docker/postgresql" "$1/docker/"
}

as_user() {
  su "$USERS_NAME" -c "cd '$WORK/user' && PGSTRATA='$WORK/user/pgstrata' PGSTRATA_ROOT='$WORK/user/store' PGSTRATA_PORT=${port:-} $*"
}

up() { (cd "$WORK/root" && scripts/up); }
started() { "$PGSTRATA" ps --format json | grep -o '"ID":"[^"]*"'; }

@test "the only line on stdout is a connection string that psql takes" {
  run --separate-stderr up
  [ "$status" -eq 0 ]
  [[ $output =~ ^postgresql://postgres:[A-Za-z0-9_-]+@127\.0\.0\.1:[0-9]+/postgres$ ]]
  [[ $stderr == *build*start*ready* ]]
  psql -Xqc 'CREATE TABLE kept AS SELECT 42 AS x' "$output"
}

@test "again with nothing changed: the same container goes on" {
  before=$(started)
  run --separate-stderr up
  [ "$status" -eq 0 ]
  [[ $stderr == *"nothing has changed"* ]]
  [ "$(started)" = "$before" ]
}

@test "after an edit: another container, with the edit, the same data and the same address" {
  before=$(started)
  url=$(up 2>/dev/null)
  mkdir -p "$WORK/root/docker/postgresql/entrypoint.d/scripts/runtime"
  # shellcheck disable=SC2016 # expanded in the container
  echo 'log_info "edited: $PGPORT"' >"$WORK/root/docker/postgresql/entrypoint.d/scripts/runtime/10-edited.sh"
  run --separate-stderr up
  [ "$status" -eq 0 ]
  [ "$output" = "$url" ]
  [ "$(started)" != "$before" ]
  [ "$(psql -XAtqc 'SELECT x FROM kept' "$output")" = 42 ]
  run "$PGSTRATA" logs pgstrata-postgresql
  [[ $output == *"edited: "* ]]
}

@test "the password is in no argument list and can be read by nobody else" {
  password=$(cat "$PGSTRATA_ROOT/up/password")
  [ "${#password}" -ge 20 ]
  # In two halves, or grep would find itself.
  [ -z "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -F -e "${password:0:9}" | grep -F -e "${password:9}")" ]
  [ -z "$(grep -l -F -e "$password" "$PGSTRATA_ROOT/containers"/*/config.json)" ]
  run su "$USERS_NAME" -c "cat '$PGSTRATA_ROOT/up/password'"
  [ "$status" -ne 0 ]
}

@test "a taken port: another one if nobody asked for it, else an error that says so" {
  (cd "$WORK/root" && scripts/down)
  port=$(free_port)
  python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
  local server=$!
  wait_until 10 bash -c ": <>/dev/tcp/127.0.0.1/$port"
  PGSTRATA_PORT=$port run up
  kill "$server"
  [ "$status" -eq 1 ]
  [[ $output == *"port $port of 127.0.0.1 is taken"* ]]
  PGSTRATA_PORT=$port run --separate-stderr up
  [ "$status" -eq 0 ]
  [[ $output == *":$port/postgres" ]]
  PGSTRATA_PORT=0x10 run up
  [ "$status" -eq 2 ]
}

@test "down removes the container and keeps the data" {
  (cd "$WORK/root" && scripts/down)
  [ -z "$(started)" ]
  url=$(up 2>/dev/null)
  [ "$(psql -XAtqc 'SELECT x FROM kept' "$url")" = 42 ]
}

@test "as a plain user: everything from nothing, SQL answers, and all of it ends" {
  port=$(free_port)
  run as_user scripts/up
  echo "$output" | tail -20
  [ "$status" -eq 0 ]
  url=${lines[-1]}
  [ "$(psql -XAtqc "SELECT current_setting('server_version_num')::int / 10000" "$url")" = 15 ]
  # Extensions load there too, and the files of the cluster belong to a subordinate id.
  psql -Xqc 'CREATE EXTENSION pg_stat_statements' "$url"
  run as_user scripts/up
  [ "$status" -eq 0 ]
  [[ $output == *"nothing has changed"* ]]
  as_user scripts/down
  run psql -XAtqc 'SELECT 1' "$url"
  [ "$status" -ne 0 ]
  # What was built is still being written to the disk in the background.
  wait_until 60 bash -c "! pgrep -u $USERS_NAME"
}
