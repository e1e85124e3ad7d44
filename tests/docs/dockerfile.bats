#!/usr/bin/env bats
# docs/dockerfile.md: every test that it names exists, and every rule of the checks is in it.

load helper

# "KIND NAME" of each test that the tables name: what is between backticks in the last column.
# shellcheck disable=SC2016
named_tests() {
  grep '^|' "$PROJECT/docs/dockerfile.md" | sed 's/\\|/!/g' | awk -F '|' '{ print $(NF - 1) }' | grep -oE '`[^`]+`' | tr -d '`'
}

# Is there a test NAME of KIND?
exists() {
  local kind=$1 name=$2 file
  cd "$PROJECT" || return 1
  case $kind in
    conformance) grep -qxF -- "=== ${name#*/}" "tests/conformance/cases/${name%%/*}.txt" ;;
    errors | checks) file=${name%%: *} && grep -qxF -- "=== ${name#*: }" "tests/diagnostics/$kind/$file.txt" ;;
    unit)
      if [[ $name == *.* ]]; then grep -qrE "^TEST(_P|_F)?\\(${name%.*}, ${name#*.}\\)" src --include='*_test.cc'
      else grep -qrE "\\{\"${name#* }\"" src --include='*_test.cc'; fi ;;
    *) grep -qF -- "@test \"$name\" {" "tests/$kind/"*.bats ;;
  esac
}

@test "every test that docs/dockerfile.md names exists" {
  local kind name count=0 missing=0
  while read -r kind name; do
    count=$((count + 1))
    exists "$kind" "$name" || { echo "no test: $kind $name" >&2; missing=$((missing + 1)); }
  done < <(named_tests)
  [ "$count" -ge 150 ]
  [ "$missing" -eq 0 ]
}

@test "every rule of the build checks has its row" {
  local rule rules=0
  while read -r rule; do
    rules=$((rules + 1))
    grep -qE "^\\| $rule( \\(experimental\\))? \\|" "$PROJECT/docs/dockerfile.md" || { echo "no row: $rule" >&2; return 1; }
  done < <(grep -oE 'Rule\{"[A-Za-z]+"' "$PROJECT/src/checks/rules.cc" | cut -d '"' -f 2)
  [ "$rules" -eq 22 ]
}
