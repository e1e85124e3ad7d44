# shellcheck shell=bash
# Loads every shared object of the server once, in a cluster that is thrown away: a missing library or symbol fails
# the build, not somebody's first CREATE EXTENSION. What Patroni imports was imported when it was compiled.

bin=/usr/lib/postgresql/$PG_MAJOR/bin
libraries=("/usr/lib/postgresql/$PG_MAJOR"/lib/*.so)
[[ -e ${libraries[0]} ]] || fail "there is no shared object in /usr/lib/postgresql/$PG_MAJOR/lib"

# As pg-entrypoint has it at run time: Citus refuses to be loaded later, or after others. sepgsql refuses to be loaded later, too.
preloaded=
for name in citus pg_stat_statements pg_stat_monitor sepgsql; do
  [[ ! -e /usr/lib/postgresql/$PG_MAJOR/lib/$name.so ]] || preloaded+=${preloaded:+,}$name
done

# A server, and not `postgres --single`, which preloads nothing before PostgreSQL 15.
cluster=$(mktemp --directory)
chown postgres: "$cluster"
as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
"${as_postgres[@]}" "$bin/initdb" --pgdata="$cluster" --auth-local=peer --auth-host=reject --no-sync >/dev/null
"${as_postgres[@]}" "$bin/pg_ctl" start --silent --pgdata="$cluster" --options="-k $cluster -c listen_addresses= \
  -c fsync=off -c log_min_messages=fatal -c shared_preload_libraries=$preloaded -c pg_stat_monitor.pgsm_max=10MB"
printf "LOAD '%s';\n" "${libraries[@]}" |
  "${as_postgres[@]}" "$bin/psql" --host="$cluster" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 postgres
"${as_postgres[@]}" "$bin/pg_ctl" stop --silent --mode=immediate --pgdata="$cluster"
rm -rf "$cluster"
say "loaded ${#libraries[@]} shared objects of the server"

is_left_out pgbackrest || pgbackrest version
