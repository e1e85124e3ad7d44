#!/usr/bin/env bats
# Pages lead where they say.

load helper

@test "every relative link of a page leads to a file, and every page that a source names exists" {
  cd "$PROJECT" || return 1
  local page target missing=0 count=0
  while IFS=$'\t' read -r page target; do
    count=$((count + 1))
    [ -e "$target" ] || { echo "$page names $target, which isn't there" >&2; missing=1; }
  done < <(
    git -c safe.directory="$PROJECT" ls-files '*.md' | grep -v '/corpus/' | while IFS= read -r page; do
      { grep -oE '\]\([^)# ]+' "$page" || true; } | cut -c 3- | grep -v '^https:' | while IFS= read -r target; do
        printf '%s\t%s\n' "$page" "$(realpath -m --relative-to . "$(dirname "$page")/$target")"
      done
    done
    git -c safe.directory="$PROJECT" grep -ohE '\bdocs/[a-z/-]+\.(md|json|svg)' -- 'src/*.h' 'src/*.cc' ':!*_test.cc' | sort -u | sed 's/^/a source\t/'
  )
  [ "$count" -ge 40 ]
  [ "$missing" -eq 0 ]
}
