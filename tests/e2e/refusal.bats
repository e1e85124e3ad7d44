#!/usr/bin/env bats
# Bad input: the exit code, the file and line, and what was meant.
load helper

@test "unknown instruction and unknown flag, with a suggestion" {
  printf 'FROM bb\n\nRNU true\n' | dockerfile
  refused 2 $'Dockerfile:3:1\nRNU\ndid you mean RUN'
  printf 'FROM bb\nCOPY --chwon=1 a b\n' | dockerfile
  refused 2 $'Dockerfile:2:6\n--chwon\ndid you mean --chown'
  printf 'FROM bb\nRUN --mount=type=bnd,target=/x true\n' | dockerfile
  refused 2 $'Dockerfile:2\nbnd'
  run "$PGSTRATA" build --no-cahce .
  is "$status" 2
  has "$output" --no-cahce
}

@test "every verb gives its advice in the same form" {
  printf 'FROM bb\nCOPY nothere /x\n' | dockerfile
  refused 2 $'\nhint: check the path'
  run "$PGSTRATA" build
  has "$output" $'\nhint: '
  run "$PGSTRATA" run
  has "$output" $'\nhint: '
  run "$PGSTRATA" rmi nothere
  has "$output" $'\nhint: '
}

@test "missing COPY source, also below a stage" {
  printf 'FROM bb AS s\nCOPY nothere /x\n' | dockerfile
  refused 2 $'Dockerfile:2\nnothere'
  printf 'FROM bb AS s\nFROM scratch\nCOPY --from=s /nothere /x\n' | dockerfile
  refused 2 $'Dockerfile:3\nnothere'
}

@test "no context, a file as context, no Dockerfile, an empty one, one without FROM" {
  run "$PGSTRATA" build "$T/nowhere"
  is "$status" 2
  has "$output" "$T/nowhere: can't read the context directory: No such file or directory"
  touch "$T/file"
  run "$PGSTRATA" build "$T/file"
  is "$status" 2
  has "$output" "$T/file: can't read the context directory: Not a directory"
  refused 2 "$T/nowhere: can't read the directory of --build-context n" --build-context "n=$T/nowhere"
  refused 2 Dockerfile
  refused 2 other.Dockerfile -f other.Dockerfile
  : | dockerfile
  refused 2 Dockerfile
  printf '# only a comment\n' | dockerfile
  refused 2 Dockerfile
  printf 'RUN true\n' | dockerfile
  refused 2 Dockerfile:1
}

@test "an unreadable context and an unreadable Dockerfile" {
  [ "$(id -u)" -ne 0 ] || skip "root reads everything"
  printf 'FROM bb\n' | dockerfile
  chmod 0 Dockerfile
  refused 2 Dockerfile
  chmod 644 Dockerfile
  mkdir closed
  chmod 0 closed
  printf 'FROM bb\nCOPY . /\n' | dockerfile
  refused 2 closed
}

@test "bad --build-arg, --label, --secret, --output, --platform, --network, --progress, tag" {
  printf 'FROM bb\n' | dockerfile
  refused 2 "=x" --build-arg =x
  refused 2 "=x" --label =x
  refused 2 "src=" --secret src=
  refused 2 "true=false" --secret id=a,env=HOME,true=false
  refused 2 "nosuchfile" --secret id=a,src=nosuchfile
  refused 2 "type=rat" --output type=rat,dest=x
  refused 2 "nonsense" --platform nonsense/x/y/z
  refused 2 "bridge0" --network bridge0
  run "$PGSTRATA" build --progress loud .
  is "$status" 2
  has "$output" loud
  refused 2 "UPPER" -t UPPER
}

