# shellcheck shell=bash
# psql as scripts need it: over the Unix socket as the superuser, no .psqlrc, no prompt for a password, the first error
# ends it. In the init phase the server lets nobody else in.

run_psql() { psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 "$@"; }

# create_database NAME: unless it is there.
create_database() {
  run_psql --dbname=postgres --set=name="$1" <<'END'
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
END
}
