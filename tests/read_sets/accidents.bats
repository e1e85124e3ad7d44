#!/usr/bin/env bats
# Each kind of accident with a store once; `make soak` plays them for longer.

@test "kills, full disks, cut connections, flipped bits, power cuts, crowds: nothing wrong is served, nothing named is lost" {
  "$BATS_TEST_DIRNAME/../soak/store" --rounds 9 --seed 1 >"$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
  echo "# $(cut -c1-300 "$BATS_TEST_TMPDIR/out")" >&3
}
