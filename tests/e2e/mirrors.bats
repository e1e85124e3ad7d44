#!/usr/bin/env bats
# Where registries.conf puts images: mirrors, locations, what is blocked; TLS and its certificates. "registry.example" is
# no host: who asks it fails.
# shellcheck disable=SC2016,SC2030,SC2031

load helper
load registry

# registries.conf from stdin.
conf() { cat >"$CONTAINERS_REGISTRIES_CONF"; }

# Two registries at $ORIGIN and $MIRROR; the first has team/app:1, whose DiffIDs are $IDS.
serve_origin_and_mirror() {
  serve origin
  serve mirror
  ORIGIN=$(address_of origin)
  MIRROR=$(address_of mirror)
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build -t "$ORIGIN/team/app:1"
  "$PGSTRATA" push -q "$ORIGIN/team/app:1"
  IDS=$(diff_ids t)
  requests origin >/dev/null
}
# The mirror gets what the first has, below cache/.
fill_mirror() {
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$ORIGIN/team/app:1" \
    "docker://$MIRROR/cache/team/app:1"
  requests origin >/dev/null
  requests mirror >/dev/null
}
mirrored() {
  conf <<TOML
[[registry]]
prefix = "registry.example"
location = "$ORIGIN"
[[registry.mirror]]
location = "$MIRROR/cache"
TOML
}
# pull NAME into an empty store of its own; what it says is in $output.
pull() {
  rm -rf "$T/fresh"
  run "$PGSTRATA" --root "$T/fresh" pull "$1"
}
pulled() {
  pull "$1"
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  is "$(PGSTRATA_ROOT=$T/fresh diff_ids "$1")" "$IDS"
}

@test "a mirror comes first, and the image keeps its name" {
  serve_origin_and_mirror
  fill_mirror
  mirrored
  pulled registry.example/team/app:1
  is "$(requests origin)" ""
  has "$(requests mirror)" "GET /v2/cache/team/app/manifests/1 200"
  lacks "$("$PGSTRATA" --root "$T/fresh" images --format json)" "$MIRROR"
  printf 'FROM registry.example/team/app:1\nRUN test "$(cat /x)" = x\n' | dockerfile
  PGSTRATA_ROOT=$T/other build
  is "$(requests origin)" ""
}

@test "a location stands in the prefix's place, and a mirror that has nothing, or isn't there, is passed over with a line" {
  serve_origin_and_mirror
  conf <<TOML
[[registry]]
prefix = "registry.example/some"
location = "$ORIGIN"
[[registry.mirror]]
location = "127.0.0.1:1/down"
[[registry.mirror]]
location = "$MIRROR/cache"
TOML
  pulled registry.example/some/team/app:1
  has "$output" "the mirror 127.0.0.1:1/down/team/app is passed over: can't reach http://127.0.0.1:1/v2/down/team/app/manifests/1"
  has "$output" "the mirror $MIRROR/cache/team/app is passed over"
  has "$output" "404 Not Found"
  is "$(grep -c 'passed over' <<<"$output")" 2
  # The same in a build, and quietly without a word.
  printf 'FROM registry.example/some/team/app:1\n' | dockerfile
  PGSTRATA_ROOT=$T/other build
  is "$(grep -c 'passed over' "$T/log")" 2
  rm -rf "$T/fresh"
  run "$PGSTRATA" --root "$T/fresh" pull -q registry.example/some/team/app:1
  lacks "$output" "passed over"
  # Nowhere: the location's error, and what became of the mirrors.
  pull registry.example/some/nothing:1
  [ "$status" -eq 1 ]
  has "$output" "can't pull $ORIGIN/nothing:1: the registry answered 404 Not Found"
  has "$output" "the mirror 127.0.0.1:1/down/nothing is passed over"
}

@test "a base isn't bootstrapped where a mirror has answered" {
  serve mirror
  conf <<TOML
[[registry]]
prefix = "docker.io"
location = "localhost:1"
[[registry.mirror]]
location = "$(address_of mirror)"
TOML
  printf 'FROM debian:bookworm-slim\n' | dockerfile
  refused 1 "passed over
404 Not Found
can't reach http://localhost:1"
}

@test "a mirror with wrong bytes is passed over; where nobody has the right ones, both digests are told" {
  serve_liar
  conf <<TOML
[[registry]]
prefix = "registry.example/good"
location = "$LIAR/good"
[[registry.mirror]]
location = "$LIAR/bytes"
[[registry]]
prefix = "registry.example/bad"
location = "$LIAR/bytes"
[[registry.mirror]]
location = "$LIAR/shorter"
TOML
  "$PGSTRATA" --root "$T/other" pull "$LIAR/good"
  IDS=$(PGSTRATA_ROOT=$T/other diff_ids "$LIAR/good")
  pulled registry.example/good
  has "$output" "the mirror $LIAR/bytes is passed over"
  [[ $output =~ "its digest is sha256:"[0-9a-f]{64}", expected sha256:"[0-9a-f]{64} ]]
  pull registry.example/bad
  [ "$status" -eq 1 ]
  has "$output" "the mirror $LIAR/shorter is passed over"
  [[ $output =~ "its digest is sha256:"[0-9a-f]{64}", expected sha256:"[0-9a-f]{64} ]]
  is "$("$PGSTRATA" --root "$T/fresh" images -q | wc -l)" 0
  is "$(find "$T/fresh/tmp" -type f | head -1)" ""
}

