#!/usr/bin/env bats
# What a network does to a cluster: three nodes of the real Patroni, each in a network namespace of its own, three etcd and the
# clients in another one. Everybody can reach everybody until a test cuts them apart.

load helper
load patroni_helper
load network_helper
bats_require_minimum_version 1.5.0

setup_file() {
  ((EUID == 0)) || skip "needs root: network namespaces"
  export ETCDS=3
  prepare_cluster
  local i
  # A peer that is cut off is given up after a minute otherwise.
  for i in 1 2 3; do printf 'wal_sender_timeout = 5s\nwal_receiver_timeout = 5s\n' >"$SCRATCH/n$i/config/conf.d/test.conf"; done
  start_cluster
}

teardown_file() { stop_cluster; }

setup() { use_cluster; }

teardown() { show_nodes; }

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
