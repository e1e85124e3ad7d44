#!/usr/bin/env bats
# What a network does to a cluster: three nodes of the real Patroni, each in a network namespace of its own, three etcd and the
# clients in another one. Everybody can reach everybody until a test cuts them apart.

load helper
load patroni_helper
bats_require_minimum_version 1.5.0

setup_file() {
  ((EUID == 0)) || skip "needs root: network namespaces"
  use_pg_entrypoint
  use_postgresql
  SCRATCH=$BATS_FILE_TMPDIR/all
  mkdir -p "$SCRATCH/hooks"
  setup_container_home
  export SCRATCH WAIT_SECONDS=${WAIT_SECONDS:-120} NETWORK=10.99.0 ETCDS=3 HUB=pgs-$$-hub SPACE=pgs-$$-n
  make_network
  echo 'CREATE TABLE written (n bigint PRIMARY KEY);' >"$SCRATCH/hooks/1.sql"
  local i
  for i in 1 2 3; do
    mkdir -p "$SCRATCH/n$i/run" "$SCRATCH/n$i/config/conf.d" "$SCRATCH/etcd$i"
    echo 'PGPORT=5432 HEALTH_PORT=8009 API_PORT=8008' >"$SCRATCH/n$i/ports"
    # A peer that is cut off is given up after a minute otherwise.
    printf 'wal_sender_timeout = 5s\nwal_receiver_timeout = 5s\n' >"$SCRATCH/n$i/config/conf.d/test.conf"
  done
  as_user
  for i in 1 2 3; do start_etcd "$i"; done
  wait_until curl -sf "http://$(etcd_client 1)/health"
  for i in 1 2 3; do start_node "$i"; done
  wait_until whole
}

teardown_file() {
  ((EUID == 0)) || return 0
  local i
  touch "$SCRATCH/enough"
  for i in 1 2 3; do
    heal "$i" || true
    kill "$(cat "$SCRATCH/n$i/pid")" 2>/dev/null || true
  done
  for i in 1 2 3; do wait_until gone "$(cat "$SCRATCH/n$i/pid")"; done
  for i in 1 2 3; do
    kill "$(cat "$SCRATCH/etcd$i.pid")" 2>/dev/null || true
    ip netns del "$SPACE$i"
  done
  ip netns del "$HUB"
}

