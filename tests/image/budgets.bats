#!/usr/bin/env bats
# What the image may need, with wide margins: a test that fails here has found something grave.

load helper

setup_file() {
  since=$EPOCHREALTIME
  start_postgres budget -m 1g -v budget:/usr/local/pgsql/data
  wait_until 30 answers
  milliseconds "$since" >"$WORK/ready.ms"
}

teardown_file() { remove_containers; }

@test "ready in less than 30 seconds on an empty volume" {
  echo "ready after $(cat "$WORK/ready.ms") ms"
  [ "$(cat "$WORK/ready.ms")" -lt 30000 ]
}

@test "less than 1 GB of memory for sixteen connections at work" {
  # They sort and hash half a million rows each, at the same time, in a control group of 1 GB.
  psql -XAtqc "CREATE TABLE t AS SELECT i, md5(i::text) AS text FROM generate_series(1, 500000) i; CREATE INDEX ON t (text)"
  local pids=() pid
  for _ in $(seq 16); do
    psql -XAtqc "SELECT count(*) FROM (SELECT text, count(*) FROM t GROUP BY text ORDER BY text DESC) x" >/dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  answers
  # Whoever goes over the limit is killed, and the server says so.
  ! "$PGSTRATA" logs budget 2>&1 | grep -E 'terminated by signal|out of memory' || false
}

@test "the limit of that test does hold: 64 MB are too little" {
  run "$PGSTRATA" run --rm -m 64m --entrypoint bash pg -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x); echo ${#x}'
  [ "$status" -ne 0 ]
  [[ $output != *200000000* ]]
}

@test "image and cluster take less than 10 GB of disk" {
  # The whole store: every layer, the compiler's stage, and the volume.
  kilobytes=$(du -sk "$PGSTRATA_ROOT" | cut -f 1)
  echo "$kilobytes kB"
  [ "$kilobytes" -lt $((10 * 1000 * 1000)) ]
}

@test "an edit of an entrypoint script takes less than half of a full build, and at most three layers" {
  echo '# edited' >>"$WORK/context/entrypoint.d/scripts/init/02-database.sh"
  since=$EPOCHREALTIME
  build_image "$WORK/context" --metadata-file "$WORK/edit.json"
  edit=$(milliseconds "$since")
  full=$(cat "$WORK/full.ms")
  echo "full build $full ms, edit $edit ms"
  [ $((edit * 2)) -lt "$full" ]
  layers() { grep '"layer": *"sha256' "$1" | sort; }
  new=$(comm -13 <(layers "$WORK/full.json") <(layers "$WORK/edit.json") | wc -l)
  [ "$new" -ge 1 ]
  [ "$new" -le 3 ]
}
