#!/usr/bin/env bats
# Images in and out of a registry.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load helper
load registry

@test "what is pushed comes back into another store: same image, same layers" {
  serve_registry
  printf 'FROM bb\nRUN mkdir /d && echo x >/d/file && rm /bin/tar && ln /d/file /d/link\n' | dockerfile
  build -t "$REGISTRY/team/app:1"
  "$PGSTRATA" push "$REGISTRY/team/app:1" >"$T/digest"
  "$PGSTRATA" --root "$T/other" pull "$REGISTRY/team/app:1" >"$T/id"
  is "$(cat "$T/id")" "$(id_of t)"
  is "$(PGSTRATA_ROOT=$T/other diff_ids "$REGISTRY/team/app:1")" "$(diff_ids t)"
  # By digest, too; and then nothing is left to pull.
  "$PGSTRATA" --root "$T/third" pull "$REGISTRY/team/app@$(cat "$T/digest")"
  run "$PGSTRATA" --root "$T/other" pull "$REGISTRY/team/app:1"
  has "$output" "is up to date"
  # The files are there, in both forms.
  printf 'FROM %s/team/app:1\nRUN test "$(cat /d/link)" = x && test ! -e /bin/tar && echo y >>/d/file\n' "$REGISTRY" | dockerfile
  PGSTRATA_ROOT=$T/other root_tar
  is "$(content d/file)" "$(printf 'x\ny')"
}

@test "a push sends what changed" {
  serve_registry
  mkdir "$T/context/src"
  echo 1 >"$T/context/src/a"
  printf 'FROM bb\nRUN echo setup >/setup\nCOPY src /src\n' | dockerfile
  build_push "$REGISTRY/app"
  has "$(cat "$T/log")" "blobs sent"
  build_push "$REGISTRY/app"
  has "$(cat "$T/log")" ": 0 blobs sent"
  echo 2 >"$T/context/src/a"
  requests >/dev/null
  build_push "$REGISTRY/app"
  has "$(cat "$T/log")" ": 2 blobs sent" # the layer and the configuration
  is "$(requests | grep -c '^PUT /v2/app/blobs')" 2
  # On to another name: the registry takes the blobs from the first, and nothing is compressed or sent.
  "$PGSTRATA" tag "$REGISTRY/app" "$REGISTRY/second/app:2"
  run "$PGSTRATA" push "$REGISTRY/second/app:2"
  has "$output" ": 0 blobs sent"
  has "$output" "taken from another repository"
}

@test "an image on a pulled base refers to the base's layers, and pushing it back moves only its own" {
  serve_registry
  printf 'FROM bb\n' | dockerfile
  build -t "$REGISTRY/base"
  # As skopeo compresses it, which is not as we do.
  "$PGSTRATA" save --format oci-dir -o "$T/layout" "$REGISTRY/base"
  skopeo copy -q --dest-tls-verify=false --dest-compress --dest-compress-format gzip --format v2s2 \
    "oci:$T/layout:latest" "docker://$REGISTRY/base"
  export PGSTRATA_ROOT=$T/other
  printf 'FROM %s/base\nRUN echo new >/new\n' "$REGISTRY" | dockerfile
  build -t "$REGISTRY/app"
  is "$(diff_ids "$REGISTRY/app" | head -n -1)" "$(diff_ids "$REGISTRY/base")"
  run "$PGSTRATA" push "$REGISTRY/app"
  has "$output" ": 2 blobs sent"
  has "$output" "3 taken from another repository"
  run "$PGSTRATA" push "$REGISTRY/base"
  has "$output" ": 0 blobs sent"
}

@test "a large blob goes in pieces" {
  serve_registry
  head -c 36000000 /dev/urandom >"$T/context/big"
  printf 'FROM scratch\nCOPY big /\n' | dockerfile
  build_push "$REGISTRY/big"
  is "$(requests | grep -c '^PATCH /v2/big/blobs')" 2
  "$PGSTRATA" --root "$T/other" pull "$REGISTRY/big"
  is "$(PGSTRATA_ROOT=$T/other diff_ids "$REGISTRY/big")" "$(diff_ids "$REGISTRY/big")"
}

