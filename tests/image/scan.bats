#!/usr/bin/env bats
# docker/scan/run: the SBOM's packages against the security suite, by the machine's own apt sources.

load helper

scan() { SCANNER="" run "$REPOSITORY/docker/scan/run" "$1"; }

@test "an image of today's packages has none that the security suite has mended" {
  scan pg
  [ "$status" -eq 0 ] || { echo "$output"; false; }
  # Something was compared: the suite has a newer version of some package than the release had.
  [[ $output =~ ([0-9]+)\ versions\ compared ]]
  [ "${BASH_REMATCH[1]}" -gt 0 ]
}

@test "an older version of a package fails the scan and is named, with the version to have" {
  mkdir -p "$WORK/older"
  cat >"$WORK/older/Dockerfile" <<'D'
FROM pg
USER root
RUN sed -i -E 's/("name": "libc6", "versionInfo": ")[^"]+/\12.36-1/; s/("name": "libssl3", "versionInfo": ")[^"]+/\13.0.0-1/' /usr/share/sbom/postgresql.spdx.json
D
  "$PGSTRATA" build -q -t older "$WORK/older"
  scan older
  [ "$status" -ne 0 ]
  echo "$output"
  [[ $output == *"libssl3 3.0.0-1: Debian-Security has 3."* ]]
}
