# shellcheck shell=bash
# The database of PATRONI_CITUS_DATABASE with Citus in it, in every group of a cluster under Patroni, which does this only
# after an initdb of its own. Registering the nodes, and keeping them right, stays with Patroni. It hides its variables
# from what it starts: pg-entrypoint gives the database by another name.

# What other nodes log in with, as conninfo, from the password file that Patroni gives its scripts. A password is in no
# argument and in no statement that could be logged.
citus_authinfo() {
  sed -nE "1{s/^(([^:\\\\]|\\\\.)*:){4}//; s/\\\\(.)/\\1/g; s/['\\\\]/\\\\&/g; s/.*/password='&'/; p}" "$PGPASSFILE"
}

make_citus_database() {
  require_variables PGPASSFILE
  local authinfo
  authinfo=$(citus_authinfo)
  create_database "$CITUS_BOOTSTRAP_DATABASE"
  run_psql --dbname="$CITUS_BOOTSTRAP_DATABASE" <<<'CREATE EXTENSION IF NOT EXISTS citus;'
  printf 'COPY pg_catalog.pg_dist_authinfo FROM STDIN;\n0\t%s\t%s\n\\.\n' "${POSTGRES_USER//\\/\\\\}" "${authinfo//\\/\\\\}" |
    run_psql --dbname="$CITUS_BOOTSTRAP_DATABASE"
}

if [[ -n ${CITUS_BOOTSTRAP_DATABASE:-} ]]; then
  make_citus_database
elif [[ ${CITUS_ROLE:-standalone} != standalone ]]; then
  # A node without Patroni: what lies in /docker-entrypoint-initdb.d may distribute tables.
  create_database "$POSTGRES_DB"
  run_psql --dbname="$POSTGRES_DB" <<<'CREATE EXTENSION IF NOT EXISTS citus;'
fi
