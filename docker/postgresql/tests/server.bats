#!/usr/bin/env bats
# pg-entrypoint with the real PostgreSQL of this machine: the first start, the health endpoints, and what happens when
# things break (the rows of the fault table in ../README.md). Every test has a volume of its own, a copy of one that the
# first start made.

load helper
bats_require_minimum_version 1.5.0

setup_file() {
  use_pg_entrypoint
  use_postgresql
  export CLUSTER=$BATS_FILE_TMPDIR/cluster
  SCRATCH=$BATS_FILE_TMPDIR
  common_settings
  setup_container_home
  PGDATA=$CLUSTER
  as_user
  serve
  wait_until is_ready
  kill "$served"
  wait "$served"
}

setup() {
  setup_scratch
  use_postgresql
  common_settings
  setup_container_home
  as_user
}

teardown() {
  if [[ -n ${served:-} ]]; then
    kill -KILL "$served" 2>/dev/null || true
    wait "$served" || true
    wait_until nothing_runs
  fi
  if [[ -n ${mounted:-} ]]; then umount "$mounted"; fi
}

common_settings() {
  export PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run INIT_HOOKS_DIR=$SCRATCH/hooks SECRETS_DIR=$SCRATCH
  PGPORT=$(free_port) HEALTH_PORT=$(free_port)
  export PGPORT HEALTH_PORT POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 POSTGRES_PASSWORD=s3cret LOG_FORMAT=json
  mkdir -p "$INIT_HOOKS_DIR" "$PGHOST"
}

# The volume of a container that has run before.
use_cluster() {
  cp -a "$CLUSTER" "$PGDATA"
  as_user
}

start() {
  serve "$@"
  wait_until is_ready
}

# Ends it, and compares its exit code.
stop() {
  local status=0
  kill "$served"
  wait "$served" || status=$?
  served=
  [[ $status -eq ${1:-0} ]] || { echo "exit code $status" >&2; tail -n 30 "$SCRATCH/log" >&2; return 1; }
}

sql() { PGPASSWORD=s3cret PGHOST=127.0.0.1 psql -XAtqU postgres -d "${2:-postgres}" -c "$1"; }
postmaster() { head -n 1 "$PGDATA/postmaster.pid"; }
log_has() { grep -qF -e "$1" "$SCRATCH/log"; }
# Nothing works in this test's volume: not even what an initdb that was killed had started, which in a container would
# have died with PID 1.
# shellcheck disable=SC2012
nothing_runs() { ! ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -qF -e "-> $PGDATA"; }

@test "the first start: one server, hooks of all kinds, a password over TCP" {
  echo "psql -XAtqc \"CREATE TABLE from_sh AS SELECT '\$POSTGRES_PASSWORD' AS x\"" >"$INIT_HOOKS_DIR/1.sh"
  echo 'CREATE TABLE from_sql AS SELECT 2 AS x;' >"$INIT_HOOKS_DIR/2 two.sql"
  echo 'CREATE TABLE from_gz AS SELECT 3 AS x;' | gzip >"$INIT_HOOKS_DIR/3.sql.gz"
  echo 'CREATE TABLE from_xz AS SELECT 4 AS x;' | xz >"$INIT_HOOKS_DIR/4.sql.xz"
  echo 'CREATE TABLE from_zst AS SELECT 5 AS x;' | zstd -q >"$INIT_HOOKS_DIR/5.sql.zst"
  export POSTGRES_DB='my "app"'
  start
  [ "$(sql 'SELECT (SELECT x FROM from_sh), (SELECT x FROM from_sql), (SELECT x FROM from_gz), (SELECT x FROM from_xz), (SELECT x FROM from_zst)' 'my "app"')" = 's3cret|2|3|4|5' ]
  [ "$(grep -c 'ready to accept connections' "$SCRATCH/log")" -eq 1 ]
  PGPASSWORD=wrong run psql -h 127.0.0.1 -U postgres -c 'SELECT 1'
  [ "$status" -ne 0 ]
  jq -es 'length > 5 and all(has("time") and has("level") and has("component") and has("pid") and has("message"))' "$SCRATCH/log"
  # Of the log, the environments and the command lines only the table has the password.
  ! grep -q s3cret "$SCRATCH/log" || false
  ! cat /proc/"$served"/environ /proc/"$(postmaster)"/environ /proc/"$(postmaster)"/cmdline | grep -q s3cret || false
  stop
  nothing_runs
}

