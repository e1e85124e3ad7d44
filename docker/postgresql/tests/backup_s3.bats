#!/usr/bin/env bats
# BACKUP_REPOSITORY_TYPE=s3 with the real pgBackRest, over TLS with a certificate authority of its own. The bucket is
# s3_server.py, which checks each signature.

# shellcheck disable=SC2030,SC2031 # each test's variables are its own
load helper
bats_require_minimum_version 1.5.0

setup_file() {
  use_pg_entrypoint
  use_postgresql
  SCRATCH=$BATS_FILE_TMPDIR/all
  mkdir -p "$SCRATCH/bucket" "$SCRATCH/run" "$SCRATCH/hooks"
  export SCRATCH
  make_certificates
  as_user
  python3 "$BATS_TEST_DIRNAME/s3_server.py" "$SCRATCH/bucket" "$SCRATCH/server.crt" "$SCRATCH/server.key" access 's3:secret' \
    >"$SCRATCH/port" 2>"$SCRATCH/s3.log" 3>&- &
  echo $! >"$SCRATCH/pid"
  wait_until test -s "$SCRATCH/port"
  export PGDATA=$SCRATCH/data PGCONFIG=$SCRATCH/config PGHOST=$SCRATCH/run INIT_HOOKS_DIR=$SCRATCH/hooks SECRETS_DIR=$SCRATCH
  PGPORT=$(free_port) HEALTH_PORT=$(free_port)
  export PGPORT HEALTH_PORT POSTGRESQL_LISTEN_ADDRESSES=127.0.0.1 POSTGRES_PASSWORD=s3cret LOG_FORMAT=json
  export BACKUP_ENABLED=true BACKUP_REPOSITORY_TYPE=s3 BACKUP_S3_BUCKET=bucket BACKUP_S3_URI_STYLE=path BACKUP_S3_KEY=access
  BACKUP_S3_ENDPOINT=127.0.0.1:$(cat "$SCRATCH/port")
  export BACKUP_S3_ENDPOINT BACKUP_S3_CA_FILE=$SCRATCH/ca.crt
  echo 's3:secret' >"$SCRATCH/BACKUP_S3_KEY_SECRET" # a mounted secret
  setup_container_home
  chmod a+x "$BATS_FILE_TMPDIR"
}

teardown_file() { kill "$(cat "$SCRATCH/pid")"; }

make_certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout "$SCRATCH/ca.key" -out "$SCRATCH/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1 -keyout "$SCRATCH/server.key" -out "$SCRATCH/server.csr"
  openssl x509 -req -in "$SCRATCH/server.csr" -CA "$SCRATCH/ca.crt" -CAkey "$SCRATCH/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo 'subjectAltName = DNS:127.0.0.1, IP:127.0.0.1') -out "$SCRATCH/server.crt"
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
  if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then tail -n 20 "$SCRATCH/log" "$SCRATCH/s3.log"; fi
}

sql() { PGPASSWORD=s3cret PGHOST=127.0.0.1 psql -XAtqU postgres -d postgres -c "$1"; }
has_full() { curl -s "http://127.0.0.1:$HEALTH_PORT/health" | jq -es '.[0] | .backup.last_full_age_seconds != null'; }
log_has() { grep -qF -e "$1" "$SCRATCH/log"; }

@test "a bucket over TLS: stanza, full backup, archive" {
  serve
  wait_until has_full
  sql 'CREATE TABLE t AS SELECT 7 AS x; SELECT pg_switch_wal()' >/dev/null
  archived() { [[ $(sql 'SELECT archived_count > 2 AND failed_count = 0 FROM pg_stat_archiver') == t ]]; }
  wait_until archived
  [ "$(find "$SCRATCH/bucket" -name '*backup.info' | wc -l)" -eq 1 ]
  [ "$(find "$SCRATCH/bucket" -type f | wc -l)" -lt 50 ] # the cluster's thousand files are in bundles
  run ! grep -q 's3:secret' "$SCRATCH/log" /proc/"$served"/environ
}

@test "an empty volume is restored from it" {
  export PGDATA=$SCRATCH/restored BACKUP_RESTORE=true
  serve
  wait_until is_ready
  [ "$(sql 'SELECT x FROM t')" = 7 ]
}

@test "a certificate of somebody else is refused, and the server goes on without backups" {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other -keyout "$SCRATCH/other.key" -out "$SCRATCH/other.crt"
  as_user
  export PGDATA=$SCRATCH/untrusted BACKUP_S3_CA_FILE=$SCRATCH/other.crt PGBACKREST_IO_TIMEOUT=3 # it tries again for a minute
  serve
  wait_until is_ready
  wait_until log_has 'pgbackrest stanza-create failed'
  wait_until log_has 'unable to verify certificate presented by'
}

@test "a wrong secret is refused by the bucket, and said" {
  echo wrong >"$SCRATCH/BACKUP_S3_KEY_SECRET"
  export PGDATA=$SCRATCH/refused
  : >"$SCRATCH/log"
  serve
  wait_until is_ready
  wait_until log_has 'pgbackrest stanza-create failed'
  wait_until log_has 'request failed with 403'
}
