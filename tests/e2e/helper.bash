# What all files share. Each test has a store with the image "bb" in it, and an empty context, its current directory.
# shellcheck shell=bash disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
  T=$(mktemp -d "$E2E/test.XXXXXX")
  chmod 755 "$T"
  cp -a "$E2E/seed" "$T/store"
  export T PGSTRATA_ROOT="$T/store"
  mkdir "$T/context"
  cd "$T/context" || return
}

teardown() {
  cd /
  rm -rf "$T" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$T"
}

# The Dockerfile from stdin.
dockerfile() { cat >"$T/context/Dockerfile"; }

# Builds the context as image "t"; what it says goes to $T/log, and to bats when the build fails.
build() {
  if ! "$PGSTRATA" build --progress plain -t t --metadata-file "$T/metadata.json" "$@" "$T/context" >"$T/log" 2>&1; then
    cat "$T/log"
    return 1
  fi
}

# refused CODE TEXT [OPTION…]: the build ends with CODE, and all of TEXT's lines are in what it says.
refused() {
  local code=$1 text=$2 line
  shift 2
  run "$PGSTRATA" build --progress plain -t t "$@" "$T/context"
  [ "$status" -eq "$code" ] || { echo "exit code $status: $output"; return 1; }
  while IFS= read -r line; do has "$output" "$line" || return 1; done <<<"$text"
}

has() { [[ $1 == *"$2"* ]] || { printf 'no "%s" in:\n%s\n' "$2" "$1"; return 1; }; }
lacks() { [[ $1 != *"$2"* ]] || { printf '"%s" is in:\n%s\n' "$2" "$1"; return 1; }; }
is() { [[ $1 == "$2" ]] || { printf 'expected:\n%s\ngot:\n%s\n' "$2" "$1"; return 1; }; }

# The configuration of the image "t", through a jq filter.
config() { "$PGSTRATA" inspect t | jq -cr ".[0].Config | $1"; }

# LINE STATUS of each step that isn't configuration, one a line, as --metadata-file tells.
steps() { jq -r '."pgstrata.steps"[] | select(.status != "config") | "\(.line) \(.status)"' "$T/metadata.json"; }
# The reason that the metadata gives for the step of a line.
reason() { jq -r --argjson line "$1" '."pgstrata.steps"[] | select(.line == $line) | .reason' "$T/metadata.json"; }
digest() { jq -r '."containerimage.digest"' "$T/metadata.json"; }

# The root file system of "t" as a tar ($T/root.tar), and one entry of its listing: mode, owner, size or device, name.
root_tar() { build --output "type=tar,dest=$T/root.tar" "$@"; }
entry() { tar --numeric-owner --no-recursion -tvf "$T/root.tar" "$1" | sed -E 's/ +/ /g; s/ [0-9-]{10} [0-9:]{5}//'; }
content() { tar -xOf "$T/root.tar" "$1"; }
names() { tar -tf "$T/root.tar"; }

# Processes that belong to this test, and mounts below its directory in any process's namespace.
leftovers() {
  local process
  for process in /proc/[0-9]*; do
    [ "$process" != "/proc/$$" ] || continue
    if grep -qs "$T/store" "$process/mountinfo"; then echo "mounted: $process $(tr '\0' ' ' <"$process/cmdline")"; fi
    if tr '\0' ' ' 2>/dev/null <"$process/environ" | grep -q "E2E_MARK=$T"; then
      echo "running: $process $(tr '\0' ' ' <"$process/cmdline")"
    fi
  done 2>/dev/null
  return 0
}

# wait_until COMMAND…: at most 20 seconds.
wait_until() {
  local try
  for ((try = 0; try < 1000; try++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.02
  done
  echo "never came true: $*"
  return 1
}

need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root: $1"; }

# The rest of the test works on a store shared by all tests that need Debian: bootstrapped once, or copied
# from the store that PGSTRATA_E2E_DEBIAN names.
use_debian() {
  export PGSTRATA_ROOT="$E2E/debian"
  (
    flock 8
    [ ! -d "$PGSTRATA_ROOT" ] || exit 0
    if [ -n "${PGSTRATA_E2E_DEBIAN:-}" ]; then cp -a --reflink=auto "$PGSTRATA_E2E_DEBIAN" "$PGSTRATA_ROOT.new"
    else "$PGSTRATA" --root "$PGSTRATA_ROOT.new" bootstrap debian:bookworm-slim; fi
    mv "$PGSTRATA_ROOT.new" "$PGSTRATA_ROOT"
  ) 8>"$E2E/debian.lock"
}