@test "nobody is let in and nothing is ready before the initialisation is complete" {
  echo "until [[ -e $SCRATCH/go ]]; do sleep 0.05; done" >"$INIT_HOOKS_DIR/1.sh"
  serve
  wait_until log_has 'running '
  answers /livez 200
  answers /readyz 503
  answers /startupz 503
  run entrypoint_healthcheck
  [ "$status" -eq 1 ]
  run sql 'SELECT 1'
  assert_has "$output" 'pg_hba.conf rejects'
  touch "$SCRATCH/go"
  wait_until is_ready
  answers /startupz 200
  [ "$(sql 'SELECT 1')" = 1 ]
}

entrypoint_healthcheck() { "${exec_prefix[@]}" "$@" "$PG_ENTRYPOINT" healthcheck; }

@test "the endpoints are those of docs/contracts/health.json" {
  use_cluster
  start
  python3 - "$IMAGE/../../docs/contracts/health.json" "$HEALTH_PORT" <<'BODY'
import json, re, sys, urllib.error, urllib.request
import jsonschema
contract = json.load(open(sys.argv[1]))
def resolve(node):
    if isinstance(node, dict):
        if "$ref" in node:
            target = contract
            for part in node["$ref"].lstrip("#/").split("/"): target = target[part]
            return resolve(target)
        return {key: resolve(value) for key, value in node.items()}
    return [resolve(each) for each in node] if isinstance(node, list) else node
def get(path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}{path}", timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()
for path, methods in contract["paths"].items():
    status, headers, body = get(path)
    content = resolve(methods["get"]["responses"][str(status)])["content"]
    assert headers["Content-Type"] in content, (path, headers["Content-Type"])
    schema = content[headers["Content-Type"]]["schema"]
    jsonschema.Draft202012Validator(schema).validate(json.loads(body) if "json" in headers["Content-Type"] else body)
assert get("/nothing")[0] == 404
health = json.loads(get("/health")[2])
assert health["ready"] and health["postgresql"]["role"] == "primary" and "plpgsql" in health["postgresql"]["extensions"], health
# The text format of Prometheus: every sample has its HELP and TYPE before it, once, and a number.
seen, typed = set(), set()
for line in get("/metrics")[2].splitlines():
    if line.startswith("# TYPE "):
        name = line.split()[2]
        assert name not in typed and line.split()[3] in ("gauge", "counter"), line
        typed.add(name)
    elif not line.startswith("# HELP "):
        match = re.fullmatch(r'([a-z_:]+)(\{[a-z_]+="[a-z]+"\})? (-?[0-9.]+)', line)
        assert match and match[1] in typed and match[0] not in seen, line
        seen.add(match[0])
assert "postgresql_up" in typed and "postgresql_transactions_total" in typed
BODY
  if command -v promtool >/dev/null; then curl -s "http://127.0.0.1:$HEALTH_PORT/metrics" | promtool check metrics; fi
}

@test "PID 1 is small, and its health check forks nothing" {
  use_cluster
  start
  [ "$(stat -Lc %s "$PG_ENTRYPOINT")" -lt 3000000 ]
  resident=$(awk '/VmRSS/ { print $2 }' "/proc/$served/status")
  echo "$resident kB"
  [ "$resident" -lt 10240 ]
  # Whoever may start no process at all can still ask.
  entrypoint_healthcheck prlimit --nproc=0
}

