#!/usr/bin/env bash
# Lints and tests the image's scripts and pg-entrypoint on this machine, without building the image.
#
#   tests/run.sh [BATS OPTION...]      PG_ENTRYPOINT=FILE tests that binary instead of compiling one
set -euo pipefail
cd "$(dirname "$0")/.."

shellcheck --external-sources setup.sh entrypoint.sh versions/* setup/lib/*.sh setup/scripts/*.sh \
  entrypoint.d/scripts/*/*.sh tests/run.sh tests/helper.bash
exec bats "$@" tests
