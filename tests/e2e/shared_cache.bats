#!/usr/bin/env bats
# --cache-to and --cache-from: what one machine has run needn't be run by another.
# shellcheck disable=SC2030,SC2031,SC2154

load helper
load registry

# The checkout of a project in directory $1, with its files dated $2: COPY stands before the RUNs that don't need
# most of it, and the RUNs leave traces of whether they ran.
project() {
  mkdir -p "$1/entrypoint.d" "$1/tools"
  printf '#!/bin/sh\nmkdir -p /opt/made/empty && echo configured >/opt/made/conf && ln /opt/made/conf /opt/made/link\n' >"$1/setup.sh"
  chmod +x "$1/setup.sh"
  echo 'echo hello' >"$1/entrypoint.sh"
  echo 1 >"$1/entrypoint.d/one"
  echo tool >"$1/tools/tool"
  cat >"$1/Dockerfile" <<'D'
FROM bb AS tools
COPY tools /tools
RUN cat /tools/tool >/built
FROM base
COPY . /opt/container
RUN /opt/container/setup.sh && rm /bin/tar && chmod 700 /root && ln -s conf /opt/made/symlink
RUN --mount=type=bind,source=tools,target=/m cat /m/tool /opt/made/conf >/seen && mkfifo /fifo && touch -d @86400 /old
COPY --from=tools /built /opt/built
D
  find "$1" -exec touch -d "$2" {} +
}

# Two machines: the one that builds first, and one with a store, a base and a checkout of its own.
two_machines() {
  project "$T/one" 2020-01-01
  project "$T/two" 2021-02-03
  printf 'FROM bb\nCOPY base /base\n' >"$T/base.Dockerfile"
  cp -a "$E2E/seed" "$T/second"
  make_base "$T/store" 2020-01-01
  make_base "$T/second" 2021-02-03
  # The same files, but not the same layer.
  [ "$(diff_ids base)" != "$(PGSTRATA_ROOT=$T/second diff_ids base)" ]
}
make_base() {
  echo base >"$T/context/base"
  touch -d "$2" "$T/context/base"
  "$PGSTRATA" --root "$1" build -q -t base -f "$T/base.Dockerfile" "$T/context" >/dev/null
}

# build_on STORE CHECKOUT OPTION…
build_on() {
  local store=$1 checkout=$2
  shift 2
  "$PGSTRATA" --root "$T/$store" build --progress plain -t t --metadata-file "$T/metadata.json" "$@" "$T/$checkout" \
    >"$T/log" 2>&1 || { cat "$T/log"; return 1; }
}
on_first() { build_on store one "$@"; }
on_second() { build_on second two "$@"; }

# The image of the second machine has the files of one that was built there from nothing in a third store.
same_as_from_nothing() {
  local name
  "$PGSTRATA" --root "$T/second" build -q --output "type=tar,dest=$T/got.tar" "$T/two" >/dev/null
  cp -a "$E2E/seed" "$T/third"
  make_base "$T/third" 2022-03-04
  "$PGSTRATA" --root "$T/third" build -q --no-cache --output "type=tar,dest=$T/wanted.tar" "$T/two" >/dev/null
  for name in got wanted; do
    mkdir "$T/$name"
    tar --numeric-owner -tvf "$T/$name.tar" | sed -E 's/ [0-9-]{10} [0-9:]{5} / /' | sort >"$T/$name.list"
    tar -xf "$T/$name.tar" -C "$T/$name" --exclude=fifo
  done
  diff "$T/wanted.list" "$T/got.list"
  diff -r --no-dereference "$T/wanted" "$T/got"
}