@test "rubbish on the port of the health endpoints harms nobody" {
  use_cluster
  start
  head -c 100000 /dev/urandom | timeout 20 curl -s telnet://127.0.0.1:"$HEALTH_PORT" >/dev/null || true
  for _ in {1..100}; do (exec 4<>"/dev/tcp/127.0.0.1/$HEALTH_PORT") || true; done
  for request in 'POST /readyz HTTP/1.1' 'GET readyz HTTP/1.1' 'nonsense'; do
    exec 4<>"/dev/tcp/127.0.0.1/$HEALTH_PORT"
    printf '%s\r\n\r\n' "$request" >&4
    read -r answer <&4
    exec 4>&-
    [[ $answer == 'HTTP/1.1 40'* ]]
  done
  is_ready
}

@test "fault 1: kill -9 of the postmaster: started again, committed data is there" {
  use_cluster
  start
  sql 'CREATE TABLE t AS SELECT 42 AS x'
  first=$(postmaster)
  kill -KILL "$first"
  restarted() { [[ $(postmaster) != "$first" ]] && is_ready; }
  wait_until restarted
  [ "$(sql 'SELECT x FROM t')" = 42 ]
  log_has postmaster_died
  assert_has "$(get /metrics)" 'pg_entrypoint_server_restarts_total 1'
  stop
}

@test "fault 2: kill -9 of a backend: the postmaster recovers by itself" {
  use_cluster
  start
  first=$(postmaster)
  backend=$(sql 'SELECT pid FROM pg_stat_activity WHERE backend_type = $$checkpointer$$')
  kill -KILL "$backend"
  wait_until log_has 'all server processes terminated; reinitializing'
  wait_until sql 'SELECT 1'
  wait_until is_ready
  [ "$(postmaster)" = "$first" ]
}

@test "kill -9 of pg-entrypoint: the server ends with it, and the next start recovers" {
  use_cluster
  start
  sql 'CREATE TABLE t AS SELECT 42 AS x'
  kill -KILL "$served"
  wait "$served" || true
  start
  [ "$(sql 'SELECT x FROM t')" = 42 ]
}

@test "fault 7: a corrupted control file: refused, named, and nothing is initialised over it" {
  use_cluster
  head -c 8192 /dev/urandom >"$PGDATA/global/pg_control"
  cp "$CLUSTER/global/pg_control" "$SCRATCH/one-bit"
  printf 'x' | dd of="$SCRATCH/one-bit" bs=1 seek=100 conv=notrunc status=none
  as_user
  run "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'pg_control holds something else'
  cp "$SCRATCH/one-bit" "$PGDATA/global/pg_control"
  run "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 65 ]
  assert_has "$output" 'pg_control has a wrong checksum'
  [ -e "$PGDATA/PG_VERSION" ]
  [ ! -e "$PGDATA/.init-in-progress" ]
}

@test "fault 12: TERM and KILL at moments of the first start: nothing is left running, and the start after them is good" {
  echo 'CREATE TABLE t AS SELECT generate_series(1, 100000) AS x;' >"$INIT_HOOKS_DIR/1.sql"
  for moment in ${MOMENTS:-0 0.05 0.3 0.6 0.9}; do
    for signal in TERM KILL; do
      serve
      sleep "$moment"
      status=0
      kill -"$signal" "$served" || { echo "$moment: ended by itself"; tail "$SCRATCH/log"; false; }
      wait "$served" || status=$?
      served=
      # Ready already: 0. In the phases before: 143.
      [[ $signal == KILL || $status -eq 143 || $status -eq 0 ]] || { echo "$moment: $status"; tail "$SCRATCH/log"; false; }
      [[ $signal == KILL ]] || nothing_runs
      wait_until nothing_runs
    done
  done
  start
  [ "$(sql 'SELECT count(*) FROM t')" = 100000 ]
}

