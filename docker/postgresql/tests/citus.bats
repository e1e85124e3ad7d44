#!/usr/bin/env bats
# CITUS_ROLE without Patroni: a coordinator and a worker of the real PostgreSQL, psql, passwords and restarts. Citus itself is in
# no Debian suite: its part is played by an extension of that name with the same tables and functions, which note who was
# added, and by a copy of a harmless library, so that there is something to preload.

# shellcheck disable=SC2154 # exec_prefix is helper.bash's
load helper
bats_require_minimum_version 1.5.0

setup_file() {
  use_pg_entrypoint
  use_postgresql
  make_server_with_citus
}

setup() {
  setup_scratch
  use_postgresql
  PATH=$BATS_FILE_TMPDIR/usr/lib/postgresql/$PG_MAJOR/bin:$PATH
  setup_container_home
  unset PGDATA
  local node
  for node in coordinator worker; do
    mkdir -p "$SCRATCH/$node/run" "$SCRATCH/$node/hooks"
    echo "PGPORT=$(free_port) HEALTH_PORT=$(free_port)" >"$SCRATCH/$node/ports"
  done
  COORDINATOR_PORT=$(port_of coordinator)
  as_user
}

teardown() {
  local node
  for node in coordinator worker; do
    if [[ -e $SCRATCH/$node/pid ]]; then stop_node "$node" || true; fi
    [[ -n ${BATS_TEST_COMPLETED:-} || ! -e $SCRATCH/$node/log ]] || tail -n 30 "$SCRATCH/$node/log"
  done
}

# A server finds its files by where its program lies: a tree of links beside a copy of the programs.
make_server_with_citus() {
  local tree=$BATS_FILE_TMPDIR/usr lib=lib/postgresql/$PG_MAJOR share=share/postgresql/$PG_MAJOR
  mkdir -p "$tree/$lib" "$tree/$share"
  cp -a "/usr/$lib/bin" "$tree/$lib/"
  cp -as "/usr/$lib/lib" "$tree/$lib/"
  cp -as "/usr/$share/." "$tree/$share/"
  cp "/usr/$lib/lib/auto_explain.so" "$tree/$lib/lib/citus.so"
  printf "default_version = '11.3-1'\nrelocatable = false\n" >"$tree/$share/extension/citus.control"
  cat >"$tree/$share/extension/citus--11.3-1.sql" <<'SQL'
CREATE TABLE pg_dist_local_group (groupid int PRIMARY KEY);
INSERT INTO pg_dist_local_group VALUES (0);
CREATE TABLE pg_dist_node (nodeid serial PRIMARY KEY, groupid int, nodename text, nodeport int, noderole text DEFAULT 'primary',
  UNIQUE (nodename, nodeport));
CREATE FUNCTION citus_set_coordinator_host(host text, port int) RETURNS void LANGUAGE sql AS $$
  DELETE FROM pg_dist_node WHERE groupid = 0; INSERT INTO pg_dist_node (groupid, nodename, nodeport) VALUES (0, host, port) $$;
CREATE FUNCTION citus_add_node(host text, port int) RETURNS int LANGUAGE sql AS $$
  INSERT INTO pg_dist_node (groupid, nodename, nodeport) SELECT coalesce(max(groupid), 0) + 1, host, port FROM pg_dist_node ON CONFLICT DO NOTHING;
  SELECT nodeid FROM pg_dist_node WHERE (nodename, nodeport) = (host, port) $$;
CREATE FUNCTION citus_update_node(id int, host text, port int) RETURNS void LANGUAGE sql AS $$
  UPDATE pg_dist_node SET nodename = host, nodeport = port WHERE nodeid = id $$;
SQL
  chmod -R a+rX "$BATS_FILE_TMPDIR"
}

# shellcheck disable=SC1090
port_of() { (source "$SCRATCH/$1/ports" && echo "$PGPORT"); }

start_node() { # ROLE [NAME=VALUE…]
  local role=$1 node=$SCRATCH/$1
  shift
  (
    # shellcheck disable=SC1091
    source "$node/ports"
    export PGPORT HEALTH_PORT PGDATA=$node/data PGCONFIG=$node/config PGHOST=$node/run SECRETS_DIR=$SCRATCH INIT_HOOKS_DIR=$node/hooks
    export HOME=$node POSTGRES_PASSWORD='s3:cr\et' POSTGRES_DB=tenants POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1
    export CITUS_ROLE=$role CITUS_AUTO_REGISTER_WORKERS=true CITUS_NODE_HOST=127.0.0.1
    export CITUS_COORDINATOR_HOST=127.0.0.1 CITUS_COORDINATOR_PORT=$COORDINATOR_PORT
    exec "${exec_prefix[@]}" env "$@" "$PG_ENTRYPOINT" postgres
  ) >>"$node/log" 2>&1 3>&- &
  echo $! >"$node/pid"
}

stop_node() {
  kill "$(cat "$SCRATCH/$1/pid")"
  wait "$(cat "$SCRATCH/$1/pid")"
  rm "$SCRATCH/$1/pid"
}