# The blob of the layer tar that has a file of this name, in the cache directory $T/cache.
layer_blob() {
  local blob
  for blob in "$T"/cache/blobs/sha256/*; do
    if gzip -t "$blob" 2>/dev/null && tar -tzf "$blob" 2>/dev/null | grep -qx "$1"; then echo "$blob"; return; fi
  done
}
manifest_of_cache() { jq -r '.manifests[0].digest | sub("sha256:"; "")' "$T/cache/index.json"; }
records_blob() { jq -r '.config.digest | sub("sha256:"; "")' "$T/cache/blobs/sha256/$(manifest_of_cache)"; }

@test "an edit on a second machine, in a directory: COPYs are made, no RUN runs" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache"
  has "$(cat "$T/log")" "shared 6 steps in $T/cache"
  skopeo inspect --raw "oci:$T/cache:latest" >/dev/null
  # Unchanged, everything is the first machine's.
  on_second --cache-from "type=local,src=$T/cache"
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 hit\n6 hit\n7 hit\n8 hit'
  has "$(reason 6)" "from the shared cache"
  # After an edit, on a machine that has built nothing.
  rm -rf "$T/second"
  cp -a "$E2E/seed" "$T/second"
  make_base "$T/second" 2021-02-03
  echo 'echo edited' >>"$T/two/entrypoint.sh"
  echo 2 >"$T/two/entrypoint.d/two"
  on_second --cache-from "type=local,src=$T/cache"
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 ran\n6 rebased\n7 rebased\n8 ran'
  is "$(reason 7)" "nothing that it asked for changed; from the shared cache"
  # What was taken is the machine's own from now on, with what it asked.
  rm -r "$T/cache"
  echo 'echo again' >>"$T/two/entrypoint.sh"
  on_second
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 ran\n6 rebased\n7 rebased\n8 cut-off'
  same_as_from_nothing
}

@test "an edit on a second machine, in a registry; what is there isn't sent again" {
  two_machines
  serve_registry
  on_first --cache-to "type=registry,ref=$REGISTRY/team/cache:main"
  requests >/dev/null
  on_first --cache-to "type=registry,ref=$REGISTRY/team/cache:main"
  has "$(cat "$T/log")" ": 0 blobs sent"
  is "$(requests | grep -c ^PUT)" 1 # the manifest
  # An image of the same registry has the layers: what is sent of it is its configuration.
  "$PGSTRATA" tag t "$REGISTRY/team/app"
  run "$PGSTRATA" push "$REGISTRY/team/app"
  has "$output" "4 taken from another repository"
  echo 'echo edited' >>"$T/two/entrypoint.sh"
  on_second --cache-from "$REGISTRY/team/cache:main"
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 ran\n6 rebased\n7 rebased\n8 ran'
  same_as_from_nothing
  # A build that misses nothing asks nobody.
  requests >/dev/null
  on_second --cache-from "$REGISTRY/team/cache:main"
  is "$(requests)" ""
  # What a RUN read changed: it runs, and the reason is of the first machine's run.
  sed -i s/configured/changed/ "$T/two/setup.sh"
  on_second --cache-from "$REGISTRY/team/cache:main"
  is "$(steps | sed -n '6,7p')" $'6 ran\n7 ran'
  has "$(reason 6)" "/opt/container/setup.sh, which it read, changed"
}

@test "mode=min leaves out the other stages" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache,mode=min"
  has "$(cat "$T/log")" "shared 4 steps"
  on_second --cache-from "type=local,src=$T/cache"
  is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 hit\n5 hit\n6 hit\n7 hit\n8 hit'
}

@test "a layer that was tampered with is never used: its step runs, with a warning" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache"
  local blob
  blob=$(layer_blob opt/made/conf)
  [ -n "$blob" ]
  # Another layer, well formed, under the name of the first.
  mkdir -p "$T/evil/opt/made"
  echo poisoned >"$T/evil/opt/made/conf"
  tar -C "$T/evil" -czf "$blob" opt
  on_second --cache-from "type=local,src=$T/cache"
  has "$(cat "$T/log")" "a blob of the shared cache is damaged"
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 hit\n6 ran\n7 hit\n8 hit'
  same_as_from_nothing
  # Whoever writes the cache again heals it.
  on_first --cache-to "type=local,dest=$T/cache"
  has "$(cat "$T/log")" ": 1 blob sent"
}

# The records lead to another layer, as a writer of the cache could make them: digests of blobs are true then, but
# the tar isn't the one with the layer's DiffID.
@test "a layer under another's DiffID is never used, though all blobs are what their names say" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache"
  python3 - "$T/cache" "$(layer_blob opt/made/conf)" <<'P'
import gzip, hashlib, json, os, sys
cache, path = sys.argv[1:]
blobs = cache + "/blobs/sha256/"
def put(data):
    name = hashlib.sha256(data).hexdigest()
    open(blobs + name, "wb").write(data)
    return name
old = os.path.basename(path)
data = gzip.decompress(open(path, "rb").read()).replace(b"configured", b"p0isoned!!")
new_data = gzip.compress(data)
size = os.path.getsize(path)
new = put(new_data)
index = json.load(open(cache + "/index.json"))
manifest = json.load(open(blobs + index["manifests"][0]["digest"][7:]))
records = open(blobs + manifest["config"]["digest"][7:], "rb").read()
def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80]); n >>= 7
    return out + bytes([n])
was = bytes.fromhex(old) + varint(size)
assert records.count(was) == 1
records = records.replace(was, bytes.fromhex(new) + varint(len(new_data)))
manifest["config"].update(digest="sha256:" + put(records), size=len(records))
text = json.dumps(manifest).encode()
index["manifests"][0].update(digest="sha256:" + put(text), size=len(text))
json.dump(index, open(cache + "/index.json", "w"))
P
  on_second --cache-from "type=local,src=$T/cache"
  has "$(cat "$T/log")" "isn't what its records say: its DiffID is"
  is "$(steps | sed -n 6p)" "6 ran"
  same_as_from_nothing
}

@test "records that are cut off, flipped, or not there: a warning, and everything is built" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache"
  local blob manifest
  manifest=$(manifest_of_cache)
  blob="$T/cache/blobs/sha256/$(records_blob)"
  cp "$blob" "$T/records"
  head -c -10 "$T/records" >"$blob"
  on_second --cache-from "type=local,src=$T/cache" --target tools
  has "$(cat "$T/log")" "a blob of the shared cache is damaged"
  is "$(steps)" $'1 hit\n2 ran\n3 ran'
  # The same with a digest that is true.
  blob="$T/cache/blobs/sha256/$(sha256sum <"$blob" | cut -c1-64)"
  head -c -10 "$T/records" >"$blob"
  jq -c --arg digest "sha256:${blob##*/}" --argjson size "$(stat -c %s "$blob")" \
    '.config.digest = $digest | .config.size = $size' "$T/cache/blobs/sha256/$manifest" >"$T/manifest"
  manifest=$(sha256sum <"$T/manifest" | cut -c1-64)
  cp "$T/manifest" "$T/cache/blobs/sha256/$manifest"
  jq -c --arg digest "sha256:$manifest" --argjson size "$(stat -c %s "$T/manifest")" \
    '.manifests[0].digest = $digest | .manifests[0].size = $size' "$T/cache/index.json" >"$T/index"
  cp "$T/index" "$T/cache/index.json"
  on_second --no-cache-filter tools --cache-from "type=local,src=$T/cache"
  has "$(cat "$T/log")" "the records of a shared cache can't be read"
  is "$(steps | sed -n 6p)" "6 ran"
  echo >>"$T/two/setup.sh"
  on_second --cache-from "type=local,src=$T/none"
  has "$(cat "$T/log")" "the shared cache $T/none: there is none yet"
}

