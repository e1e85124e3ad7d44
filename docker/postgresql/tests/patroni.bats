#!/usr/bin/env bats
# PATRONI_ENABLE with the real Patroni and etcd: three nodes on loopback in synchronous mode, and a writer that counts
# what was acknowledged to it. FAILOVERS (1) is how often the leader is killed; tests/soak/image does it twenty times.

load helper
load patroni_helper
bats_require_minimum_version 1.5.0

setup_file() {
  use_pg_entrypoint
  use_postgresql
  SCRATCH=$BATS_FILE_TMPDIR/all
  mkdir -p "$SCRATCH/hooks" "$SCRATCH/etcd"
  setup_container_home
  export SCRATCH WAIT_SECONDS=${WAIT_SECONDS:-180}
  ETCD_PORT=$(free_port) ETCD_PEER_PORT=$(free_port)
  export ETCD_PORT
  local i
  for i in 1 2 3; do
    mkdir -p "$SCRATCH/n$i/run"
    # All ports of a node in one file, for whoever starts it or asks it.
    echo "PGPORT=$(free_port) HEALTH_PORT=$(free_port) API_PORT=$(free_port)" >"$SCRATCH/n$i/ports"
  done
  echo 'CREATE TABLE written (n bigint PRIMARY KEY);' >"$SCRATCH/hooks/1.sql"
  as_user
  "${exec_prefix[@]}" etcd --name one --data-dir "$SCRATCH/etcd" --unsafe-no-fsync --logger zap \
    --listen-client-urls "http://127.0.0.1:$ETCD_PORT" --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls "http://127.0.0.1:$ETCD_PEER_PORT" --initial-advertise-peer-urls "http://127.0.0.1:$ETCD_PEER_PORT" \
    --initial-cluster "one=http://127.0.0.1:$ETCD_PEER_PORT" >"$SCRATCH/etcd.log" 2>&1 3>&- &
  echo $! >"$SCRATCH/etcd.pid"
  wait_until curl -sf "http://127.0.0.1:$ETCD_PORT/health"
  for i in 1 2 3; do start_node "$i"; done
  wait_until whole
}

teardown_file() {
  local i
  touch "$SCRATCH/enough" # for a writer whose test has failed
  kill -CONT "$(cat "$SCRATCH/etcd.pid")" || true
  for i in 1 2 3; do kill "$(cat "$SCRATCH/n$i/pid")" 2>/dev/null || true; done
  for i in 1 2 3; do wait_until gone "$(cat "$SCRATCH/n$i/pid")"; done
  kill "$(cat "$SCRATCH/etcd.pid")"
}

setup() {
  use_postgresql
  exec_prefix=()
  if ((EUID == 0)); then exec_prefix=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
}