@test "a push goes where the name says, and never to a mirror" {
  serve_origin_and_mirror
  fill_mirror
  conf <<TOML
[[registry]]
prefix = "$ORIGIN"
location = "$MIRROR/cache"
[[registry.mirror]]
location = "$MIRROR/cache"
TOML
  printf 'FROM bb\nRUN echo y >/y\n' | dockerfile
  build_push "$ORIGIN/team/app:2" --cache-to "type=registry,ref=$ORIGIN/shared:1"
  is "$(requests mirror)" ""
  has "$(requests origin)" "PUT /v2/team/app/manifests/2 201"
  "$PGSTRATA" push -q "$ORIGIN/team/app:1"
  is "$(requests mirror)" ""
}

@test "a shared cache is read through mirrors" {
  serve_origin_and_mirror
  mirrored
  printf 'FROM bb\nRUN echo shared >/s\n' | dockerfile
  build --cache-to "type=registry,ref=$MIRROR/cache/shared:1"
  cp -a "$E2E/seed" "$T/other"
  requests origin >/dev/null
  PGSTRATA_ROOT=$T/other build --cache-from "type=registry,ref=registry.example/shared:1"
  is "$(steps)" "$(printf '1 hit\n2 hit')"
  is "$(requests origin)" ""
}

@test "what is blocked is neither pulled nor pushed" {
  serve_origin_and_mirror
  printf '[[registry]]\nlocation = "%s/team"\nblocked = true\n' "$ORIGIN" | conf
  pull "$ORIGIN/team/app:1"
  [ "$status" -eq 1 ]
  has "$output" "$CONTAINERS_REGISTRIES_CONF:1: $ORIGIN/team/app:1 is blocked on this machine"
  run "$PGSTRATA" push "$ORIGIN/team/app:1"
  [ "$status" -eq 1 ]
  has "$output" "is blocked"
  printf 'FROM %s/team/app:1\n' "$ORIGIN" | dockerfile
  run env PGSTRATA_ROOT="$T/other" "$PGSTRATA" build --progress plain "$T/context"
  [ "$status" -eq 1 ]
  has "$output" "is blocked"
  is "$(requests origin)" ""
  pull "$ORIGIN/else"
  has "$output" "404 Not Found"
}

@test "the log-in of one host isn't shown to another" {
  python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("s3cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
    >"$T/htpasswd"
  serve_liar
  serve_registry "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
  login() { printf '{"auths": {"%s": {"auth": "%s"}}}' "$1" "$(printf me:s3cret | base64)" >"$DOCKER_CONFIG/config.json"; }
  login "$REGISTRY"
  printf 'FROM bb\n' | dockerfile
  build -t "$REGISTRY/app"
  "$PGSTRATA" push -q "$REGISTRY/app"
  IDS=$(diff_ids t)
  conf <<TOML
[[registry]]
prefix = "registry.example/app"
location = "$REGISTRY/app"
[[registry.mirror]]
location = "$LIAR/closed"
TOML
  # The mirror wants a password, too, and gets none.
  pulled registry.example/app
  has "$output" "the mirror $LIAR/closed is passed over"
  has "$(cat "$T/asked")" "/v2/closed/manifests/latest"
  lacks "$(cat "$T/asked")" password
  # Nor does the name that was written lend its own.
  login registry.example
  pull registry.example/app
  [ "$status" -eq 1 ]
  lacks "$(cat "$T/asked")" password
  # With its own it gives the image.
  login "$LIAR"
  pull registry.example/app
  [ "$status" -eq 0 ]
  has "$(cat "$T/asked")" password
}

# An authority, and a certificate of it for 127.0.0.1: $T/NAME.crt and $T/NAME.key.
authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.crt" 2>/dev/null
}
certificate() {
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null
  openssl x509 -req -in "$T/$1.csr" -CA "$T/$2.crt" -CAkey "$T/$2.key" -CAcreateserial -days 2 -out "$T/$1.crt" \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n') 2>/dev/null
}
# The directory of $ORIGIN's certificates.
certificates() {
  local directory="$HOME/.config/containers/certs.d/$ORIGIN"
  mkdir -p "$directory"
  echo "$directory"
}

