#!/usr/bin/env bats
# What docker/postgresql/README.md promises of the built image.

load helper

in_image() { "$PGSTRATA" run --rm --entrypoint "$1" pg "${@:2}"; }

@test "no file is setuid or setgid, and everything has an owner" {
  [ -z "$(in_image find / -xdev -type f -perm /6000)" ]
  [ -z "$(in_image find / -xdev '(' -nouser -o -nogroup ')')" ]
}

@test "the SBOM is SPDX and has every package of the image with its version" {
  in_image cat /usr/share/sbom/postgresql.spdx.json >"$WORK/sbom.json"
  jq -es '.[0] | .spdxVersion == "SPDX-2.3" and .SPDXID == "SPDXRef-DOCUMENT" and ([.packages[].SPDXID] | length == (unique | length))' "$WORK/sbom.json"
  diff <(in_image dpkg-query --show --showformat='${Package} ${Version}\n' | sort -u) \
    <(jq -r '.packages[] | select(.externalRefs) | .name + " " + .versionInfo' "$WORK/sbom.json" | sort -u)
  # Every package is related to the image.
  [ "$(jq '[.relationships[].relatedSpdxElement] - [.packages[].SPDXID] | length' "$WORK/sbom.json")" -eq 0 ]
}

@test "a read-only root, no capabilities, no new privileges, an unknown user id" {
  start_postgres strict --read-only --cap-drop ALL --security-opt no-new-privileges --user 54321:0 \
    --tmpfs /tmp --tmpfs /run/postgresql:mode=0770 --tmpfs /usr/local/pgsql:mode=0770
  wait_until 60 answers
  "$PGSTRATA" stop strict >/dev/null
  remove_containers
}

@test "kill -9 of PID 1 of a container: the next one on the volume recovers" {
  start_postgres first -v crash:/usr/local/pgsql/data
  wait_until 60 answers
  psql -XAtqc 'CREATE TABLE t AS SELECT 42 AS x'
  "$PGSTRATA" kill -s KILL first >/dev/null
  "$PGSTRATA" rm -f first >/dev/null
  start_postgres second -v crash:/usr/local/pgsql/data
  wait_until 60 answers
  [ "$(psql -XAtqc 'SELECT x FROM t')" = 42 ]
  remove_containers
}

@test "two containers have different system identifiers" {
  for name in one two; do
    start_postgres "$name"
    wait_until 60 answers
    psql -XAtqc 'SELECT system_identifier FROM pg_control_system()' >"$WORK/$name.id"
  done
  ! cmp -s "$WORK/one.id" "$WORK/two.id" || false
  remove_containers
}

@test "Patroni, pgBackRest, psql and the programs for hooks are there" {
  # shellcheck disable=SC2016 # expanded in the container
  in_image bash -c 'for program in patroni patronictl psql xz zstd gunzip; do "$program" --help >/dev/null || exit; done'
  in_image pgbackrest version
  in_image pg-entrypoint version
}
