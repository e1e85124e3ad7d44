# shellcheck shell=bash
# What the suites here share: the program under test, and a store and a directory of the suite's own.

bats_require_minimum_version 1.5.0
PROJECT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

use_pgstrata() {
  PGSTRATA=${PGSTRATA:-$PROJECT/build/release/src/pgstrata}
  [ -x "$PGSTRATA" ] || { echo "there is no $PGSTRATA: run scripts/compile release pgstrata" >&2; return 1; }
  PATH=$(cd "${PGSTRATA%/*}" && pwd):$PATH
  export PATH PGSTRATA PROJECT
  export PGSTRATA_ROOT=$1
}

# A plain user's store has files of ids that only the user namespace knows.
remove_store() {
  rm -rf "$PGSTRATA_ROOT" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$PGSTRATA_ROOT"
}

assert_has() {
  [[ $1 == *"$2"* ]] || {
    printf 'expected to find: %s\nin: %s\n' "$2" "$1" >&2
    return 1
  }
}

assert_equal() {
  [[ $1 == "$2" ]] || {
    diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") >&2
    return 1
  }
}