setup() {
  use_postgresql
  exec_prefix=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

teardown() {
  [[ -z ${BATS_TEST_COMPLETED:-} ]] || return 0
  local i
  for i in 1 2 3; do
    echo "node $i: $(health_of "$i")"
    tail -n 25 "$SCRATCH/n$i/log" | jq -r '.time + " " + .component + " " + .message' | cut -c 1-300
  done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# All clients of the tests are in the hub.
curl() { ip netns exec "$HUB" curl "$@"; }
psql() { ip netns exec "$HUB" psql "$@"; }

make_network() {
  local i
  ip netns add "$HUB"
  ip -n "$HUB" link set lo up
  ip -n "$HUB" link add bridge type bridge
  ip -n "$HUB" address add "$NETWORK.100/24" dev bridge
  ip -n "$HUB" link set bridge up
  for i in 1 2 3; do
    ip netns add "$SPACE$i"
    ip -n "$HUB" link add "to$i" type veth peer name eth0 netns "$SPACE$i"
    ip -n "$HUB" link set "to$i" master bridge up
    ip -n "$SPACE$i" address add "$NETWORK.$i/24" dev eth0
    ip -n "$SPACE$i" link set lo up
    ip -n "$SPACE$i" link set eth0 up
  done
}

# cut NUMBER ADDRESS…: that node can't talk to these; heal NUMBER: to everybody again.
cut_from() {
  local node=$1 address
  shift
  for address; do ip -n "$SPACE$node" route add blackhole "$address"; done
}
heal() { ip -n "$SPACE$1" route flush type blackhole; }

etcd_client() { echo "$NETWORK.100:2379$1"; }
start_etcd() {
  local cluster="e1=http://$NETWORK.100:23801,e2=http://$NETWORK.100:23802,e3=http://$NETWORK.100:23803" url
  url=http://$(etcd_client "$1")
  ip netns exec "$HUB" "${exec_prefix[@]}" etcd --name "e$1" --data-dir "$SCRATCH/etcd$1" --unsafe-no-fsync --logger zap \
    --listen-client-urls "$url" --advertise-client-urls "$url" --listen-peer-urls "http://$NETWORK.100:2380$1" \
    --initial-advertise-peer-urls "http://$NETWORK.100:2380$1" --initial-cluster "$cluster" >>"$SCRATCH/etcd$1.log" 2>&1 3>&- &
  echo $! >"$SCRATCH/etcd$1.pid"
  disown
}

start_node() {
  local node=$SCRATCH/n$1
  env PGDATA="$node/data" PGCONFIG="$node/config" PGHOST="$node/run" CONTAINER_HOME="$CONTAINER_HOME" \
    INIT_HOOKS_DIR="$SCRATCH/hooks" SECRETS_DIR="$SCRATCH" POSTGRES_PASSWORD=s3cret POSTGRESQL_SHARED_BUFFERS=16MB \
    PATRONI_ENABLE=true PATRONI_NAME="n$1" PATRONI_ETCD3_HOSTS="$(etcd_client 1),$(etcd_client 2),$(etcd_client 3)" \
    PATRONI_RESTAPI_CONNECT_ADDRESS="$NETWORK.$1:8008" PATRONI_POSTGRESQL_CONNECT_ADDRESS="$NETWORK.$1:5432" \
    PATRONI_REPLICATION_PASSWORD=replica-s3cret PATRONI_SYNCHRONOUS_MODE=true PATRONI_TTL=15 PATRONI_LOOP_WAIT=2 PATRONI_RETRY_TIMEOUT=5 \
    ip netns exec "$SPACE$1" "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres >>"$node/log" 2>&1 3>&- &
  echo $! >"$node/pid"
  disown
}

leads() { [[ $(leader) == "$1" ]]; }
others_of() { for i in 1 2 3; do [[ $i == "$1" ]] || echo "$NETWORK.$i"; done; }

# Each test begins with a whole cluster: until Patroni has noted who is synchronous it would, rightly, promote nobody.
@test "fault 5: kill -9 of each etcd in turn: the leader stays, writes go on" {
  local i
  wait_until whole
  now=$(leader)
  start_writer
  for i in 1 2 3; do
    kill -KILL "$(cat "$SCRATCH/etcd$i.pid")"
    acknowledged_more 20
    sleep 5 # several turns of Patroni's loop
    wait_until leads "$now"
    start_etcd "$i"
    wait_until curl -sf "http://$(etcd_client "$i")/health"
    wait_until whole
  done
  stop_writer
}

@test "fault 7: the leader is cut off from etcd: it gives up its role, another leads, nothing acknowledged is lost" {
  wait_until whole
  now=$(leader)
  start_writer
  cut_from "$now" "$NETWORK.100/32"
  another_leads() { [[ $(leader) == [123] && $(leader) != "$now" ]]; }
  wait_until another_leads
  acknowledged_more 5
  heal "$now"
  wait_until whole
  [ "$(role_of "$now")" = replica ]
  stop_writer
}

@test "fault 8: the leader is cut off from its replicas: it stays, and they come back to it" {
  wait_until whole
  now=$(leader)
  start_writer
  # shellcheck disable=SC2046
  cut_from "$now" $(others_of "$now")
  acknowledged_more 5 # once Patroni has seen that there is nobody to wait for
  wait_until leads "$now"
  heal "$now"
  wait_until whole
  [ "$(leader)" = "$now" ]
  stop_writer
}

@test "the leader is cut off from everybody: a single leader afterwards, nothing acknowledged is lost" {
  wait_until whole
  now=$(leader)
  start_writer
  ip -n "$SPACE$now" link set eth0 down
  another_leads() { [[ $(leader) == [123] && $(leader) != "$now" ]]; }
  wait_until another_leads
  # Whom nobody reaches doesn't go on as a primary either.
  local_role() { ip netns exec "$SPACE$now" curl -s -m 5 http://127.0.0.1:8009/health | jq -r .postgresql.role; }
  not_primary() { [[ $(local_role) != primary ]]; }
  wait_until not_primary
  ip -n "$SPACE$now" link set eth0 up
  wait_until whole
  [ "$(role_of "$now")" = replica ]
  stop_writer
}
