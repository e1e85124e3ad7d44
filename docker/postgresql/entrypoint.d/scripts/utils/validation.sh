# shellcheck shell=bash
# Checks for scripts of your own. The variables of the README's table have been checked before any script runs.

# require_variables NAME...: ends the script unless each is set and not empty. Says all that are missing at once.
require_variables() {
  local name missing=()
  for name; do [[ -n ${!name:-} ]] || missing+=("$name"); done
  ((${#missing[@]} == 0)) || die "these variables are needed and not set: ${missing[*]}"
}

# require_commands NAME...: the same for programs.
require_commands() {
  local name missing=()
  for name; do command -v "$name" >/dev/null || missing+=("$name"); done
  ((${#missing[@]} == 0)) || die "these programs are needed and not installed: ${missing[*]}"
}
