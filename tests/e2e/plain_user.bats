#!/usr/bin/env bats
# Root and a plain user make the same image. The other files run as a plain user too: tests/run, tests/e2e@user.
load helper

setup() {
  need_root "to be both"
  T=$(mktemp -d "$E2E/test.XXXXXX")
  chmod 755 "$T"
  mkdir "$T/context" "$T/out"
  chmod 1777 "$T/out"
  export T
}

# As both, from nothing, in stores of their own: each leaves $T/out/root.* and $T/out/user.*.
as_both() {
  "$BASH" "$T/both" root "$T/store"
  "$BATS_TEST_DIRNAME/../as_user" "$BASH" -c '"$0" "$1" user "$HOME/store"; code=$?
    unshare --user --map-auto --map-root-user rm -rf "$HOME/store"; exit $code' "$BASH" "$T/both"
}

# Paths, types, modes, owners, sizes, links, devices, attributes of every layer of an OCI archive.
change_sets() {
  mkdir "$1.d"
  tar -C "$1.d" -xf "$1"
  local manifest layer
  manifest=$(jq -r '.manifests[0].digest' "$1.d/index.json")
  jq -r '.layers[].digest' "$1.d/blobs/sha256/${manifest#sha256:}" | while read -r layer; do
    echo "layer"
    tar --numeric-owner --xattrs -tvf "$1.d/blobs/sha256/${layer#sha256:}" | sed -E 's/ [0-9-]{10} [0-9:]{5}//; s/ +/ /g'
  done
}

@test "busybox: the same change sets, and with SOURCE_DATE_EPOCH the same digest" {
  echo x >"$T/context/f"
  cat >"$T/context/Dockerfile" <<'D'
FROM bb
WORKDIR /w
COPY --chown=app:extra f .
RUN mkdir -p /d/sub && touch /d/sub/f /gone && ln /d/sub/f /linked && ln -s f /link && mkfifo /fifo
RUN rm -r /d/sub /gone && mkdir /d/sub && touch /d/sub/new && rm -r /root
RUN chown -R 60000:60001 /d && chmod 6711 /linked && rm /etc/group
USER app
RUN touch /tmp/mine && mkdir -m 700 /tmp/own
D
  cat >"$T/both" <<S
set -euo pipefail
export PGSTRATA_ROOT=\$2
"$PGSTRATA" build -q -t bb "$E2E/busybox"
"$PGSTRATA" build -q --output "type=oci,dest=$T/out/\$1.tar,compression=uncompressed" "$T/context" >/dev/null
export SOURCE_DATE_EPOCH=1600000000
"$PGSTRATA" build -q -t bb --no-cache "$E2E/busybox" >/dev/null
"$PGSTRATA" build -q --no-cache "$T/context" >"$T/out/\$1.digest"
S
  as_both
  change_sets "$T/out/root.tar" >"$T/root.list"
  change_sets "$T/out/user.tar" >"$T/user.list"
  [ "$(wc -l <"$T/root.list")" -gt 30 ]
  diff "$T/root.list" "$T/user.list"
  is "$(<"$T/out/user.digest")" "$(<"$T/out/root.digest")"
}

@test "Debian's base: bootstrapped by root and by a plain user, the same image" {
  cat >"$T/both" <<S
set -euo pipefail
export PGSTRATA_ROOT=\$2
"$PGSTRATA" bootstrap debian:bookworm-slim >/dev/null 2>"$T/out/\$1.log" || { cat "$T/out/\$1.log" >&2; exit 1; }
"$PGSTRATA" inspect debian:bookworm-slim | jq -r '.[0].Id' >"$T/out/\$1.id"
S
  as_both
  is "$(<"$T/out/user.id")" "$(<"$T/out/root.id")"
}