@test "unknown stage, unknown target, stages in a circle" {
  # No stage of that name: an image, and through a proxy that isn't there no registry can be reached.
  printf 'FROM bb AS build\nFROM scratch\nCOPY --from=biuld /x /\n' | dockerfile
  refused 1 $'Dockerfile:3\ncan\'t get the image biuld' --build-arg HTTPS_PROXY=http://localhost:1
  printf 'FROM bb AS build\n' | dockerfile
  refused 2 biuld --target biuld
  printf 'FROM bb AS a\nCOPY --from=b / /\nFROM a AS b\n' | dockerfile
  refused 2 $'Dockerfile:2\ndefined before'
  printf 'FROM bb AS a\nCOPY --from=a / /\n' | dockerfile
  refused 2 $'Dockerfile:\ncircular'
}

@test "no such base image: the FROM line, and what to do" {
  printf 'FROM bb AS x\nFROM nosuch/base:1\n' | dockerfile
  # Through a proxy that isn't there, also on a machine that reaches Docker Hub.
  refused 1 $'Dockerfile:2\ncan\'t get the image nosuch/base:1\nit isn\'t in the store, and docker.io can\'t be reached' \
    --build-arg HTTPS_PROXY=http://localhost:1
}

@test "malformed instructions: each with its line" {
  local line
  while IFS= read -r line; do
    printf 'FROM bb\n%b\n' "$line" | dockerfile
    refused 2 Dockerfile:2 || { echo "for: $line"; return 1; }
  done <<'LINES'
ENV a
COPY onlyone
EXPOSE notaport
STOPSIGNAL SIGNONE
HEALTHCHECK --interval=soon CMD true
HEALTHCHECK SOMETHING
RUN --network=moon true
RUN <<EOF\nnever ended
LABEL ="x"
ARG
MAINTAINER
ONBUILD FROM x
ONBUILD ONBUILD RUN x
SHELL notjson
COPY --chmod=worse a b
WORKDIR
USER
VOLUME
COPY --from=a --from=b x y
ADD --checksum=sha256:x f /
ENV a=${b
LINES
}

@test "RUN fails: exit 1, file and line, the exit code, the step's last output" {
  printf 'FROM bb\nRUN true\nRUN echo the last words; exit 7\n' | dockerfile
  refused 1 $'Dockerfile:3\nexit code 7\nthe last words'
  printf 'FROM bb\nRUN ["/no/such/program"]\n' | dockerfile
  refused 1 $'Dockerfile:2\n/no/such/program'
  printf 'FROM bb\nSHELL ["/no/shell", "-c"]\nRUN true\n' | dockerfile
  refused 1 $'Dockerfile:3\n/no/shell'
  is "$(leftovers)" ""
}

@test "RUN is killed: the signal is named" {
  # Its shell is the first process of a pid namespace, so only the machine can kill it: as an OOM killer does.
  printf 'FROM bb\nRUN exec sleep 4712.%s\n' "$BATS_TEST_NUMBER" | dockerfile
  (wait_until pgrep -f "^sleep 4712.$BATS_TEST_NUMBER\$" && pkill -9 -f "^sleep 4712.$BATS_TEST_NUMBER\$") &
  refused 1 $'Dockerfile:2\nsignal 9'
  # A child's death is the shell's business.
  printf 'FROM bb\nRUN sh -c "kill -9 \\$\\$"; [ $? = 137 ]\n' | dockerfile
  build
}

@test "an output that can't be written is named, and nothing half is left of it" {
  printf 'FROM bb\n' | dockerfile
  refused 2 /nowhere --output "type=tar,dest=$T/nowhere/x.tar"
  mkdir "$T/dir"
  refused 2 "$T/dir" --output "type=tar,dest=$T/dir"
  is "$(ls -A "$T/dir")" ""
}

@test "one error in one of two stages: the other one ends, one message" {
  printf 'FROM bb AS a\nRUN sleep 60\nFROM bb AS b\nRUN exit 9\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n' | dockerfile
  SECONDS=0
  refused 1 $'Dockerfile:4\nexit code 9'
  [ "$SECONDS" -lt 20 ]
  is "$(leftovers)" ""
}

@test "a store that can't be one" {
  printf 'FROM bb\n' | dockerfile
  touch "$T/plain"
  run "$PGSTRATA" --root "$T/plain" build .
  [ "$status" -ne 0 ]
  has "$output" "$T/plain"
}