@test "skopeo reads what is pushed, and what skopeo pushes is pulled: OCI, Docker's schema 2, zstd, uncompressed" {
  serve_registry
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build -t "$REGISTRY/app"
  "$PGSTRATA" push "$REGISTRY/app"
  is "$(skopeo inspect --tls-verify=false --config "docker://$REGISTRY/app" | jq -c .rootfs.diff_ids)" \
    "$(diff_ids t | jq -Rnc '[inputs]')"
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/app" "dir:$T/dir"
  local format
  for format in "oci gzip" "v2s2 gzip" "oci zstd"; do
    skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --format "${format% *}" --dest-compress-format "${format#* }" \
      "docker://$REGISTRY/app" "docker://$REGISTRY/copy:${format/ /-}"
    "$PGSTRATA" --root "$T/${format/ /-}" pull "$REGISTRY/copy:${format/ /-}"
    is "$(PGSTRATA_ROOT=$T/${format/ /-} diff_ids "$REGISTRY/copy:${format/ /-}")" "$(diff_ids t)"
  done
}

@test "FROM asks the registry for what the store lacks, and with --pull for what is new" {
  serve_registry
  printf 'FROM bb\nRUN echo 1 >/version\n' | dockerfile
  build -t "$REGISTRY/base"
  "$PGSTRATA" push -q "$REGISTRY/base"
  printf 'FROM %s/base\nRUN cat /version >/seen\n' "$REGISTRY" | dockerfile
  PGSTRATA_ROOT=$T/other build
  requests >/dev/null
  PGSTRATA_ROOT=$T/other build
  is "$(requests)" ""
  # A newer one under the same name.
  printf 'FROM bb\nRUN echo 2 >/version\n' | dockerfile
  build -t "$REGISTRY/base"
  "$PGSTRATA" push -q "$REGISTRY/base"
  printf 'FROM %s/base\nRUN cat /version >/seen\n' "$REGISTRY" | dockerfile
  requests >/dev/null
  PGSTRATA_ROOT=$T/other root_tar
  is "$(content seen)" 1
  is "$(requests)" ""
  PGSTRATA_ROOT=$T/other root_tar --pull
  is "$(content seen)" 2
  # Nothing new: one question.
  requests >/dev/null
  PGSTRATA_ROOT=$T/other build --pull
  is "$(requests)" "HEAD /v2/base/manifests/latest 200"
}

@test "passwords: docker login's, a credential helper's, and none" {
  python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("s3cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
    >"$T/htpasswd"
  serve_registry "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
  printf 'FROM bb\n' | dockerfile
  build -t "$REGISTRY/app"
  run "$PGSTRATA" push "$REGISTRY/app"
  [ "$status" -eq 1 ]
  has "$output" "401 Unauthorized"
  has "$output" "docker login $REGISTRY"
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:s3cret | base64)" >"$DOCKER_CONFIG/config.json"
  "$PGSTRATA" push "$REGISTRY/app"
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:wrong | base64)" >"$DOCKER_CONFIG/config.json"
  run "$PGSTRATA" --root "$T/other" pull "$REGISTRY/app"
  [ "$status" -eq 1 ]
  mkdir "$T/bin"
  printf '#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = "%s" ] && echo '\''{"Username":"me","Secret":"s3cret"}'\''\n' "$REGISTRY" \
    >"$T/bin/docker-credential-safe"
  chmod 755 "$T/bin/docker-credential-safe"
  printf '{"credHelpers": {"%s": "safe"}}' "$REGISTRY" >"$DOCKER_CONFIG/config.json"
  PATH="$T/bin:$PATH" "$PGSTRATA" --root "$T/other" pull "$REGISTRY/app"
}

