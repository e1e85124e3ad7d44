# shellcheck shell=bash
# The database of POSTGRES_DB, and what lies in /docker-entrypoint-initdb.d, in the order of the names. The server that
# this talks to is the one that goes on running, still closed to everybody else.

shopt -s nullglob
hooks=("${INIT_HOOKS_DIR:-/docker-entrypoint-initdb.d}"/*)

run_hook() {
  local hook=$1
  log_info "running $hook"
  case $hook in
    *.sh) run_shell_hook "$hook" ;;
    *.sql) run_psql --dbname="$POSTGRES_DB" --file="$hook" ;;
    *.sql.gz) gunzip --stdout "$hook" | run_psql --dbname="$POSTGRES_DB" ;;
    *.sql.xz) xz --decompress --stdout "$hook" | run_psql --dbname="$POSTGRES_DB" ;;
    *.sql.zst) zstd --quiet --decompress --stdout "$hook" | run_psql --dbname="$POSTGRES_DB" ;;
    *) log_warning "leaving out $hook: only .sh, .sql, .sql.gz, .sql.xz and .sql.zst are run" ;;
  esac
}

# A child, so that an `exit` or `set` in it ends or changes nothing but itself. Scripts expect the password by name.
run_shell_hook() {
  local run=(bash "$1")
  [[ ! -x $1 ]] || run=("$1")
  if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then
    POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE") PGDATABASE=$POSTGRES_DB "${run[@]}"
  else
    PGDATABASE=$POSTGRES_DB "${run[@]}"
  fi
}

if [[ $POSTGRES_DB != postgres ]]; then
  create_database "$POSTGRES_DB"
fi
for hook in "${hooks[@]}"; do
  run_hook "$hook" || die "$hook failed (exit code $?)"
done
