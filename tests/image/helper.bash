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