@test "--verify runs what would be taken from a shared cache, and says if it gives something else" {
  two_machines
  on_first --cache-to "type=local,dest=$T/cache"
  on_second --verify --cache-from "type=local,src=$T/cache"
  has "$(reason 6)" "from the shared cache; verified"
  printf 'FROM base\nRUN head -c 8 /dev/urandom >/random\n' | tee "$T/one/Dockerfile" >"$T/two/Dockerfile"
  on_first --cache-to "type=local,dest=$T/cache"
  run on_second --verify --cache-from "type=local,src=$T/cache"
  [ "$status" -eq 1 ]
  has "$output" "gave another content of /random"
  has "$output" "the shared cache has other files for it than it gives here"
}

@test "a cache that can't be written fails the build, or is a warning if that is asked for" {
  printf 'FROM bb\nRUN true\n' | dockerfile
  echo >"$T/file"
  refused 1 "can't write the shared cache $T/file/cache" --cache-to "type=local,dest=$T/file/cache"
  build --cache-to "type=local,dest=$T/file/cache,ignore-error=true"
  has "$(cat "$T/log")" "can't write the shared cache"
  refused 2 "there is no type \"s3\"" --cache-to type=s3
}

@test "Ctrl-C while a layer of a shared cache comes: exit 130 at once, and nothing of it is left" {
  cp -a "$E2E/seed" "$T/second"
  printf 'FROM bb\nRUN head -c 3000000 /dev/urandom >/big\n' | dockerfile
  build --cache-to "type=local,dest=$T/cache"
  LAYOUT=$T/cache serve_liar
  export PGSTRATA_ROOT=$T/second
  # Before anything has run, and when steps run.
  local first
  for first in "" "RUN echo x >/x"; do
    printf 'FROM bb\n%s\nRUN head -c 3000000 /dev/urandom >/big\n' "$first" | dockerfile
    interrupted "$PGSTRATA" build --progress plain --cache-from "$LIAR/layout" "$T/context"
    is "$code" 130
    lacks "$(cat "$T/said")" warning
    is "$(find "$T/second/tmp" -mindepth 1)" ""
  done
}
