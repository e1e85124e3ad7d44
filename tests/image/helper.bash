#!/usr/bin/env bash
# What the files here share.

milliseconds() { echo $(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 1000)); } # since the time $1

# build_image CONTEXT OPTION...: shows the build's end if it fails.
build_image() {
  local context=$1 log
  log=$(mktemp "$WORK/build.XXXXXX")
  shift
  "$PGSTRATA" build --progress plain -t pg "$@" "$context" >"$log" 2>&1 || { tail -30 "$log"; return 1; }
}

remove_containers() { "$PGSTRATA" ps -aq | xargs -r "$PGSTRATA" rm -f -v >/dev/null; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_postgres NAME OPTION...: on loopback; PGPORT and PGPASSWORD are then those of the container.
start_postgres() {
  local name=$1
  shift
  PGPORT=$(free_port)
  export PGPORT PGPASSWORD=of-these-tests PGHOST=127.0.0.1 PGUSER=postgres
  "$PGSTRATA" run -d --name "$name" -e PGPORT -e POSTGRES_PASSWORD="$PGPASSWORD" \
    -e POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 "$@" pg >/dev/null
}

# wait_until SECONDS COMMAND...
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "not within the time: $*"; return 1; }
    sleep 0.1
  done
}

answers() { [ "$(psql -XAtqc 'SELECT 6 * 7')" = 42 ]; }

manifest_digest() { grep -o '"containerimage.digest": *"[^"]*"' "$1" | cut -d '"' -f 4; }

# An engine of our own, beside whatever runs on this machine: no bridge, no rules of a firewall.
start_docker() {
  export DOCKER_HOST=unix://$WORK/docker.sock DOCKER_BUILDKIT=1
  export DOCKER_CONFIG=$WORK/docker-config # not the plug-ins and credentials of whoever runs this
  mkdir -p "$DOCKER_CONFIG"
  echo '{}' >"$DOCKER_CONFIG/config.json"
  dockerd --data-root "$WORK/docker" --exec-root "$WORK/docker-exec" --pidfile "$WORK/dockerd.pid" --host "$DOCKER_HOST" \
    --iptables=false --ip6tables=false --bridge=none >"$WORK/dockerd.log" 2>&1 3>&- &
  wait_until 60 docker info || { tail -20 "$WORK/dockerd.log"; return 1; }
}

stop_docker() {
  kill "$(cat "$WORK/dockerd.pid")"
  wait_until 30 bash -c "! [ -e '$WORK/dockerd.pid' ]"
}

# The client that came with the daemon: another one in PATH may want plug-ins that aren't there.
docker() { "$(dirname "$(command -v dockerd)")/../bin/docker" "$@"; }

# mount_docker_image IMAGE DIRECTORY: its files as the kernel shows Docker's layers.
mount_docker_image() {
  local layers
  layers=$(docker image inspect "$1" | jq -r '.[0].GraphDriver.Data | .UpperDir + ":" + .LowerDir')
  mkdir "$2"
  mount -t overlay -o "ro,lowerdir=$layers" overlay "$2"
}
