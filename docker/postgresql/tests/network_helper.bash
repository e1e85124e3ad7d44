# Three nodes of Patroni, each in a network namespace of its own, and in the hub between them ETCDS etcd and the clients. As in
# containers, each node has its folder at the same place, $SCRATCH/node. Needs root.
# shellcheck shell=bash

# Up to the first start, so that a test can add to the nodes' folders and to the environment.
prepare_cluster() {
  use_pg_entrypoint
  use_postgresql
  SCRATCH=$BATS_FILE_TMPDIR/all
  mkdir -p "$SCRATCH/hooks" "$SCRATCH/node"
  setup_container_home
  export SCRATCH WAIT_SECONDS=${WAIT_SECONDS:-180} NETWORK=10.99.0 HUB=pgs-$$-hub SPACE=pgs-$$-n
  make_network
  echo 'CREATE TABLE written (n bigint PRIMARY KEY);' >"$SCRATCH/hooks/1.sql"
  local i
  for i in 1 2 3; do
    mkdir -p "$SCRATCH/n$i/run" "$SCRATCH/n$i/config/conf.d"
    echo 'PGPORT=5432 HEALTH_PORT=8009 API_PORT=8008' >"$SCRATCH/n$i/ports"
  done
  for ((i = 1; i <= ETCDS; i++)); do mkdir -p "$SCRATCH/etcd$i"; done
}

start_cluster() {
  local i
  as_user
  for ((i = 1; i <= ETCDS; i++)); do start_etcd "$i"; done
  wait_until curl -sf "http://$(etcd_client 1)/health"
  for i in 1 2 3; do start_node "$i"; done
  wait_until whole
}

stop_cluster() {
  ((EUID == 0)) || return 0
  local i
  touch "$SCRATCH/enough" # for a writer whose test has failed
  for i in 1 2 3; do
    heal "$i" || true
    kill "$(cat "$SCRATCH/n$i/pid")" 2>/dev/null || true
  done
  for i in 1 2 3; do wait_until gone "$(cat "$SCRATCH/n$i/pid")"; done
  for ((i = 1; i <= ETCDS; i++)); do kill "$(cat "$SCRATCH/etcd$i.pid")" 2>/dev/null || true; done
  for i in 1 2 3; do ip netns del "$SPACE$i"; done
  ip netns del "$HUB"
}

# For each test, which runs in a process of its own.
use_cluster() {
  use_postgresql
  exec_prefix=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

# What the nodes said, for a test that failed.
show_nodes() {
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

# cut_from NUMBER ADDRESS…: that node can't talk to these; heal NUMBER: to everybody again.
cut_from() {
  local node=$1 address
  shift
  for address; do ip -n "$SPACE$node" route add blackhole "$address"; done
}
heal() { ip -n "$SPACE$1" route flush type blackhole; }

etcd_client() { echo "$NETWORK.100:2379$1"; }
# FORMAT for each etcd, N in it being its number, with commas between them.
etcds() {
  local i all=
  for ((i = 1; i <= ETCDS; i++)); do all+=,${1//N/$i}; done
  echo "${all#,}"
}
start_etcd() {
  local url
  url=http://$(etcd_client "$1")
  ip netns exec "$HUB" "${exec_prefix[@]}" etcd --name "e$1" --data-dir "$SCRATCH/etcd$1" --unsafe-no-fsync --logger zap \
    --listen-client-urls "$url" --advertise-client-urls "$url" --listen-peer-urls "http://$NETWORK.100:2380$1" \
    --initial-advertise-peer-urls "http://$NETWORK.100:2380$1" \
    --initial-cluster "$(etcds "eN=http://$NETWORK.100:2380N")" >>"$SCRATCH/etcd$1.log" 2>&1 3>&- &
  echo $! >"$SCRATCH/etcd$1.pid"
  disown
}

start_node() {
  local node=$SCRATCH/node
  # shellcheck disable=SC2016 # for the shell in the node's namespaces
  env PGDATA="$node/data" PGCONFIG="$node/config" PGHOST="$node/run" CONTAINER_HOME="$CONTAINER_HOME" \
    INIT_HOOKS_DIR="$SCRATCH/hooks" SECRETS_DIR="$SCRATCH" POSTGRES_PASSWORD=s3cret POSTGRESQL_SHARED_BUFFERS=16MB \
    PATRONI_ENABLE=true PATRONI_NAME="n$1" PATRONI_ETCD3_HOSTS="$(etcds "$NETWORK.100:2379N")" \
    PATRONI_RESTAPI_CONNECT_ADDRESS="$NETWORK.$1:8008" PATRONI_POSTGRESQL_CONNECT_ADDRESS="$NETWORK.$1:5432" \
    PATRONI_REPLICATION_PASSWORD=replica-s3cret PATRONI_SYNCHRONOUS_MODE=true PATRONI_TTL=15 PATRONI_LOOP_WAIT=2 PATRONI_RETRY_TIMEOUT=5 \
    ip netns exec "$SPACE$1" bash -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' in-node "$SCRATCH/n$1" "$node" \
    "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres >>"$SCRATCH/n$1/log" 2>&1 3>&- &
  echo $! >"$SCRATCH/n$1/pid"
  disown
}
