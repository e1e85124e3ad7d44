#!/usr/bin/env bats
# Follows docs/quickstart.md word by word.

load helper

setup() {
  use_pgstrata "$BATS_TEST_TMPDIR/store"
  # Without the variables that would make somebody else's build another one.
  unset SOURCE_DATE_EPOCH DOCKER_HOST
  mkdir "$BATS_TEST_TMPDIR/home"
  cd "$BATS_TEST_TMPDIR/home" || return 1
}

teardown() { remove_store; }

# Every ```sh block of a page, ended by a NUL.
blocks_of() { awk '/^```sh$/ { on = 1; next } /^```$/ { if (on) printf "%c", 0; on = 0 } on' "$1"; }

# Every "# =>" line of a block is in the output, in this order.
check_output() { # BLOCK OUTPUT
  local expected line rest=$2
  while IFS= read -r line; do
    [[ $line == '# => '* ]] || continue
    expected=${line#'# => '}
    while :; do
      [ -n "$rest" ] || {
        printf 'not in the output: %s\nThe block:\n%s\nIts output:\n%s\n' "$expected" "$1" "$2" >&2
        return 1
      }
      local candidate=${rest%%$'\n'*}
      if [[ $rest == *$'\n'* ]]; then rest=${rest#*$'\n'}; else rest=; fi
      if matches "$candidate" "$expected"; then break; fi
    done
  done <<<"$1"
}

# LINE has the pieces of PATTERN between its "…", one behind the other.
matches() {
  local line=$1 pattern=$2 piece
  while [ -n "$pattern" ]; do
    piece=${pattern%%…*}
    if [[ $pattern == *…* ]]; then pattern=${pattern#*…}; else pattern=; fi
    [[ $line == *"$piece"* ]] || return 1
    line=${line#*"$piece"}
  done
}

# Runs a block; the directory that it ends in is where the next one begins. Any command that fails ends it.
run_block() {
  run bash -euo pipefail -c "$1"$'\npwd >"$BATS_TEST_TMPDIR/cwd"' </dev/null
  [ "$status" -eq 0 ] || {
    printf 'exit code %s of:\n%s\nIts output:\n%s\n' "$status" "$1" "$output" >&2
    return 1
  }
  cd "$(<"$BATS_TEST_TMPDIR/cwd")" || return 1
}

@test "the quickstart works as it is written" {
  local block count=0
  while IFS= read -r -d '' block <&4; do
    run_block "$block"
    check_output "$block" "$output"
    count=$((count + 1))
  done 4< <(blocks_of "$PROJECT/docs/quickstart.md")
  # A page that the extraction no longer understands must not pass by having nothing to do.
  [ "$count" -ge 7 ]
}

@test "the comparison notices output that is missing, or in another order" {
  check_output $'x\n# => one … three\n# => four' $'zero\none two three\nfour'
  run ! check_output '# => five' $'one\nfour'
  run ! check_output $'# => two\n# => one' $'one\ntwo'
  run ! check_output '# => one … two' 'two one'
}