@test "a token server, and the platform's image of an index" {
  serve_liar
  run "$PGSTRATA" pull "$LIAR/closed"
  [ "$status" -eq 1 ]
  has "$output" "can't get a token"
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$LIAR" "$(printf me:s3cret | base64)" >"$DOCKER_CONFIG/config.json"
  "$PGSTRATA" pull "$LIAR/closed"
  "$PGSTRATA" pull "$LIAR/index"
  is "$(diff_ids "$LIAR/index")" "$(diff_ids "$LIAR/closed")"
  "$PGSTRATA" pull --platform linux/other "$LIAR/index"
  is "$("$PGSTRATA" inspect "$LIAR/index" | jq -r '.[0].Architecture')" other
  run "$PGSTRATA" pull --platform linux/s390x "$LIAR/index"
  [ "$status" -eq 1 ]
  has "$output" "it has linux/other"
}

# BuildKit: dockerfile2llb/convert.go builds on, with validateBaseImagePlatform's warning.
@test "a name that leads to one manifest of another platform: a warning, and the image as it is" {
  serve_registry
  echo f >f
  printf 'FROM scratch\nCOPY f /\n' | dockerfile
  "$PGSTRATA" build -q --platform linux/s390x --push -t "$REGISTRY/single" "$T/context"
  printf 'FROM %s/single\nCOPY f /g\n' "$REGISTRY" | dockerfile
  # Pulled, from the store when the registry still has it, and without a registry.
  local root
  for root in new new old; do
    [ $root = new ] || { kill "${SERVERS[0]}"; wait "${SERVERS[0]}" || true; SERVERS=(); }
    PGSTRATA_ROOT="$T/new" build --no-cache
    has "$(cat "$T/log")" InvalidBaseImagePlatform
    is "$(PGSTRATA_ROOT="$T/new" "$PGSTRATA" inspect t | jq -r '.[0].Architecture')" s390x
  done
  PGSTRATA_ROOT="$T/new" run "$PGSTRATA" build --check "$T/context"
  is "$status" 1
  has "$output" InvalidBaseImagePlatform
  has "$output" Dockerfile:1
}

# lie REPOSITORY TEXT: a pull from there fails with that text, and leaves nothing behind.
lie() {
  run timeout 60 "$PGSTRATA" pull "$LIAR/$1"
  [ "$status" -eq 1 ] || { echo "$1: exit code $status: $output"; return 1; }
  has "$output" "$2" || return 1
  is "$("$PGSTRATA" images -q --format json | grep -c "$LIAR" || true)" 0 || return 1
  is "$(find "$PGSTRATA_ROOT/tmp" -type f | head -1)" ""
}

@test "a registry that lies, stalls or floods is told from one that works" {
  serve_liar
  lie bytes "another blob"
  [[ $output =~ "its digest is sha256:"[0-9a-f]{64}", expected sha256:"[0-9a-f]{64} ]]
  lie longer "more than the manifest promises"
  lie shorter "less than the manifest promises"
  lie diffid "its DiffID is sha256:"
  lie json "not a valid image manifest"
  lie deep "not a valid image manifest"
  lie huge "too large"
  lie headers "too many headers"
  lie contradiction "its manifest has 0 layers"
  lie busy "429 Too Many Requests (slow down)"
  lie climb "climbs out"
  PGSTRATA_LAYER_LIMIT=16m lie bomb "too large when uncompressed"
  PGSTRATA_REGISTRY_TIMEOUT=1 lie stall "broke"
  "$PGSTRATA" pull "$LIAR/good"
}

@test "a broken connection goes on where it was" {
  serve_liar
  "$PGSTRATA" pull "$LIAR/breaks"
  is "$(grep -c 'GET /v2/breaks/blobs' "$T/asked")" 5 # the configuration, and the layer in four parts
  "$PGSTRATA" pull "$LIAR/good"
  is "$(diff_ids "$LIAR/breaks")" "$(diff_ids "$LIAR/good")"
}

@test "a layer that comes anew from the beginning after half of it was uncompressed" {
  serve_liar
  "$PGSTRATA" pull "$LIAR/anew"
  is "$(grep -c 'GET /v2/anew/blobs' "$T/asked")" 3
  "$PGSTRATA" --root "$T/other" pull "$LIAR/good"
  is "$(diff_ids "$LIAR/anew")" "$(PGSTRATA_ROOT=$T/other diff_ids "$LIAR/good")"
  is "$(find "$PGSTRATA_ROOT/tmp" -type f | head -1)" ""
}