# shellcheck disable=SC1090
health() { (source "$SCRATCH/$1/ports" && get "$2"); }
ready() { [[ $(health "$1" /readyz) == 200* ]]; }
log_of() { jq -r .message "$SCRATCH/$1/log"; }
has_log() { log_of "$1" | grep -qF -e "$2"; }
sql_at() { PGPASSWORD='s3:cr\et' psql -XAtq -h 127.0.0.1 -p "$(port_of "$1")" -U postgres -d tenants -c "$2"; }
nodes() { sql_at coordinator 'SELECT groupid, nodename, nodeport FROM pg_dist_node ORDER BY 1'; }

@test "a worker that starts before its coordinator waits for it, and says so" {
  start_node worker TIMEOUT=1
  wait_until has_log worker 'has not added this worker within TIMEOUT (1 s)'
  assert_has "$(health worker /readyz)" "503 waiting_for_coordinator: 127.0.0.1:$COORDINATOR_PORT"
  [[ $(health worker /livez) == 200* ]]
  assert_has "$(health worker /health)" '"citus":{"role":"worker","registered":false}'
  assert_has "$(health worker /metrics)" 'citus_registered 0'
  has_log worker 'Connection refused'
  echo 'CREATE TABLE made_with AS SELECT extname FROM pg_extension;' >"$SCRATCH/coordinator/hooks/1.sql"
  start_node coordinator
  wait_until ready coordinator
  wait_until ready worker
  assert_has "$(health worker /metrics)" 'citus_registered 1'
  [ "$(nodes)" = "0|127.0.0.1|$COORDINATOR_PORT
1|127.0.0.1|$(port_of worker)" ]
  [ "$(sql_at coordinator "SELECT count(*) FROM made_with WHERE extname = 'citus'")" = 1 ]
  # The password is in the file alone.
  [ "$(stat -c %a "$SCRATCH/worker/config/citus.pgpass")" = 600 ]
  [ "$(cat "$SCRATCH/worker/config/citus.pgpass")" = '*:*:*:postgres:s3\:cr\\et' ]
  run ! grep -F 's3:cr' "$SCRATCH"/{coordinator,worker}/log "$SCRATCH"/{coordinator,worker}/config/*.conf
  # Citus itself logs in to other nodes with it.
  tr '\0' '\n' <"/proc/$(head -n 1 "$SCRATCH/worker/data/postmaster.pid")/environ" | grep -Fx "PGPASSFILE=$SCRATCH/worker/config/citus.pgpass"
}

@test "a worker that comes back is the same node, also under another name" {
  start_node coordinator
  start_node worker
  wait_until ready worker
  stop_node worker
  start_node worker
  wait_until ready worker
  [ "$(nodes | wc -l)" -eq 2 ]
  # Which the coordinator's Citus would have written there.
  sql_at worker 'UPDATE pg_dist_local_group SET groupid = 1'
  stop_node worker
  start_node worker CITUS_NODE_HOST=localhost
  wait_until ready worker
  [ "$(nodes)" = "0|127.0.0.1|$COORDINATOR_PORT
1|localhost|$(port_of worker)" ]
}

@test "a stop of the worker while it asks" {
  start_node worker CITUS_COORDINATOR_HOST=192.0.2.1 # where nobody answers: psql waits
  wait_until has_log worker 'ready for clients'
  sleep 0.5
  local since=$SECONDS
  stop_node worker
  [ $((SECONDS - since)) -le 5 ]
}

@test "without registration: the extension, and no waiting" {
  start_node worker CITUS_AUTO_REGISTER_WORKERS=false CITUS_COORDINATOR_HOST=
  wait_until ready worker
  [ "$(sql_at worker 'SELECT groupid FROM pg_dist_local_group')" = 0 ]
  assert_lacks "$(health worker /health)" '"citus"'
}

check() { "${exec_prefix[@]}" env PGDATA="$SCRATCH/none/data" PGCONFIG="$SCRATCH/none/config" POSTGRES_PASSWORD=x "$@" "$PG_ENTRYPOINT" check; }

@test "what can't be is said before anything is written" {
  run check CITUS_ROLE=master
  [ "$status" -eq 64 ]
  assert_has "$output" "CITUS_ROLE='master' can't be used; use standalone, coordinator or worker"
  run check CITUS_ROLE=worker CITUS_AUTO_REGISTER_WORKERS=true
  [ "$status" -eq 64 ]
  assert_has "$output" 'needs CITUS_COORDINATOR_HOST'
  PATH=$BATS_FILE_TMPDIR/bin:/usr/lib/postgresql/$PG_MAJOR/bin:/usr/bin:/bin run check CITUS_ROLE=coordinator
  [ "$status" -eq 64 ]
  assert_has "$output" 'this image has no Citus; build it with WITH=citus'
  run check CITUS_ROLE=worker PATRONI_ENABLE=true PATRONI_ETCD3_HOSTS=a:2379 PATRONI_REPLICATION_PASSWORD=x
  [ "$status" -eq 0 ]
  assert_has "$output" 'CITUS_ROLE=worker plays no part under Patroni'
}
