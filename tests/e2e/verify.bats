#!/usr/bin/env bats
# --verify runs what could be reused, and compares.
load helper

context() {
  echo 1 >read
  echo 1 >unread
  dockerfile <<'D'
FROM bb
COPY . /c
RUN cat /c/read >/out
RUN --mount=type=bind,target=/ctx cp /ctx/read /bound
WORKDIR /w
D
}

@test "hits and rebased steps are run, compared and kept" {
  context
  build
  build --verify
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 hit'
  has "$(reason 3)" "; verified"
  echo 2 >unread
  build --verify
  is "$(steps)" $'1 hit\n2 ran\n3 rebased\n4 rebased\n5 cut-off'
  has "$(reason 4)" "; verified"
  # What was verified is known by its exact key from then on.
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 hit'
}

@test "a step that gives other files each time fails, with the path and why" {
  context
  echo 'RUN cat /proc/sys/kernel/random/uuid >/id' >>Dockerfile
  build
  refused 1 $'Dockerfile:6: --verify: RUN cat /proc/sys/kernel/random/uuid >/id was to be reused, and gave another content of /id\nnothing that it asked for changed' --verify
  build
  is "$(steps | tail -1)" "6 hit"
}

@test "with --no-cache there is nothing to verify" {
  context
  refused 2 "nothing would be reused" --verify --no-cache
}