teardown() {
  [[ -z ${BATS_TEST_COMPLETED:-} ]] || return 0
  for i in 1 2 3; do
    echo "node $i: $(health_of "$i")"
    tail -n 40 "$SCRATCH/n$i/log" | jq -r '.time + " " + .component + " " + .message' | cut -c 1-300
  done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

start_node() { # NUMBER
  local node=$SCRATCH/n$1 PGPORT HEALTH_PORT API_PORT
  eval "$(cat "$node/ports")"
  env PGDATA="$node/data" PGCONFIG="$node/config" PGHOST="$node/run" PGPORT="$PGPORT" HEALTH_PORT="$HEALTH_PORT" \
    CONTAINER_HOME="$CONTAINER_HOME" INIT_HOOKS_DIR="$SCRATCH/hooks" SECRETS_DIR="$SCRATCH" \
    POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 POSTGRES_PASSWORD=s3cret POSTGRESQL_SHARED_BUFFERS=16MB \
    PATRONI_ENABLE=true PATRONI_NAME="n$1" PATRONI_ETCD3_HOSTS="127.0.0.1:$ETCD_PORT" \
    PATRONI_RESTAPI_LISTEN="127.0.0.1:$API_PORT" PATRONI_RESTAPI_CONNECT_ADDRESS="127.0.0.1:$API_PORT" \
    PATRONI_RESTAPI_USERNAME=admin PATRONI_RESTAPI_PASSWORD=api-s3cret PATRONI_REPLICATION_PASSWORD=replica-s3cret \
    PATRONI_SYNCHRONOUS_MODE=true PATRONI_TTL=10 PATRONI_LOOP_WAIT=2 PATRONI_RETRY_TIMEOUT=3 PATRONI_RESTAPI_HTTP_EXTRA_HEADERS="Rack: r$1" \
    "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres >>"$node/log" 2>&1 3>&- &
  echo $! >"$node/pid"
  disown
}

patroni_of() { pgrep -P "$(cat "$SCRATCH/n$1/pid")" -f patroni.yml; }
postmaster_of() { head -n 1 "$SCRATCH/n$1/data/postmaster.pid"; }

@test "three nodes form a cluster by the image's own initialisation" {
  [ "$(sql 'SELECT count(*) FROM written')" = 0 ] # the hook's table
  for i in 1 2 3; do
    [ ! -e "$SCRATCH/n$i/data/.init-in-progress" ]
    curl -sf "http://127.0.0.1:$(port_of "$i" HEALTH_PORT)/readyz"
    health_of "$i" | jq -es '.[0] | .patroni.responding and .patroni.state == "running"'
    [ "$(stat -c %a "$SCRATCH/n$i/config/patroni.yml")" = 600 ]
    ! grep -qE 'trust|md5' "$SCRATCH/n$i/data/pg_hba.conf" || false
    # Nowhere but in Patroni's own file.
    ! cat "$SCRATCH/n$i/log" /proc/"$(cat "$SCRATCH/n$i/pid")"/environ /proc/"$(patroni_of "$i")"/{environ,cmdline} | grep -q s3cret || false
  done
  # What pg-entrypoint has no use for reaches Patroni all the same.
  curl -s -o /dev/null -D - "http://127.0.0.1:$(port_of 1 API_PORT)/patroni" | grep -Fx $'Rack: r1\r'
  # The REST API changes nothing without its password.
  [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$(port_of 1 API_PORT)/restart")" = 401 ]
}

@test "fault 3: kill -9 of the leader's Patroni: PostgreSQL goes on, and a new Patroni finds it" {
  now=$(leader)
  before=$(postmaster_of "$now")
  start_writer
  old=$(patroni_of "$now")
  kill -KILL "$old"
  another() { [[ -n $(patroni_of "$now") && $(patroni_of "$now") != "$old" ]]; }
  wait_until another
  commits_wait_for_whom_may_be_promoted "$now"
  wait_until whole
  stop_writer
  [ "$(postmaster_of "$now")" = "$before" ]
  grep -q patroni_died "$SCRATCH/n$now/log"
}

@test "a leader's whole container dies and starts again at once: commits wait for whom may be promoted, all the time" {
  now=$(leader)
  start_writer
  kill -KILL "$(cat "$SCRATCH/n$now/pid")" "$(patroni_of "$now")" "$(postmaster_of "$now")"
  wait_until gone "$(cat "$SCRATCH/n$now/pid")"
  start_node "$now"
  commits_wait_for_whom_may_be_promoted $((now % 3 + 1))
  wait_until whole
  stop_writer
}

@test "the synchronous standby's whole container dies and starts again: /sync stays the leader's" {
  now=$(leader)
  standby=$(curl -s "http://127.0.0.1:$(port_of "$now" API_PORT)/cluster" | jq -r '.members[] | select(.role == "sync_standby").name[1:]')
  sync_leader() { # as etcd has it
    curl -s "http://127.0.0.1:$ETCD_PORT/v3/kv/range" -d "{\"key\": \"$(printf /service/postgres-cluster/sync | base64)\"}" |
      jq -r '.kvs[0].value' | base64 -d | jq -r .leader
  }
  start_writer
  kill -KILL "$(cat "$SCRATCH/n$standby/pid")" "$(patroni_of "$standby")" "$(postmaster_of "$standby")"
  wait_until gone "$(cat "$SCRATCH/n$standby/pid")"
  for ((i = 0; i < 150; i++)); do sync_leader && sleep 0.05; done >"$SCRATCH/sync_leaders" 3>&- &
  looker=$!
  start_node "$standby"
  commits_wait_for_whom_may_be_promoted "$now"
  wait "$looker"
  [ "$(sort -u "$SCRATCH/sync_leaders")" = "n$now" ]
  wait_until whole
  stop_writer
}

@test "fault 1: kill -9 of the leader's postmaster: writes go on, nothing that was acknowledged is lost" {
  now=$(leader)
  start_writer
  kill -KILL "$(postmaster_of "$now")"
  wait_until whole
  stop_writer
}

@test "kill -9 of everything on the leader: fail-over, nothing acknowledged is lost, the old leader rejoins" {
  for ((round = 0; round < ${FAILOVERS:-1}; round++)); do
    now=$(leader)
    start_writer
    pid=$(cat "$SCRATCH/n$now/pid")
    kill -KILL "$pid" "$(patroni_of "$now")" "$(postmaster_of "$now")"
    another_leads() { [[ $(leader) == [123] && $(leader) != "$now" ]]; }
    wait_until another_leads
    stop_writer
    start_node "$now"
    wait_until whole
    [ "$(role_of "$now")" = replica ]
  done
}

@test "fault 4: a frozen Patroni: its container is not alive any more" {
  now=$(leader)
  frozen=$((now % 3 + 1))
  pid=$(patroni_of "$frozen")
  kill -STOP "$pid"
  livez_is() { [[ $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(port_of "$frozen" HEALTH_PORT)/livez") == "$1" ]]; }
  wait_until livez_is 503
  kill -CONT "$pid"
  wait_until livez_is 200
  wait_until whole
}

@test "fault 6: etcd doesn't answer: the leader gives up its role, and somebody leads when it is back" {
  start_writer
  kill -STOP "$(cat "$SCRATCH/etcd.pid")"
  nobody_leads() { ! leader; }
  wait_until nobody_leads
  kill -CONT "$(cat "$SCRATCH/etcd.pid")"
  wait_until whole
  stop_writer
}

@test "fault 12: a stopped leader hands over, and leaves nothing running" {
  now=$(leader)
  pid=$(cat "$SCRATCH/n$now/pid")
  kill "$pid"
  wait_until gone "$pid"
  grep -q '"message":"the container ends with exit code 0"' "$SCRATCH/n$now/log"
  ! pgrep -f -- "-D $SCRATCH/n$now/data" || false
  another_leads() { [[ $(leader) == [123] && $(leader) != "$now" ]]; }
  wait_until another_leads
  start_node "$now"
  wait_until whole
}
