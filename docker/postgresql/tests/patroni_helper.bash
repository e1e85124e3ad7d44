# Three nodes of Patroni, numbered, each with its ports in $SCRATCH/nN/ports: who leads, and a writer that counts what was
# acknowledged to it.
# shellcheck shell=bash

# Of node N: on loopback, or in a network of namespaces $NETWORK.N.
address_of() { if [[ -n ${NETWORK:-} ]]; then echo "$NETWORK.$1"; else echo 127.0.0.1; fi; }
port_of() { (eval "$(cat "$SCRATCH/n$1/ports")" && echo "${!2}"); }
health_of() { curl -s -m 20 "http://$(address_of "$1"):$(port_of "$1" HEALTH_PORT)/health"; }
role_of() { health_of "$1" | jq -r 'if .ready then .postgresql.role else "none" end'; }
leader() {
  local i
  for i in 1 2 3; do
    if [[ $(role_of "$i") == primary ]]; then echo "$i"; return; fi
  done
  return 1
}
# One leader, two replicas that follow it, commits wait for one of them, and Patroni has noted which: before that it
# would, rightly, promote nobody.
whole() {
  local now
  now=$(leader) || return 1
  health_of "$now" | jq -es '.[0] | .postgresql.replicas == 2 and .postgresql.synchronous_replicas >= 1' || return 1
  curl -s -m 20 "http://$(address_of "$now"):$(port_of "$now" API_PORT)/cluster" |
    jq -es '.[0] | (.members | length) == 3 and any(.members[]; .role == "sync_standby")'
}

sql() {
  PGPASSWORD=s3cret PGCONNECT_TIMEOUT=3 psql -XAtq -c "$1" \
    "host=$(address_of 1),$(address_of 2),$(address_of 3) port=$(port_of 1 PGPORT),$(port_of 2 PGPORT),$(port_of 3 PGPORT) user=postgres dbname=postgres target_session_attrs=read-write"
}

start_writer() {
  : >"$SCRATCH/acknowledged"
  rm -f "$SCRATCH/enough"
  (
    until n=$(sql 'SELECT coalesce(max(n), 0) FROM written') && [[ -n $n ]]; do sleep 0.1; done
    until [[ -e $SCRATCH/enough ]]; do
      n=$((n + 1))
      if sql "INSERT INTO written VALUES ($n)" >/dev/null 2>&1; then echo "$n $EPOCHREALTIME" >>"$SCRATCH/acknowledged"; fi
    done
  ) 3>&- &
  writer=$!
  acknowledged_more 5
}

acknowledged_more() { # THAN: so many more than now
  local want=$(($(wc -l <"$SCRATCH/acknowledged") + $1))
  enough() { (($(wc -l <"$SCRATCH/acknowledged") >= want)); }
  wait_until enough
}

# Everything that was acknowledged is there. Prints the longest time without a write.
stop_writer() {
  acknowledged_more 5
  touch "$SCRATCH/enough"
  wait "$writer"
  cut -d ' ' -f 1 "$SCRATCH/acknowledged" | sort >"$SCRATCH/wanted"
  sql 'SELECT n FROM written' | sort >"$SCRATCH/there"
  [ -z "$(comm -23 "$SCRATCH/wanted" "$SCRATCH/there")" ]
  awk '{ if (last && $2 - last > most) most = $2 - last; last = $2 } END { printf "longest time without a write: %.1f s\n", most }' \
    "$SCRATCH/acknowledged" >&3
}

# For six seconds and more. NODE: whose Patroni is asked who is noted in /sync.
commits_wait_for_whom_may_be_promoted() {
  local i standby waited_for
  noted() { curl -s -m 5 "http://$(address_of "$1"):$(port_of "$1" API_PORT)/cluster" | jq -r '.members[]? | select(.role == "sync_standby").name'; }
  for ((i = 0; i < 60; i++)); do
    standby=$(noted "$1")
    # While no server takes writes, nothing can be lost.
    if waited_for=$(sql 'SHOW synchronous_standby_names' 2>/dev/null) && [[ -n $standby && -z $waited_for && $standby == "$(noted "$1")" ]]; then
      echo "$standby is noted, and commits wait for nobody"
      return 1
    fi
    sleep 0.1
  done
}
