#!/usr/bin/env bats
# What the store takes of the disk, and what goes when it is too much.

load helper

kilobytes() { "$PGSTRATA" du --format json | jq "(.$1 / 1000) | floor"; }
# A layer of 3 MB that can't be compressed, called so.
big() { head -c 3000000 /dev/urandom >"$T/context/$1"; }
# As if it had been used so many days ago.
age() { find "$PGSTRATA_ROOT/changes" "$PGSTRATA_ROOT/blobs" "$PGSTRATA_ROOT/compressed" -exec touch -d "$1 days ago" {} + 2>/dev/null || true; }

@test "du tells by image, and what they share" {
  big one
  big two
  printf 'FROM bb\nCOPY one /\n' | dockerfile
  build -t first
  printf 'FROM bb\nCOPY one /\nCOPY two /\n' | dockerfile
  build -t second
  "$PGSTRATA" du --format json >"$T/du"
  is "$(jq -r '.images[].name' "$T/du" | sort | xargs)" "bb:latest first:latest second:latest t:latest"
  is "$(jq '.images[] | select(.name == "second:latest") | (.bytes - .shared) / 1000000 | floor' "$T/du")" 3
  is "$(jq '.images[] | select(.name == "first:latest") | (.bytes - .shared)' "$T/du")" 0
  [ "$(jq '.image_layers' "$T/du")" -lt "$(jq '[.images[].bytes] | add' "$T/du")" ]
  [ "$(jq .total "$T/du")" -ge "$(jq '.image_layers + .build_cache + .unpacked + .compressed' "$T/du")" ]
  has "$("$PGSTRATA" du)" "second:latest"
}

@test "prune --all leaves what tags need, and the next build is right" {
  big one
  printf 'FROM bb\nRUN echo kept >/kept\nCOPY one /\n' | dockerfile
  build -t kept
  "$PGSTRATA" rmi t
  printf 'FROM bb\nCOPY one /gone\nRUN echo gone >>/gone\n' | dockerfile
  build -t gone
  "$PGSTRATA" rmi gone t
  "$PGSTRATA" prune --all
  [ "$(kilobytes build_cache)" -lt 100 ]
  is "$(find "$PGSTRATA_ROOT/tmp" -mindepth 1 | head -1)" ""
  "$PGSTRATA" save --format oci-dir -o "$T/kept" kept
  build -t gone
  has "$(steps)" "2 ran"
  printf 'FROM bb\nRUN echo kept >/kept\nCOPY one /\n' | dockerfile
  build
  lacks "$(steps)" ran
  root_tar
  is "$(content kept)" kept
}

@test "prune keeps what was used last" {
  big old
  big new
  printf 'FROM bb\nCOPY old /\n' | dockerfile
  build
  age 10
  printf 'FROM bb\nCOPY new /\n' | dockerfile
  build
  printf 'FROM bb\n' | dockerfile
  build
  local all
  all=$(kilobytes total)
  "$PGSTRATA" prune --keep-storage "$((all - 1000))k" >"$T/said"
  has "$(cat "$T/said")" removed
  printf 'FROM bb\nCOPY new /\n' | dockerfile
  build
  lacks "$(steps)" ran
  printf 'FROM bb\nCOPY old /\n' | dockerfile
  build
  has "$(steps)" "2 ran"
}

@test "prune --filter until= removes by age, and a cache mount as well" {
  printf 'FROM bb\nRUN --mount=type=cache,target=/c echo x >/c/x && echo 1 >/1\n' | dockerfile
  build
  "$PGSTRATA" rmi t
  "$PGSTRATA" prune --filter until=24h
  build
  lacks "$(steps)" "2 ran"
  "$PGSTRATA" rmi t
  touch -d '3 days ago' "$PGSTRATA_ROOT"/changes/*
  "$PGSTRATA" prune --filter until=48h
  build
  has "$(steps)" "2 ran"
  "$PGSTRATA" prune --all
  is "$(find "$PGSTRATA_ROOT/cache-mounts" -mindepth 1 -not -name '*.lock' | head -1)" ""
  run "$PGSTRATA" prune --filter until=soon
  [ "$status" -eq 2 ]
}

@test "the bound holds by itself, at most every ten minutes, and a build that makes nothing doesn't look" {
  export PGSTRATA_KEEP_STORAGE=4m
  big one
  printf 'FROM bb\nCOPY one /\n' | dockerfile
  build
  age 2
  big one
  rm -f "$PGSTRATA_ROOT/prune.stamp"
  build
  has "$(cat "$T/log")" "the store has grown over"
  [ -e "$PGSTRATA_ROOT/prune.stamp" ]
  # The image that it has just made is there.
  root_tar
  is "$(content one | cksum)" "$(cksum <"$T/context/one")"
  rm "$PGSTRATA_ROOT/prune.stamp"
  build
  [ ! -e "$PGSTRATA_ROOT/prune.stamp" ]
}

@test "on a disk that is nearly full every build that made something looks" {
  need_root "to mount a small disk"
  mkdir "$T/disk"
  mount -t tmpfs -o size=512m,mode=755 tmpfs "$T/disk"
  cp -a "$PGSTRATA_ROOT" "$T/disk/store"
  export PGSTRATA_ROOT=$T/disk/store PGSTRATA_KEEP_STORAGE=4m
  : >"$PGSTRATA_ROOT/prune.stamp"
  big one
  printf 'FROM bb\nCOPY one /\n' | dockerfile
  build
  age 2
  big one
  build
  has "$(cat "$T/log")" "the store has grown over"
  umount "$T/disk"
}

@test "a running build loses nothing: prune waits for it" {
  dockerfile <<'DOCKERFILE'
FROM bb
RUN --mount=type=cache,target=/w : >/w/begun && while [ ! -e /w/go ]; do sleep 0.1; done; echo finished >/result
DOCKERFILE
  build &
  local building=$!
  wait_until sh -c "ls '$PGSTRATA_ROOT'/cache-mounts/*/begun"
  "$PGSTRATA" prune --all >"$T/pruned" 2>&1 &
  local pruning=$!
  wait_until grep -q "waiting for a build" "$T/pruned"
  sh -c "for d in '$PGSTRATA_ROOT'/cache-mounts/*/; do : >\"\$d/go\"; done"
  wait "$building"
  wait "$pruning"
  root_tar
  is "$(content result)" finished
}

@test "layers of a container stay" {
  command -v runc >/dev/null || skip "no OCI runtime"
  printf 'FROM bb\nRUN echo here >/here\n' | dockerfile
  build
  "$PGSTRATA" run --name held t true
  "$PGSTRATA" rmi t
  "$PGSTRATA" prune --all
  is "$(find "$PGSTRATA_ROOT/unpacked" -mindepth 1 -maxdepth 1 | wc -l)" "$(jq '.layers | length' "$PGSTRATA_ROOT"/containers/*/config.json)"
  "$PGSTRATA" rm held
}
