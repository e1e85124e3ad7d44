#!/usr/bin/env bats
# docker/postgresql by pgstrata, by Docker's BuildKit and by buildah is the same image, and each of them answers SQL.
# The base of all three is the one that pgstrata bootstrapped.

load helper

setup_file() {
  start_docker
  "$PGSTRATA" bootstrap --load debian:bookworm-slim >"$WORK/load.log" 2>&1
  "$PGSTRATA" save --format oci-archive -o "$WORK/base.tar" debian:bookworm-slim
  in_buildah pull --quiet "oci-archive:$WORK/base.tar" >"$WORK/base.id"
  in_buildah tag "$(cat "$WORK/base.id")" docker.io/library/debian:bookworm-slim

  unset SOURCE_DATE_EPOCH # buildah 1.28 and BuildKit of 20.10 don't know it
  local options=(--network host --secret "id=apt-sources,src=$WORK/apt-sources" --tag pg "$REPOSITORY/docker/postgresql")
  in_buildah build --format docker --identity-label=false --layers "${options[@]}" >"$WORK/buildah.log" 2>&1 3>&- &
  local buildah=$! failed=
  docker build --progress plain "${options[@]}" >"$WORK/docker.log" 2>&1 || failed=$WORK/docker.log
  wait "$buildah" || failed=$WORK/buildah.log
  [ -z "$failed" ] || { tail -30 "$failed"; return 1; }
  build_image "$REPOSITORY/docker/postgresql"
}

teardown_file() {
  docker ps -aq | while read -r id; do docker rm -f "$id" >/dev/null; done
  ! mountpoint -q "$WORK/docker-root-of-pg" || umount "$WORK/docker-root-of-pg"
  in_buildah umount --all >/dev/null || true
  stop_docker
  remove_containers
  # What a builder that was interrupted left mounted; the folder can't be removed otherwise.
  awk -v work="$WORK/" 'index($2, work) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

in_buildah() { buildah --root "$WORK/buildah" --runroot "$WORK/buildah-run" --storage-driver overlay "$@"; }

start_in_docker() { # NAME IMAGE
  docker run -d --name "$1" --network none -e POSTGRES_PASSWORD=of-these-tests "$2" >/dev/null
  wait_until 30 docker exec "$1" pg-entrypoint healthcheck
}
answer_in_docker() { docker exec "$1" psql -XAtqc 'SELECT 6 * 7'; }

@test "the same entries and the same configuration, but for what exceptions.txt allows" {
  # Each read by somebody else's program: umoci unpacks ours, the kernel mounts Docker's layers, buildah mounts its own.
  "$PGSTRATA" save --format oci-dir --compression uncompressed -o "$WORK/ours" pg
  umoci unpack --image "$WORK/ours:$(umoci ls --layout "$WORK/ours" | head -1)" "$WORK/ours-unpacked" >/dev/null
  ours=$(skopeo inspect --config --raw "oci:$WORK/ours")
  jq .config <<<"$ours" >"$WORK/ours.json"

  docker image inspect pg | jq '.[0].Config' >"$WORK/docker.json"
  mount_docker_image pg "$WORK/docker-root-of-pg"

  in_buildah inspect --type image pg | jq .Docker.config >"$WORK/buildah.json"
  container=$(in_buildah from --pull-never pg)
  python3 "$BATS_TEST_DIRNAME/compare.py" "$BATS_TEST_DIRNAME/exceptions.txt" \
    "pgstrata=$WORK/ours-unpacked/rootfs,$WORK/ours.json" "docker=$WORK/docker-root-of-pg,$WORK/docker.json" \
    "buildah=$(in_buildah mount "$container"),$WORK/buildah.json"
}

@test "ours answers SQL" {
  start_postgres ours
  wait_until 30 answers
}

@test "ours answers SQL in Docker as well" {
  "$PGSTRATA" build -q -t pg:ours --load "$REPOSITORY/docker/postgresql"
  start_in_docker ours pg:ours
  [ "$(answer_in_docker ours)" = 42 ]
}

@test "Docker's answers SQL" {
  start_in_docker docker pg
  [ "$(answer_in_docker docker)" = 42 ]
}

@test "buildah's answers SQL" {
  in_buildah push --quiet --disable-compression pg "docker-archive:$WORK/buildah.tar:pg:buildah"
  docker load --quiet --input "$WORK/buildah.tar"
  start_in_docker buildah pg:buildah
  [ "$(answer_in_docker buildah)" = 42 ]
}
