#!/usr/bin/env bash
# docker/postgresql is built once for all files here, by pgstrata, into a store of these tests.
# PGSTRATA names the program to test; WORK is the folder of everything that is made.

setup_suite() {
  local here=$BATS_TEST_DIRNAME program
  # shellcheck source=tests/image/helper.bash
  source "$here/helper.bash"
  [ "$(id -u)" -eq 0 ] || { echo "tests/image needs root: it starts a Docker engine and builds as another user"; return 1; }
  for program in dockerd docker buildah skopeo umoci psql python3; do
    command -v "$program" >/dev/null || { echo "$program is missing: scripts/install-packages test"; return 1; }
  done
  REPOSITORY=$(readlink -f "$here/../..")
  PGSTRATA=$(readlink -f "${PGSTRATA:-$REPOSITORY/build/release/src/pgstrata}")
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/pgstrata-image.XXXXXX")
  export REPOSITORY PGSTRATA WORK PGSTRATA_ROOT=$WORK/store SOURCE_DATE_EPOCH=1700000000
  chmod 755 "$WORK"

  cp -r "$REPOSITORY/docker/postgresql" "$WORK/context"
  "$PGSTRATA" bootstrap --apt-sources "$WORK/apt-sources" debian:bookworm-slim >"$WORK/bootstrap.log" 2>&1
  cp -a "$PGSTRATA_ROOT" "$WORK/second-store" # as it is now: with the base, and nothing built
  local since=$EPOCHREALTIME
  build_image "$WORK/context" --metadata-file "$WORK/full.json"
  milliseconds "$since" >"$WORK/full.ms"
}

teardown_suite() {
  [ -n "${WORK:-}" ] || return 0
  remove_containers
  rm -rf "$WORK"
}