@test "TLS on this machine: as Docker has it, with certificates, and strictly" {
  authority ca
  authority other
  certificate server ca
  TLS="{certificate: $T/server.crt, key: $T/server.key}" serve origin
  ORIGIN=$(address_of origin)
  printf 'FROM bb\n' | dockerfile
  build -t "$ORIGIN/app"
  "$PGSTRATA" push -q "$ORIGIN/app"
  IDS=$(diff_ids t)
  pulled "$ORIGIN/app"
  # Whoever says so wants to know who it is.
  printf '[[registry]]\nlocation = "%s"\ninsecure = false\n' "$ORIGIN" | conf
  pull "$ORIGIN/app"
  [ "$status" -eq 1 ]
  has "$output" "no secure connection to https://$ORIGIN"
  has "$output" "/etc/containers/certs.d/$ORIGIN/ca.crt"
  cp "$T/ca.crt" "$(certificates)/"
  pulled "$ORIGIN/app"
  # Certificates say the same without the file.
  : | conf
  pulled "$ORIGIN/app"
  rm "$(certificates)/ca.crt"
  cp "$T/other.crt" "$(certificates)/"
  pull "$ORIGIN/app"
  [ "$status" -eq 1 ]
  has "$output" "no secure connection to https://$ORIGIN"
  printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$ORIGIN" | conf
  pulled "$ORIGIN/app"
}

@test "a registry that asks who we are is shown our certificate" {
  authority ca
  certificate server ca
  certificate client ca
  TLS="{certificate: $T/server.crt, key: $T/server.key, clientcas: [$T/ca.crt]}" serve origin
  ORIGIN=$(address_of origin)
  cp "$T/ca.crt" "$(certificates)/"
  printf 'FROM bb\n' | dockerfile
  build -t "$ORIGIN/app"
  run "$PGSTRATA" push "$ORIGIN/app"
  [ "$status" -eq 1 ]
  has "$output" "no secure connection"
  cp "$T/client.crt" "$(certificates)/client.cert"
  run "$PGSTRATA" push "$ORIGIN/app"
  [ "$status" -eq 2 ]
  has "$output" "client.cert is there, and client.key isn't"
  cp "$T/client.key" "$(certificates)/"
  "$PGSTRATA" push -q "$ORIGIN/app"
  IDS=$(diff_ids t)
  pulled "$ORIGIN/app"
}

@test "what is trusted of one registry isn't trusted where it redirects to" {
  authority ca
  certificate server ca
  serve_liar "$T/server.crt" "$T/server.key"
  pull "$LIAR/good"
  [ "$status" -eq 0 ]
  pull "$LIAR/away"
  [ "$status" -eq 1 ]
  has "$output" "no secure connection to https://127.0.0.2"
  lacks "$(cat "$T/asked")" 127.0.0.2
}

@test "HTTP isn't spoken to a registry that is called secure" {
  serve_origin_and_mirror
  printf '[[registry]]\nlocation = "%s"\ninsecure = false\n' "$ORIGIN" | conf
  pull "$ORIGIN/team/app:1"
  [ "$status" -eq 1 ]
  has "$output" "no secure connection to https://$ORIGIN"
  lacks "$(requests origin)" manifests
}

@test "a file that is broken is told by its line, and asked only when a registry is" {
  printf '[[registry]]\nlocation = "a.example"\nblocked = "no"\n' | conf
  pull a.example/x
  [ "$status" -eq 2 ]
  has "$output" "$CONTAINERS_REGISTRIES_CONF:3: not a valid registries.conf: blocked isn't true or false"
  printf '[[registry]\n' | conf
  pull a.example/x
  [ "$status" -eq 2 ]
  has "$output" "$CONTAINERS_REGISTRIES_CONF:1: not a valid registries.conf"
  printf 'FROM bb\n' | dockerfile
  build
  rm "$CONTAINERS_REGISTRIES_CONF"
  pull a.example/x
  [ "$status" -eq 2 ]
  has "$output" "$CONTAINERS_REGISTRIES_CONF: can't read where registries are"
}

@test "the user's own file, and the drop-ins beside it" {
  unset CONTAINERS_REGISTRIES_CONF
  mkdir -p "$HOME/.config/containers/registries.conf.d"
  cd "$HOME/.config/containers"
  printf '[[registry]]\nlocation = "a.example"\nblocked = true\n' >registries.conf
  pull a.example/x
  has "$output" "$HOME/.config/containers/registries.conf:1: a.example/x:latest is blocked"
  printf '[[registry]]\nlocation = "b.example"\nblocked = true\n' >registries.conf.d/50-b.conf
  pull b.example/x
  has "$output" "registries.conf.d/50-b.conf:1: b.example/x:latest is blocked"
  # Later ones stand before earlier ones; other names aren't read.
  printf '\n[[registry]]\nlocation = "b.example"\nblocked = true\n' >registries.conf.d/60-b.conf
  echo '[[' >registries.conf.d/readme
  pull b.example/x
  has "$output" "registries.conf.d/60-b.conf:2: b.example/x:latest is blocked"
  pull a.example/x
  has "$output" "is blocked"
}
