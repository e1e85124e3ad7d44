# shellcheck shell=bash
# What setup says.

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}
