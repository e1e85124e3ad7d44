#!/usr/bin/env bats
# Random builds against builds from nothing, and whether they would notice.

setup() { cd "$BATS_TEST_DIRNAME" || return; }

@test "random edits: a fixed sequence" { PGSTRATA=$PGSTRATA ./sequences --rounds 150 --seed 20261124; }

@test "random edits: a fresh sequence" {
  ./sequences --rounds 100 >"$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
  echo "# $(cut -c1-300 "$BATS_TEST_TMPDIR/out")" >&3
}

@test "each fault of recording or reuse is found" { ./mutants; }
