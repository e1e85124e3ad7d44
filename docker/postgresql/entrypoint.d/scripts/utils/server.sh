# shellcheck shell=bash
# A temporary server for the init phase: no TCP, a socket in a private folder, so that nobody takes it for ready.

temporary_server=
temporary_folder=

# start_temporary_server: exports PGHOST and PGUSER for psql, and stops the server when the script ends, however it ends.
start_temporary_server() {
  temporary_folder=$(mktemp -d "$PGHOST/init.XXXXXX")
  echo 'local all all trust' >"$temporary_folder/pg_hba.conf"
  trap stop_temporary_server EXIT
  trap 'exit 143' TERM
  # fsync is off because PID 1 writes the whole file system to the disk before it calls the cluster complete.
  (
    close_password
    exec postgres -D "$PGDATA" -c listen_addresses= -c "unix_socket_directories=$temporary_folder" \
      -c "hba_file=$temporary_folder/pg_hba.conf" -c fsync=off -c huge_pages=off -c logging_collector=off \
      -c log_checkpoints=off
  ) &
  temporary_server=$!
  export PGHOST=$temporary_folder PGUSER=$POSTGRES_USER
  await_temporary_server
}

# PostgreSQL writes its state into the eighth line of postmaster.pid.
await_temporary_server() {
  local lines
  while kill -0 "$temporary_server" 2>/dev/null; do
    lines=()
    if [[ -r $PGDATA/postmaster.pid ]]; then mapfile -t lines <"$PGDATA/postmaster.pid"; fi
    [[ ${lines[7]:-} != ready* ]] || return 0
    sleep 0.02
  done
  die "the temporary server for the init phase has ended before it was ready; its own lines above say why"
}

stop_temporary_server() {
  trap - EXIT
  [[ -n $temporary_server ]] || return 0
  kill -INT "$temporary_server" 2>/dev/null || true
  wait "$temporary_server" || true
  temporary_server=
  rm -rf "$temporary_folder"
}

# The password comes as an open file in memory. No server may inherit it.
close_password() {
  local descriptor=${POSTGRES_PASSWORD_FILE:-}
  unset POSTGRES_PASSWORD_FILE
  descriptor=${descriptor##*/}
  if [[ -n $descriptor ]]; then exec {descriptor}<&-; fi
}

# psql as scripts need it: no .psqlrc, no prompt for a password, the first error ends it.
run_psql() { psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 "$@"; }