@test "a layer that stops coming, and Ctrl-C then: nothing of it is left, unpacked or not" {
  serve_liar
  local before
  before=$(ls "$PGSTRATA_ROOT/unpacked")
  PGSTRATA_REGISTRY_TIMEOUT=1 lie pauses "broke"
  interrupted "$PGSTRATA" pull "$LIAR/pauses"
  is "$code" 130
  is "$(find "$PGSTRATA_ROOT/tmp" -mindepth 1)" ""
  is "$(ls "$PGSTRATA_ROOT/unpacked")" "$before"
  printf 'FROM %s/pauses\nCOPY --from=bb /bin /bin\n' "$LIAR" | dockerfile
  interrupted "$PGSTRATA" build -t t "$T/context"
  is "$code" 130
  is "$(find "$PGSTRATA_ROOT/tmp" -mindepth 1)" ""
}

@test "bytes that are no layer: that they are another blob is what is said" {
  serve_liar
  lie noise "another blob"
  [[ $output =~ "its digest is sha256:"[0-9a-f]{64}", expected sha256:"[0-9a-f]{64} ]]
}

@test "another host that a registry redirects to gets no password" {
  serve_liar
  printf '{"auths": {"%s": {"registrytoken": "t0k"}}}' "$LIAR" >"$DOCKER_CONFIG/config.json"
  "$PGSTRATA" pull "$LIAR/closed"
  has "$(cat "$T/asked")" "127.0.0.1 GET /v2/closed/manifests/latest password"
  "$PGSTRATA" --root "$T/other" pull "$LIAR/away"
  has "$(cat "$T/asked")" "127.0.0.2 GET /v2/away/blobs"
  lacks "$(grep '^127.0.0.2' "$T/asked")" password
}

@test "what can't be pulled: no such image, no such registry" {
  serve_registry
  printf 'FROM %s/nothing:1\n' "$REGISTRY" | dockerfile
  refused 1 "can't pull $REGISTRY/nothing:1
404 Not Found
Dockerfile:1"
  printf 'FROM localhost:1/nothing\n' | dockerfile
  refused 1 "can't get the image localhost:1/nothing
it isn't in the store, and localhost:1 can't be reached
--build-context NAME=docker-image://OTHER"
  # The store's own is no answer to --pull.
  printf 'FROM bb\n' | dockerfile
  build -t localhost:1/bb
  printf 'FROM localhost:1/bb\n' | dockerfile
  build
  refused 1 "localhost:1 can't be reached" --pull
}

@test "a bootstrapped base isn't made where the registry answers, or for a digest; nor pushed by accident" {
  serve_registry
  printf 'FROM bb\nLABEL org.pgstrata.bootstrap.suite=bookworm\n' | dockerfile
  run "$PGSTRATA" build --push "$T/context"
  [ "$status" -eq 2 ]
  has "$output" "an image without a name can't be pushed"
  run "$PGSTRATA" build --push --progress plain -t "$REGISTRY/app" "$T/context"
  [ "$status" -eq 2 ]
  has "$output" "--allow-bootstrap"
  run "$PGSTRATA" push "$REGISTRY/app"
  [ "$status" -eq 2 ]
  "$PGSTRATA" build --progress plain --output "type=registry,name=$REGISTRY/app" --allow-bootstrap "$T/context"
  "$PGSTRATA" push --allow-bootstrap "$REGISTRY/app"
  # Through a proxy that refuses everything, Docker Hub can't be reached.
  printf 'FROM debian:bookworm-slim@sha256:%064d\n' 1 | dockerfile
  refused 1 "docker.io can't be reached" --build-arg HTTPS_PROXY=http://localhost:1
  printf 'FROM debian:bookworm-slim\n' | dockerfile
  refused 1 "docker.io can't be reached" --pull --build-arg HTTPS_PROXY=http://localhost:1
}

