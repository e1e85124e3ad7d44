# shellcheck shell=bash
# The database of POSTGRES_DB and what lies in /docker-entrypoint-initdb.d. Without either, no server is needed.

shopt -s nullglob
hooks=("${INIT_HOOKS_DIR:-/docker-entrypoint-initdb.d}"/*)
wants_database() { [[ $POSTGRES_DB != postgres ]]; }

run_hook() {
  local hook=$1
  log_info "running $hook"
  case $hook in
    *.sh) run_shell_hook "$hook" ;;
    *.sql) run_psql --dbname="$POSTGRES_DB" --file="$hook" ;;
    *.sql.gz) gunzip --stdout "$hook" | run_psql --dbname="$POSTGRES_DB" ;;
    *) log_warning "leaving out $hook: only .sh, .sql and .sql.gz are run" ;;
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

if wants_database || ((${#hooks[@]} > 0)); then
  start_temporary_server
  if wants_database; then
    run_psql --dbname=postgres --set=name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
  fi
  for hook in "${hooks[@]}"; do run_hook "$hook"; done
  stop_temporary_server
fi
