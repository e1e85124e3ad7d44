#!/usr/bin/env bats
# `build --watch` builds again after each change, `run --watch` starts the new image in the old one's place.
# shellcheck disable=SC2030,SC2031  # each test is a subshell, with processes of its own
load helper

teardown() {
  local pid
  for pid in "${watching[@]}"; do kill -TERM "$pid" 2>/dev/null && wait "$pid"; done
  cd /
  rm -rf "$T" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$T"
}

build_watching() { # [OPTION…]
  "$PGSTRATA" build --watch --progress plain -t t "$@" "$T/context" >"$T/log" 2>&1 3>&- &
  watching+=($!)
  wait_until built 1
}

ends_with() { # CODE
  local code=0
  kill -TERM "${watching[0]}"
  wait "${watching[0]}" || code=$?
  is "$code" "$1"
}

# So many builds have ended, and the next change is waited for.
built() { [ "$(grep -cE '^(built in|failed after) ' "$T/log")" -ge "$1" ]; }
content_is() { [ "$("$PGSTRATA" run --rm t cat /f)" = "$1" ]; }
said() { grep -qx "$1" "$T/said"; }

@test "a file, a new directory, the Dockerfile and .dockerignore: each change is built; a build that fails waits for the next" {
  echo one >f
  printf 'FROM bb\nCOPY . /\n' | dockerfile
  build_watching
  content_is one
  echo two >f
  wait_until content_is two
  mkdir -p new/deep
  echo here >new/deep/file
  wait_until "$PGSTRATA" run --rm t test -e /new/deep/file
  echo three >new/deep/file
  wait_until "$PGSTRATA" run --rm t grep three /new/deep/file
  printf 'FROM bb\nCOPY missing /\n' | dockerfile
  wait_until grep -q '^failed after' "$T/log"
  printf 'FROM bb\nCOPY f /f\nRUN echo four >/f\n' | dockerfile
  wait_until content_is four
}

@test "a named context and a Dockerfile elsewhere are watched as well; a signal ends it with 130" {
  mkdir "$T/other" "$T/elsewhere"
  echo one >"$T/other/f"
  printf 'FROM bb\nCOPY --from=other f /f\n' >"$T/elsewhere/D"
  build_watching --build-context other="$T/other" -f "$T/elsewhere/D"
  echo two >"$T/other/f"
  wait_until content_is two
  printf 'FROM bb\nRUN echo three >/f\n' >"$T/elsewhere/D"
  wait_until content_is three
  ends_with 130
}

@test "what isn't a directory can't be watched" {
  run "$PGSTRATA" build --watch -t t - <<<'FROM bb'
  is "$status" 2
  has "$output" "--watch waits for changes in directories, and CONTEXT isn't in one"
}

@test "run --watch: the container is stopped and started with each new image, and gets the signal at the end" {
  dockerfile <<'D'
FROM bb
COPY f /f
CMD ["sh", "-c", "trap 'echo bye; exit 3' TERM; cat /f; while :; do sleep 0.05; done"]
D
  echo one >f
  build
  "$PGSTRATA" run --watch --name watched t >"$T/said" 2>"$T/run.log" 3>&- &
  watching+=($!)
  wait_until said one || { cat "$T/said" "$T/run.log"; return 1; }
  echo two >f
  build
  wait_until said two
  is "$(cat "$T/said")" $'one\nbye\ntwo'
  build # the same image: nothing happens
  ends_with 3
  is "$(cat "$T/said")" $'one\nbye\ntwo\nbye'
  lacks "$("$PGSTRATA" ps -a)" watched
}

@test "run --watch: a container that ends by itself is started again with the next image" {
  printf 'FROM bb\nCOPY f /f\nCMD ["cat", "/f"]\n' | dockerfile
  echo one >f
  build
  "$PGSTRATA" run --watch t >"$T/said" 2>"$T/run.log" 3>&- &
  watching+=($!)
  wait_until grep -q 'the container ended with 0; it is started again when t changes' "$T/run.log"
  echo two >f
  build
  wait_until said two
}

@test "run --watch: what can't be started at all doesn't wait" {
  printf 'FROM bb\n' | dockerfile
  build
  run "$PGSTRATA" run --watch --name x t
  is "$status" 125
  has "$output" "x: not a name for a container"
  run "$PGSTRATA" run --watch -d t
  is "$status" 125
  has "$output" "it can't be used with --detach"
}
