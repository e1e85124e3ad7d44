# shellcheck shell=bash
# Loads every shared object of the server once, in a cluster that is thrown away: a missing library or symbol fails
# the build, not somebody's first CREATE EXTENSION. What Patroni imports was imported when it was compiled.

bin=/usr/lib/postgresql/$PG_MAJOR/bin
libraries=("/usr/lib/postgresql/$PG_MAJOR"/lib/*.so)
[[ -e ${libraries[0]} ]] || fail "there is no shared object in /usr/lib/postgresql/$PG_MAJOR/lib"

# As pg-entrypoint has it at run time: Citus refuses to be loaded later, or after others.
preloaded=
for name in citus pg_stat_statements pg_stat_monitor; do
  [[ ! -e /usr/lib/postgresql/$PG_MAJOR/lib/$name.so ]] || preloaded+=${preloaded:+,}$name
done

cluster=$(mktemp --directory)
chown postgres: "$cluster"
as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
"${as_postgres[@]}" "$bin/initdb" --pgdata="$cluster" --auth=reject --no-sync >/dev/null
printf "LOAD '%s';\n" "${libraries[@]}" |
  "${as_postgres[@]}" "$bin/postgres" --single -D "$cluster" -c exit_on_error=on -c fsync=off -c log_checkpoints=off \
    -c shared_preload_libraries="$preloaded" -c pg_stat_monitor.pgsm_max=10MB postgres >/dev/null
rm -rf "$cluster"
say "loaded ${#libraries[@]} shared objects of the server"

is_left_out pgbackrest || pgbackrest version
