#!/usr/bin/env bats
# Random builds against builds from nothing, and whether they would notice.

setup() { cd "$BATS_TEST_DIRNAME" || return; }

@test "random edits: a fixed sequence" { PGSTRATA=$PGSTRATA ./sequences --rounds 150 --seed 20261124; }

@test "random edits: a fresh sequence" {
  ./sequences --rounds 100 >"$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
  echo "# $(cut -c1-300 "$BATS_TEST_TMPDIR/out")" >&3
}

@test "random edits on two machines with a shared cache" {
  ./sequences --shared --edits 4 --rounds 60 --seed 20261129 >"$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
  grep -E '[1-9][0-9]+ from the shared cache' "$BATS_TEST_TMPDIR/out"
}

@test "each fault of recording or reuse is found" { ./mutants; }
