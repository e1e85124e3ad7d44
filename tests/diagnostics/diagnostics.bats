#!/usr/bin/env bats
# Messages for Dockerfiles: README.md. Below the two tables: what --check and --call print, and how a build ends.
# shellcheck disable=SC2016,SC2154 # a dollar in a Dockerfile is its own; bats sets stderr
bats_require_minimum_version 1.5.0

setup() {
  T=$(mktemp -d)
  export PGSTRATA_ROOT="$T/store"
  mkdir "$T/context"
  cd "$T/context" || return
}
teardown() {
  cd / && rm -rf "$T"
}
dockerfile() { printf '%b' "$1" >Dockerfile; }

@test "Dockerfiles that are refused: file, line, column, the line with a caret, what was meant" {
  "$BATS_TEST_DIRNAME/diagnose" errors "$PGSTRATA"
}

@test "build checks: rules and lines" {
  "$BATS_TEST_DIRNAME/diagnose" checks "$PGSTRATA"
}

@test "--check prints the warnings, ends with 1 if there are any, and builds nothing" {
  dockerfile 'FROM scratch\nCOPY . /\nCMD x\n'
  run --separate-stderr "$PGSTRATA" build --check .
  [ "$status" -eq 1 ]
  [[ $output == "Check complete, 1 warning has been found!"$'\n\n'"WARNING: JSONArgsRecommended - https://"* ]]
  [[ $output == *$'\n   3 | >>> CMD x\n'* ]]
  [ "$("$PGSTRATA" images -q | wc -l)" -eq 0 ]
  dockerfile 'FROM scratch\nCMD ["x"]\n'
  run --separate-stderr "$PGSTRATA" build --check .
  [ "$status" -eq 0 ]
  [ "$output" = "Check complete, no warnings found." ]
}

@test "--check of a Dockerfile that can't be built: the warnings before the error, and exit code 2" {
  dockerfile 'FROM scratch AS Bad\nNOSUCH\n'
  run --separate-stderr "$PGSTRATA" build --check .
  [ "$status" -eq 2 ]
  [[ $output == *"StageNameCasing"* ]]
  [[ $stderr == "error: ./Dockerfile:2:1: unknown instruction: NOSUCH"* ]]
}

@test "--check makes no base image, and says of which it knows nothing" {
  dockerfile 'FROM nosuch/image\nUSER $X\nCMD x\n'
  run --separate-stderr "$PGSTRATA" build --check .
  [ "$status" -eq 1 ]
  [[ $output == *JSONArgsRecommended* && $output != *UndefinedVar* ]]
  [[ $stderr == *"nosuch/image"* ]]
}

@test "--call=check,format=json" {
  dockerfile 'FROM scratch\nCMD x\n'
  run --separate-stderr "$PGSTRATA" build --call=check,format=json .
  [ "$status" -eq 1 ]
  [ "$(jq -r '.warnings[0] | "\(.ruleName) \(.location.ranges[0].start.line)"' <<<"$output")" = "JSONArgsRecommended 2" ]
  run "$PGSTRATA" build --call=chek .
  [ "$status" -eq 2 ]
  [[ $output == *"did you mean check?"* ]]
}

@test "--call=targets and --call=outline, as buildx prints them" {
  dockerfile '# base the image\nARG base=scratch\nFROM $base AS main\n# given a number\nARG given=4\nRUN --mount=type=secret,id=s,required true\n'
  run "$PGSTRATA" build --call=targets .
  [ "$output" = $'TARGET         DESCRIPTION\nmain (default) ' ]
  run "$PGSTRATA" build --call=outline --build-arg given=5 .
  [ "$output" = $'TARGET: main\n\nBUILD ARG   VALUE     DESCRIPTION\nbase        scratch   the image\ngiven       5         a number\n\nSECRET   REQUIRED\ns        true' ]
}

@test "a build shows the warnings at its end; rawjson as events; quiet not" {
  dockerfile 'FROM scratch\nMAINTAINER x\nCMD x\n'
  run --separate-stderr "$PGSTRATA" build --progress plain .
  [ "$status" -eq 0 ]
  [[ $stderr == *"2 warnings found (--check shows the lines):"*" - JSONArgsRecommended: "*"(line 3)"* ]]
  run --separate-stderr "$PGSTRATA" build --progress rawjson .
  [ "$(jq -rs '[.[] | select(.event == "check") | "\(.rule) \(.line)"] | join(",")' <<<"$stderr")" = "MaintainerDeprecated 2,JSONArgsRecommended 3" ]
  run --separate-stderr "$PGSTRATA" build --quiet .
  [ -z "$stderr" ]
}

@test "warnings are shown of a build that fails, too; only of stages that it needs" {
  dockerfile 'FROM scratch AS other\nCMD y\nFROM scratch\nMAINTAINER x\nCOPY nothere /\n'
  run --separate-stderr "$PGSTRATA" build --progress plain .
  [ "$status" -eq 2 ]
  [[ $stderr == *"1 warning found"*MaintainerDeprecated* ]]
}

@test "error=true: nothing is built" {
  dockerfile '# check=error=true\nFROM scratch\nMAINTAINER x\n'
  run --separate-stderr "$PGSTRATA" build -t t .
  [ "$status" -eq 2 ]
  [[ $stderr == *"./Dockerfile:1:9: build checks failed: MaintainerDeprecated"* ]]
  run "$PGSTRATA" inspect t
  [ "$status" -ne 0 ]
  "$PGSTRATA" build -t t --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all .
}