@test "referrers: those of the tag that stands in where the registry keeps no list, all or of one type" {
  serve_registry
  printf 'FROM bb\n' | dockerfile
  build_push "$REGISTRY/app"
  local subject config manifest answer
  subject=$("$PGSTRATA" push -q "$REGISTRY/app")
  is "$("$PGSTRATA" inspect --referrers "$REGISTRY/app" | jq -c '[.[0].Digest, .[0].Referrers]')" "[\"$subject\",[]]"
  # What oras and cosign attach, where docker-registry has no answer to /referrers/ (2.8 has none).
  printf '{}' >"$T/config.json"
  config=sha256:$(sha256sum <"$T/config.json" | cut -c1-64)
  answer=$(curl -sS --noproxy '*' -D - -o /dev/null -X POST "http://$REGISTRY/v2/app/blobs/uploads/" | tr -d '\r')
  curl -fsS --noproxy '*' -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$T/config.json" \
    "$(sed -n 's/^[Ll]ocation: //p' <<<"$answer")&digest=$config"
  put() {
    curl -fsS --noproxy '*' -X PUT -H "Content-Type: application/vnd.oci.image.$2.v1+json" --data-binary "@$T/$3" \
      "http://$REGISTRY/v2/app/manifests/$1"
  }
  jq -nc --arg config "$config" --arg subject "$subject" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/example+json", config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $config, size: 2},
    layers: [], subject: {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $subject, size: 1}}' >"$T/manifest.json"
  manifest=sha256:$(sha256sum <"$T/manifest.json" | cut -c1-64)
  put "$manifest" manifest manifest.json
  jq -nc --arg digest "$manifest" --argjson size "$(stat -c %s "$T/manifest.json")" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: $digest, size: $size, artifactType: "application/example+json", annotations: {by: "somebody"}}]}' >"$T/index.json"
  put "${subject/:/-}" index index.json
  requests >/dev/null
  is "$("$PGSTRATA" inspect --referrers "$REGISTRY/app" | jq -c '.[0].Referrers[0] | [.ArtifactType, .Digest, .Annotations.by]')" \
    "[\"application/example+json\",\"$manifest\",\"somebody\"]"
  has "$(requests)" "GET /v2/app/referrers/sha256:HEX 404"
  is "$("$PGSTRATA" inspect --referrers --artifact-type other "$REGISTRY/app@$subject" | jq -c '.[0].Referrers')" "[]"
  run "$PGSTRATA" inspect --referrers "$REGISTRY/nothing"
  [ "$status" -ne 0 ]
  has "$output" "/nothing"
}

# Debian has no cosign: one that notes what it was called with, and fails if it is told to.
@test "push --sign runs cosign for what was pushed; without cosign nothing is pushed; its failure is told" {
  serve_registry
  printf 'FROM bb\n' | dockerfile
  build -t "$REGISTRY/app"
  run env PATH="$T/nothing" "$PGSTRATA" push --sign k.key "$REGISTRY/app"
  is "$status" 3
  has "$output" "there is no program cosign in PATH"
  run "$PGSTRATA" pull "$REGISTRY/app"
  [ "$status" -ne 0 ]
  mkdir "$T/bin"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\necho "$*" >>"%s/called"\ntest -z "$COSIGN_FAILS" || { echo "no such key" >&2; exit 9; }\n' "$T" >"$T/bin/cosign"
  chmod +x "$T/bin/cosign"
  local digest
  digest=$(PATH=$T/bin:$PATH "$PGSTRATA" push -q --sign k.key "$REGISTRY/app")
  is "$(cat "$T/called")" "sign --yes --key k.key --allow-http-registry --allow-insecure-registry $REGISTRY/app@$digest"
  run env COSIGN_FAILS=1 PATH="$T/bin:$PATH" "$PGSTRATA" push --sign k.key "$REGISTRY/app"
  is "$status" 1
  has "$output" "$REGISTRY/app@$digest: the image was pushed, but cosign didn't sign it: exit code 9: no such key"
}
