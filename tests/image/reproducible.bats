#!/usr/bin/env bats
# SOURCE_DATE_EPOCH: two builds from scratch, in two stores, from two checkouts with different times, are one image.

load helper

setup_file() {
  cp -r "$REPOSITORY/docker/postgresql" "$WORK/second-context"
  find "$WORK/second-context" -exec touch -h -d 2001-02-03 {} +
  # Another package cache as well: the second build fetches its index itself.
  PGSTRATA_ROOT=$WORK/second-store build_image "$WORK/second-context" --no-cache --metadata-file "$WORK/second.json"
}

@test "the manifests have one digest" {
  digest=$(manifest_digest "$WORK/full.json")
  [[ $digest == sha256:* ]]
  if [ "$(manifest_digest "$WORK/second.json")" != "$digest" ]; then
    diff <(grep -E '"(name|layer)"' "$WORK/full.json") <(grep -E '"(name|layer)"' "$WORK/second.json") || true
    false
  fi
}

@test "every step of the second build did run" {
  ! grep '"status": *"hit"' -B 4 "$WORK/second.json" | grep -E '"instruction": *"RUN' || false
}