@test "fault 14: a stale postmaster.pid of a killed container is no obstacle" {
  use_cluster
  printf '%s\n' $$ "$PGDATA" 1 "$PGPORT" "$PGHOST" 127.0.0.1 '  1 1' ready >"$PGDATA/postmaster.pid"
  as_user
  start
  log_has 'removing a stale postmaster.pid'
}

@test "fault 26: a flood of zombies and of output from a hook" {
  cat >"$INIT_HOOKS_DIR/1.sh" <<'BODY'
for ((i = 0; i < 1000; i++)); do (setsid true &) ; done
head -c 5000000 /dev/zero | tr '\0' x
seq 100000
BODY
  start
  no_zombies() { [[ -z $(ps -o stat= --ppid "$served" | grep Z) ]]; }
  wait_until no_zombies
  jq -es 'length > 100000 and all(has("message"))' "$SCRATCH/log"
  [ "$(awk '/VmRSS/ { print $2 }' "/proc/$served/status")" -lt 10240 ]
}

@test "a hook that hangs is ended after INIT_TIMEOUT, and the next start refuses to run it again" {
  echo 'sleep 1000' >"$INIT_HOOKS_DIR/1.sh"
  export INIT_TIMEOUT=3
  run "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 70 ]
  assert_has "$output" INIT_TIMEOUT
  nothing_runs
  run "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 65 ]
}

# on_small_disk FOLDER MEGABYTES
on_small_disk() {
  ((EUID == 0)) || skip "needs to be root to mount one"
  mkdir -p "$1"
  mount -t tmpfs -o "size=$2M,mode=0700,uid=65534,gid=65534" tmpfs "$1" || skip "can't mount a tmpfs here"
  mounted=$1
}

fill() { head -c 1G /dev/zero >"$1/ballast" 2>/dev/null || true; }

@test "fault 5: a full disk of PGDATA: not ready but alive, and ready again once there is room" {
  on_small_disk "$SCRATCH/small" 200
  export PGDATA=$SCRATCH/small/data
  start
  fill "$SCRATCH/small"
  wait_until answers /readyz 503
  assert_has "$(get /readyz)" disk_full
  answers /livez 200
  sql 'CREATE TABLE t AS SELECT generate_series(1, 1000000)' || true
  answers /livez 200
  rm "$SCRATCH/small/ballast"
  wait_until is_ready
  [ "$(sql 'SELECT 1')" = 1 ]
  stop
}

@test "fault 5: a full disk of the WAL: no restart loop, and ready again once there is room" {
  on_small_disk "$SCRATCH/small" 80
  mkdir "$SCRATCH/small/wal"
  chown 65534:65534 "$SCRATCH/small/wal"
  export POSTGRES_INITDB_WALDIR=$SCRATCH/small/wal
  start
  fill "$SCRATCH/small"
  sql 'CREATE TABLE t AS SELECT generate_series(1, 1000000)' || true
  wait_until log_has 'disk_full: the server ended'
  answers /livez 200
  answers /readyz 503
  assert_has "$(get /readyz)" disk_full
  rm "$SCRATCH/small/ballast"
  wait_until is_ready
  [ "$(sql 'SELECT 1')" = 1 ]
}

@test "CHANGE_PASSWORD gives an existing cluster the password of this start, without a trace in the log" {
  use_cluster
  export POSTGRES_PASSWORD="n'ew\\pass" CHANGE_PASSWORD=true
  echo "log_statement = 'all'" >"$CONTAINER_HOME/postgresql.conf.d/log.conf"
  start
  [ "$(PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U postgres -XAtqc 'SELECT 1')" = 1 ]
  run sql 'SELECT 1'
  [ "$status" -ne 0 ]
  ! grep -q 'ew.*pass' "$SCRATCH/log" || false
}

@test "fault 10: a user id without a name" {
  ((EUID == 0)) || skip "needs to be root to change its id"
  exec_prefix=(setpriv --reuid=54321 --regid=0 --clear-groups)
  chown -R 54321:0 "$SCRATCH"
  echo 'CREATE TABLE t AS SELECT 42 AS x;' >"$INIT_HOOKS_DIR/1.sql"
  start
  [ "$(sql 'SELECT x FROM t')" = 42 ]
  ! grep -qE 'trust|peer' "$PGCONFIG/pg_hba.conf" || false
}

