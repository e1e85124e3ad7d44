#!/usr/bin/env bats
# check-store: finds what is damaged, mends what can be mended, and names the images that can't.
load helper

check() { run "$PGSTRATA" check-store "$@"; }
found() { [ "$status" -eq 1 ] || { echo "exit code $status: $output"; return 1; }; has "$output" "$1"; }
mended() {
  check --repair
  [ "$status" -eq 0 ] || { echo "exit code $status: $output"; return 1; }
  has "$output" "$1"
  clean
}
clean() {
  check
  [ "$status" -eq 0 ] || { echo "exit code $status: $output"; return 1; }
  has "$output" "nothing is wrong"
}
# Changes one byte in the middle, and nothing else of the file.
flip() {
  chmod u+w "$1"
  python3 -c 'import sys
with open(sys.argv[1], "r+b") as file:
    data = bytearray(file.read())
    data[len(data) // 2] ^= 8
    file.seek(0)
    file.write(data)' "$1"
}
two_layers() {
  printf 'FROM bb\nRUN echo first >/1\nRUN cat /1 >/2; rm /etc/group; mkdir /d; ln /2 /d/link; mkfifo /d/fifo\n' | dockerfile
  build
  first=$("$PGSTRATA" inspect t | jq -r '.[0].RootFS.Layers[-2]' | cut -d: -f2)
  blob=$PGSTRATA_ROOT/blobs/sha256/$first
}

@test "a whole store; none at all is not a clean one" {
  two_layers
  clean
  is "$("$PGSTRATA" check-store --format json | jq -c '[.images, .leftovers_checked, (.findings | length)]')" "[2,true,0]"
  run "$PGSTRATA" --root "$T/none" check-store
  [ "$status" -eq 3 ]
  has "$output" "there is no store"
}

@test "the bytes of a layer: from the unpacked one, from the compressed one, or lost and said so" {
  two_layers
  flip "$blob"
  check
  found "with --repair: written again from the unpacked layer"
  check
  found "blobs/sha256/$first"
  mended "mended: written again from the unpacked layer"
  "$PGSTRATA" save --format oci-archive -o "$T/saved" t
  rm -r "$PGSTRATA_ROOT/unpacked/$first" "$blob"
  mended "mended: written again from its compressed form"
  rm -r "$PGSTRATA_ROOT/compressed"
  flip "$blob"
  for format in docker-archive oci-archive oci-dir; do
    run "$PGSTRATA" save --format "$format" -o "$T/$format" t
    [ "$status" -eq 1 ]
    has "$output" "is damaged"
    has "$output" "pgstrata check-store"
  done
  check --repair
  found "t:latest: its layer sha256:$first is lost"
  has "$output" "to do: pull it or build it again"
  check
  found "t:latest"
  build
  clean
  root_tar
  is "$(content 2)" first
}

@test "lists of files, unpacked files, rows, forms, manifests" {
  two_layers
  flip "$PGSTRATA_ROOT/changes/$first"
  mended "changes/$first"
  echo fIrst >"$PGSTRATA_ROOT/unpacked/$first/1"
  check
  found "/1: it has other bytes"
  mended "unpacked/$first"
  "$PGSTRATA" save --format oci-archive -o "$T/saved" t
  for form in "$PGSTRATA_ROOT"/compressed/*/"$first"; do flip "$(sed -E "s,sha256:([^ ]+).*,$PGSTRATA_ROOT/blobs/sha256/\1," "$form")"; done
  mended "the blob that it names is damaged"
  python3 - "$PGSTRATA_ROOT/index.db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE layer SET size = size + 1")
db.execute("UPDATE run SET asked = substr(asked, 1, length(asked) - 1) || x'00'")
db.commit()
P
  check --repair
  has "$output" "isn't true"
  clean
  build
  flip "$PGSTRATA_ROOT/blobs/sha256/$(digest | cut -d: -f2)"
  check --repair
  found "t:latest: it is lost"
  build
  clean
}

@test "an index that can't be read: images stay, and prune doesn't take their layers" {
  two_layers
  for damage in 'truncate -s 5000' 'rm -f'; do
    rm -f "$PGSTRATA_ROOT"/index.db-*
    $damage "$PGSTRATA_ROOT/index.db"
    check
    found index.db
    mended "begun anew"
    "$PGSTRATA" save --format oci-archive -o "$T/saved" t
  done
  # Without anybody's asking for it, too.
  rm -f "$PGSTRATA_ROOT"/index.db*
  "$PGSTRATA" prune --all
  "$PGSTRATA" save --format oci-archive -o "$T/saved" t
  build
  root_tar
  is "$(content 2)" first
  clean
}

@test "a name of several platforms: all their layers are its own" {
  printf 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n' | dockerfile
  mkdir amd64 s390x
  echo one >amd64/name
  echo two >s390x/name
  build --platform linux/amd64,linux/s390x
  check
  has "$output" "nothing is wrong"
  for layer in "$PGSTRATA_ROOT"/changes/*; do
    layer=${layer##*/}
    if tar -xOf "$PGSTRATA_ROOT/blobs/sha256/$layer" name 2>/dev/null | grep -q two; then second=$layer; fi
  done
  flip "$PGSTRATA_ROOT/blobs/sha256/$second"
  rm -rf "$PGSTRATA_ROOT/unpacked/$second" "$PGSTRATA_ROOT/compressed"
  check
  found "t:latest"
  has "$output" "its layer sha256:$second is lost"
}

@test "a list of images that a power cut emptied: the one of the last syncfs counts" {
  two_layers
  cp "$PGSTRATA_ROOT/index.json" "$PGSTRATA_ROOT/index.json.synced"
  : >"$PGSTRATA_ROOT/index.json"
  "$PGSTRATA" save --format oci-archive -o "$T/saved" t
  check
  found "the list of images can't be read"
  mended "index.json"
  rm "$PGSTRATA_ROOT/index.json.synced"
  : >"$PGSTRATA_ROOT/index.json"
  check --repair
  found "to do: move the file away"
}

@test "what killed builds left goes, unless a build is at work" {
  two_layers
  cp "$blob" "$PGSTRATA_ROOT/tmp/blob.1"
  cp -r "$PGSTRATA_ROOT/unpacked/$first" "$PGSTRATA_ROOT/unpacked/$(printf '%064d' 7)"
  head -c 4000 /dev/urandom >"$T/bytes"
  cp "$T/bytes" "$PGSTRATA_ROOT/blobs/sha256/$(sha256sum <"$T/bytes" | cut -c1-64)"
  (
    flock -s 9
    check
    [ "$status" -eq 0 ]
    has "$output" "a build is at work"
  ) 9>>"$PGSTRATA_ROOT/build.lock"
  check
  found tmp/blob.1
  has "$output" "nothing names it"
  has "$output" "neither the index nor an image names"
  mended "3 found, 3 mended"
}
