#!/usr/bin/env bats
# BACKUP_ENABLED with the real pgBackRest: the stanza, backups without cron, a restore and a point in time.

load helper
bats_require_minimum_version 1.5.0

setup_file() {
  use_pg_entrypoint
  use_postgresql
  SCRATCH=$BATS_FILE_TMPDIR/all
  mkdir -p "$SCRATCH/repository" "$SCRATCH/run" "$SCRATCH/hooks"
  export SCRATCH
  export PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run INIT_HOOKS_DIR=$SCRATCH/hooks SECRETS_DIR=$SCRATCH
  PGPORT=$(free_port) HEALTH_PORT=$(free_port)
  export PGPORT HEALTH_PORT POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 POSTGRES_PASSWORD=s3cret LOG_FORMAT=json
  export BACKUP_ENABLED=true BACKUP_REPOSITORY_PATH=$SCRATCH/repository
  setup_container_home
  chmod a+x "$BATS_FILE_TMPDIR"
}

setup() {
  use_postgresql
  as_user
}

teardown() {
  if [[ -n ${served:-} ]]; then
    kill "$served" 2>/dev/null || true
    wait "$served" || true
  fi
}

sql() { PGPASSWORD=s3cret PGHOST=127.0.0.1 psql -XAtqU postgres -d postgres -c "$1"; }
count_of() { "${exec_prefix[@]}" pgbackrest --config="$PGCONFIG/pgbackrest.conf" --stanza=default info --output=json |
  jq "[.[0].backup[]? | select(.type == \"$1\")] | length"; }
has_backups() { [[ $(count_of "$1") -ge $2 ]]; }

start() {
  serve
  wait_until is_ready
}

restore_to() { # FOLDER, and what the variables say
  export PGDATA=$SCRATCH/$1 BACKUP_RESTORE=true
  start
}

@test "the first start makes the stanza and a full backup, and archives" {
  start
  wait_until has_backups full 1
  wait_until bash -c "curl -s http://127.0.0.1:$HEALTH_PORT/health | jq -es '.[0] | .backup.last_full_age_seconds != null and .backup.failures == 0'"
  [ "$(stat -c %a "$PGCONFIG/pgbackrest.conf")" = 600 ]
  sql 'CREATE TABLE t (x int); INSERT INTO t VALUES (1)'
  sleep 2 # pgBackRest counts in seconds: the moment has to be after the backup's end
  sql 'SELECT now()' >"$SCRATCH/moment"
  sleep 0.1
  sql 'INSERT INTO t VALUES (2); SELECT pg_switch_wal()' >/dev/null
  archived() { [[ $(sql 'SELECT last_archived_wal >= pg_walfile_name(pg_switch_wal()) OR archived_count > 2 FROM pg_stat_archiver') == t ]]; }
  wait_until archived
}

@test "a differential backup when it is due" {
  export BACKUP_DIFF_INTERVAL=1
  start
  wait_until has_backups diff 1
  [ "$(count_of full)" -eq 1 ]
}

@test "an empty volume is restored to the end of the archive, and goes on as a primary" {
  restore_to restored
  [ "$(sql 'SELECT sum(x) FROM t')" = 3 ]
  [ "$(sql 'SELECT pg_is_in_recovery()')" = f ]
  sql 'INSERT INTO t VALUES (4)'
}

@test "an empty volume is restored to a point in time" {
  BACKUP_RESTORE_TARGET=$(cat "$SCRATCH/moment")
  export BACKUP_RESTORE_TYPE=time BACKUP_RESTORE_TARGET
  # From the first timeline: the last test has begun another one.
  export BACKUP_RESTORE_TIMELINE=1
  restore_to earlier
  [ "$(sql 'SELECT sum(x) FROM t')" = 1 ]
}

@test "a volume that isn't empty is not restored over" {
  export PGDATA=$SCRATCH/restored BACKUP_RESTORE=true
  start
  [ "$(sql 'SELECT sum(x) FROM t')" = 7 ]
}

@test "a restore that can't be ends the container, and says why" {
  export PGDATA=$SCRATCH/nothing BACKUP_RESTORE=true BACKUP_STANZA=unknown
  run "${exec_prefix[@]}" "$PG_ENTRYPOINT" postgres
  [ "$status" -eq 70 ]
  assert_has "$output" 'restore failed'
}