@test "check --extensions asks the running server whether each installed extension works, and leaves nothing behind" {
  use_cluster
  start
  run -0 "${exec_prefix[@]}" "$PG_ENTRYPOINT" check --extensions
  assert_has "$output" 'ok     pg_stat_statements: is seen'
  assert_has "${lines[-1]}" 'every extension works'
  assert_lacks "$output" FAILED
  [ "$(sql "SELECT count(*) FROM pg_database WHERE datname LIKE 'pg_entrypoint%'")" -eq 0 ]
  [ "$(sql "SELECT count(*) FROM pg_replication_slots")" -eq 0 ]
  stop

  # One that isn't loaded is named, with the server's reason; without a server there is nothing to ask.
  mkdir -p "$PGCONFIG/conf.d"
  echo "shared_preload_libraries = ''" >"$PGCONFIG/conf.d/none.conf"
  as_user
  start
  run -1 "${exec_prefix[@]}" "$PG_ENTRYPOINT" check --extensions
  assert_has "$output" 'FAILED pg_stat_statements'
  assert_has "$output" 'must be loaded via shared_preload_libraries'
  assert_has "${lines[-1]}" 'not every extension works'
  [ "$(sql "SELECT count(*) FROM pg_database WHERE datname LIKE 'pg_entrypoint%'")" -eq 0 ]
  stop
  run -70 "${exec_prefix[@]}" "$PG_ENTRYPOINT" check --extensions
  assert_has "$output" "no server at $PGHOST"
  run -64 "$PG_ENTRYPOINT" check --what
}

@test "startup.sh, shutdown.sh and healthcheck.sh in runtime/" {
  use_cluster
  local runtime=$CONTAINER_HOME/entrypoint.d/scripts/runtime
  echo 'log_info "starting up"' >"$runtime/startup.sh"
  echo "run_psql --command='CREATE TABLE last_words ()'; log_info 'last words'" >"$runtime/shutdown.sh"
  echo "[[ ! -e $SCRATCH/unwell ]] || die 'not well'" >"$runtime/healthcheck.sh"
  start
  log_has 'starting up'
  entrypoint_healthcheck
  touch "$SCRATCH/unwell"
  run entrypoint_healthcheck
  [ "$status" -ne 0 ]
  assert_has "$output" 'not well'
  stop
  [ "$(jq -r .message "$SCRATCH/log" | grep -oE 'last words|fast shutdown \(' | tr '\n' ' ')" = 'last words fast shutdown ( ' ]
  rm "$runtime"/*
  start
  [ "$(sql "SELECT count(*) FROM pg_tables WHERE tablename = 'last_words'")" = 1 ]
}

# From PostgreSQL's last word to ours. The chance lies in the moment between PID 1's look for ended children and its wait; clients
# that ask all the time make it likely.
@test "a server that has ended is noticed at once" {
  use_cluster
  start
  (while [[ ! -e $SCRATCH/enough ]]; do sql 'SELECT 1' >/dev/null 2>&1 || true; done) 3>&- &
  local clients=$! round
  for round in {1..12}; do
    stop
    start
  done
  touch "$SCRATCH/enough"
  wait "$clients"
  jq -rs '[.[] | select(.message | test("database system is shut down|the container ends"))
      | .time | (.[:19] + "Z" | fromdateiso8601) + (.[19:23] | tonumber)] | [range(0; length; 2) as $i | .[$i + 1] - .[$i]] | sort | map(tostring) | join(" ")' \
    "$SCRATCH/log" | tee "$SCRATCH/delays"
  [ "$(wc -w <"$SCRATCH/delays")" -eq 12 ]
  awk '{ exit !($NF < 2) }' "$SCRATCH/delays"
}
