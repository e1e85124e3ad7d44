#!/usr/bin/env bats
# BACKUP_FROM=standby: three nodes of the real Patroni, each with pgBackRest's own TLS server, and one repository for all.

load helper
load patroni_helper
load network_helper
bats_require_minimum_version 1.5.0

setup_file() {
  ((EUID == 0)) || skip "needs root: network namespaces"
  export ETCDS=1
  prepare_cluster
  mkdir -p "$SCRATCH/repository"
  make_certificates authority node
  make_certificates stranger other
  export BACKUP_ENABLED=true BACKUP_REPOSITORY_PATH=$SCRATCH/repository BACKUP_DIFF_INTERVAL=1 PGBACKREST_IO_TIMEOUT=3
  export BACKUP_FROM=standby BACKUP_MEMBERS=$NETWORK.1,$NETWORK.2,$NETWORK.3
  export BACKUP_TLS_CERT_FILE=$SCRATCH/node.crt BACKUP_TLS_KEY_FILE=$SCRATCH/node.key BACKUP_TLS_CA_FILE=$SCRATCH/authority.crt
  start_cluster
}

teardown_file() { stop_cluster; }

setup() { use_cluster; }

teardown() { show_nodes; }

# make_certificates AUTHORITY NAME: one that is good for every node, signed by that authority.
make_certificates() {
  local new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  "${new[@]}" -x509 -days 2 -subj "/CN=$1" -keyout "$SCRATCH/$1.key" -out "$SCRATCH/$1.crt"
  "${new[@]}" -subj /CN=pgbackrest -keyout "$SCRATCH/$2.key" -out "$SCRATCH/$2.csr"
  openssl x509 -req -in "$SCRATCH/$2.csr" -CA "$SCRATCH/$1.crt" -CAkey "$SCRATCH/$1.key" -CAcreateserial -days 2 \
    -extfile <(printf 'subjectAltName = DNS:%s.1, DNS:%s.2, DNS:%s.3' "$NETWORK" "$NETWORK" "$NETWORK") -out "$SCRATCH/$2.crt"
}

# The newest backup's label, and whether its manifest says that a standby's files were copied.
newest() { find "$SCRATCH/repository/backup/default" -maxdepth 1 -name '2*' -printf '%f\n' | sort | tail -n 1; }
is_of_standby() { grep -qx "option-backup-standby=$2" "$SCRATCH/repository/backup/default/$1/backup.manifest"; }
newest_is_of_standby() { is_of_standby "$(newest)" "$1"; }
said() { grep -qF -- "$2" "$SCRATCH/n$1/log"; }

@test "the first backup is the leader's, the next ones are copied from a standby" {
  now=$(leader)
  wait_until newest_is_of_standby true
  said "$now" 'beginning a backup (diff, from a standby)'
  said "$now" 'wait for replay on the standby'
  full=$(find "$SCRATCH/repository/backup/default" -maxdepth 1 -name '2*F' -printf '%f\n')
  is_of_standby "$full" false
  health_of "$now" | jq -es '.[0] | .backup.failures == 0'
}

@test "a standby that can't be read: the leader's own files are taken, and the next backup is of a standby again" {
  now=$(leader)
  cp "$SCRATCH/authority.crt" "$SCRATCH/good.crt"
  cat "$SCRATCH/stranger.crt" >"$SCRATCH/authority.crt" # nobody trusts anybody any more
  wait_until newest_is_of_standby false
  said "$now" "the leader's own files are taken"
  [ "$(leader)" = "$now" ]
  cat "$SCRATCH/good.crt" >"$SCRATCH/authority.crt"
  wait_until newest_is_of_standby true
}

@test "nobody gets in with another authority's certificate" {
  local now other
  now=$(leader)
  for other in 1 2 3; do [[ $other == "$now" ]] || break; done
  # shellcheck disable=SC2016 # for the shell in the node's namespaces
  ip netns exec "$SPACE$now" bash -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' in-node "$SCRATCH/n$now" "$SCRATCH/node" "${exec_prefix[@]}" \
    pgbackrest --no-config --stanza=default --repo1-path="$SCRATCH/repository" --pg1-host="$NETWORK.$other" --pg1-host-type=tls \
    --pg1-host-cert-file="$SCRATCH/other.crt" --pg1-host-key-file="$SCRATCH/other.key" --pg1-host-ca-file="$SCRATCH/authority.crt" \
    --pg1-path="$SCRATCH/node/data" --io-timeout=3 --log-level-console=warn check >"$SCRATCH/answer" 2>&1 && return 1
  assert_has "$(cat "$SCRATCH/answer")" 'alert unknown ca' # as that node says it
}

@test "after a fail-over the new leader copies from a standby" {
  local before now
  wait_until whole
  now=$(leader)
  before=$(newest)
  kill "$(cat "$SCRATCH/n$now/pid")"
  another_leads() { [[ $(leader) == [123] && $(leader) != "$now" ]]; }
  wait_until another_leads
  start_node "$now"
  later() { [[ $(newest) > $before ]] && newest_is_of_standby true; }
  wait_until whole
  before=$(newest)
  wait_until later
}

@test "what was copied from a standby can be restored" {
  local node=$SCRATCH/restored before i
  sql 'INSERT INTO written VALUES (1)'
  later() { [[ $(newest) > $before ]] && newest_is_of_standby true; }
  # The first one that is new may have come to its end in the database just before the row; the second began after it.
  for i in first second; do
    before=$(newest)
    wait_until later
  done
  for i in 1 2 3; do kill "$(cat "$SCRATCH/n$i/pid")"; done # what is restored writes to the same archive
  for i in 1 2 3; do wait_until gone "$(cat "$SCRATCH/n$i/pid")"; done
  mkdir -p "$node/run"
  chown -R 65534:65534 "$node"
  # Of the backup alone: to where it is consistent.
  env PGDATA="$node/data" PGCONFIG="$node/config" PGHOST="$node/run" CONTAINER_HOME="$CONTAINER_HOME" SECRETS_DIR="$SCRATCH" \
    POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 PGPORT="$(free_port)" HEALTH_PORT=0 BACKUP_FROM=leader BACKUP_DIFF_INTERVAL=0 \
    BACKUP_RESTORE=true BACKUP_RESTORE_TYPE=immediate "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres >"$node/log" 2>&1 3>&- &
  served=$!
  psql_here=$(type -P psql)
  rows() { [[ $(PGHOST=$node/run PGPORT=$(sed -n 4p "$node/data/postmaster.pid") "${exec_prefix[@]}" "$psql_here" -XAtqU postgres -c 'SELECT n FROM written') == 1 ]]; }
  wait_until rows
  kill "$served"
  wait "$served" || true
}
