#!/usr/bin/env bats
# Holds docs/contracts/ against the program and the image's scripts.

load helper

setup_file() {
  export BASE=$BATS_FILE_TMPDIR
  use_pgstrata "$BASE/store"
  unset SOURCE_DATE_EPOCH DOCKER_HOST
  mkdir "$BASE/context"
  cp "$(command -v busybox)" "$BASE/context/busybox"
  printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n' >"$BASE/context/Dockerfile"
  pgstrata build -q -t base "$BASE/context"
}

teardown_file() { remove_store; }

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# dockerfile <<'END': the Dockerfile of this test's context.
dockerfile() {
  mkdir -p context
  cat >context/Dockerfile
}

# ---- build.md

# The names in the first column of the table of options.
documented_options() {
  sed -n '/^## Options/,/^## /p' "$PROJECT/docs/contracts/build.md" | grep '^| `-' | cut -d '|' -f 2 |
    grep -oE -- '-{1,2}[a-z][a-z-]*' | sort
}

# The names at the beginning of the lines below "Options:".
offered_options() {
  pgstrata build --help | sed -n '/^Options:/,$p' | grep -oE '^  -[^ ]+' | grep -oE -- '-{1,2}[a-z][a-z-]*' | sort
}

@test "build.md has every option of --help, and no other" {
  [ "$(documented_options | wc -l)" -ge 20 ]
  assert_equal "$(documented_options)" "$(offered_options)"
}

@test "exit code 0: done" {
  dockerfile <<<'FROM base'
  run -0 pgstrata build context
}

@test "exit code 1: a step failed, with file, line, code and last output" {
  dockerfile <<'END'
FROM base
RUN echo the last words; exit 7
END
  run -1 pgstrata build context
  assert_has "$output" 'context/Dockerfile:2'
  assert_has "$output" 'exit code 7'
  assert_has "$output" 'the last words'
}

@test "exit code 1: a step was killed" {
  dockerfile <<'END'
FROM base
RUN ["sh", "-c", "sh -c 'kill -9 $$'; exit $?"]
END
  run -1 pgstrata build context
  assert_has "$output" 'exit code 137'
}

@test "exit code 1: a base image that the store lacks, and no registry in reach" {
  dockerfile <<<'FROM no-such-image'
  run -1 pgstrata build --build-arg HTTPS_PROXY=http://localhost:1 context
  assert_has "$output" 'context/Dockerfile:1'
  assert_has "$output" no-such-image
}

@test "exit code 2: the command line is wrong" {
  dockerfile <<<'FROM base'
  run -2 pgstrata build --no-such-option context
  run -2 pgstrata build
  run -2 pgstrata build --output type=nothing context
  run -2 pgstrata build --secret nothing context
  run -2 pgstrata build --network nothing context
}

@test "exit code 2: the Dockerfile or the context is wrong, with its place" {
  run -2 pgstrata build nowhere
  assert_has "$output" "nowhere: can't read the context directory"
  dockerfile <<<$'FROM base\nCOPYY a b'
  run -2 pgstrata build context
  assert_has "$output" 'context/Dockerfile:2'
  dockerfile <<<$'FROM base\nCOPY missing /'
  run -2 pgstrata build context
  assert_has "$output" 'context/Dockerfile:2'
  assert_has "$output" missing
}

@test "exit code 3: the machine can't" {
  dockerfile <<<'FROM scratch'
  run -3 pgstrata --root /dev/null/store build context
  assert_has "$output" /dev/null/store
  assert_has "$output" --root
}

@test "exit code 130: stopped, and nothing is left running" {
  local signal pid status seconds=4711.$BASHPID # another run of this suite must not be taken for this one
  dockerfile <<<"FROM base
RUN echo started; sleep $seconds"
  for signal in INT TERM HUP; do
    # As a terminal's foreground job has it: a background job of a script would ignore SIGINT.
    env --default-signal=INT "$PGSTRATA" build --progress plain context >"log.$signal" 2>&1 3>&- &
    pid=$!
    until grep -qs ' started' "log.$signal"; do kill -0 "$pid"; sleep 0.02; done
    kill "-$signal" "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 130 ] || { echo "exit code $status after $signal" >&2; cat "log.$signal" >&2; return 1; }
    run ! pgrep -f "sleep $seconds"
  done
}

@test "nothing changed: the same ID, from -q and in the file of --iidfile" {
  dockerfile <<'END'
FROM base
RUN date >/made
LABEL a=b
END
  local first second
  first=$(pgstrata build -q context)
  second=$(pgstrata build -q --iidfile id context)
  [[ $first =~ ^sha256:[0-9a-f]{64}$ ]]
  assert_equal "$first" "$second"
  assert_equal "$(cat id)" "$first"
  [ "$(wc -c <id)" -eq 71 ]
}

@test "each output of build.md's table is made" {
  dockerfile <<<$'FROM base\nRUN echo content >/made'
  pgstrata build -q -o type=oci,dest=oci.tar -o type=oci,tar=false,dest=oci -o type=docker,dest=docker.tar \
    -o type=tar,dest=root.tar -o type=local,dest=root -o type=image,name=other -o bare context
  pgstrata build -q -o - context >dash.tar
  tar -tf oci.tar index.json oci-layout
  [ -f oci/index.json ]
  tar -tf docker.tar manifest.json
  assert_equal "$(tar -xOf root.tar ./made 2>/dev/null || tar -xOf root.tar made)" content
  assert_equal "$(cat root/made bare/made)" $'content\ncontent'
  pgstrata images | grep -q '^other '
  run ! pgstrata build -o type=image,name=other,push=true context
}

@test "nothing is written into the context" {
  dockerfile <<<$'FROM base\nCOPY . /all'
  chmod -R a-w context
  local before
  before=$(find context -printf '%p %i %T@ %C@\n')
  pgstrata build -q context
  assert_equal "$(find context -printf '%p %i %T@ %C@\n')" "$before"
  chmod -R u+w context
}

# ---- metadata.schema.json

validate() { # FILE
  /usr/bin/python3 - "$PROJECT/docs/contracts/metadata.schema.json" "$1" <<'END'
import json, sys
from jsonschema import Draft7Validator
schema, document = (json.load(open(name)) for name in sys.argv[1:])
Draft7Validator.check_schema(schema)
errors = list(Draft7Validator(schema).iter_errors(document))
for error in errors:
    print("/".join(map(str, error.path)) + ": " + error.message, file=sys.stderr)
sys.exit(bool(errors))
END
}

@test "the metadata of a build that has every status is what the schema says" {
  dockerfile <<'END'
FROM base AS first
COPY data /data
RUN cat /data >/dev/null && echo same >/made
FROM base
COPY --from=first /made /copied
WORKDIR /work
CMD ["true"]
END
  echo one >context/data
  pgstrata build -q -t meta:1 -t meta:2 --metadata-file first.json context
  echo two >context/data
  pgstrata build -q --metadata-file second.json context
  validate first.json
  validate second.json
  assert_equal "$(jq -r '."pgstrata.steps"[] | "\(.line) \(.status)"' first.json)" \
    $'1 hit\n2 ran\n3 ran\n5 ran\n6 ran\n7 config'
  assert_equal "$(jq -r '."pgstrata.steps"[] | "\(.line) \(.status)"' second.json)" \
    $'1 hit\n2 ran\n3 cut-off\n5 hit\n6 hit\n7 config'
  echo unread >context/other
  sed -i 's,^COPY data /data,COPY . /data,; s,cat /data,cat /data/data,' context/Dockerfile
  pgstrata build -q context
  echo changed >context/other
  pgstrata build -q --metadata-file third.json context
  validate third.json
  assert_equal "$(jq -r '."pgstrata.steps"[] | "\(.line) \(.status)"' third.json)" \
    $'1 hit\n2 ran\n3 rebased\n5 hit\n6 hit\n7 config'
  assert_equal "$(jq -r '."image.name"' first.json)" docker.io/library/meta:1,docker.io/library/meta:2
  assert_equal "$(jq 'has("image.name")' second.json)" false
}

@test "the schema refuses what isn't in the contract" {
  dockerfile <<<$'FROM base\nWORKDIR /w'
  pgstrata build -q --metadata-file good.json context
  local change
  for change in 'del(."containerimage.digest")' '.extra = 1' '."pgstrata.steps"[0].status = "skipped"' \
    '."pgstrata.steps"[0].line = 0' 'del(."pgstrata.steps"[0].reason)' '."containerimage.digest" = "abc"'; do
    jq "$change" good.json >bad.json
    run ! validate bad.json
  done
}

# ---- scripts.md

# The names in a section's first column.
# shellcheck disable=SC2016
promised() { # HEADING
  sed -n "/^## $1/,/^They must/p" "$PROJECT/docs/contracts/scripts.md" | grep '^| `' | cut -d '|' -f 2 |
    grep -oE '`[A-Za-z_]+`' | tr -d '`'
}

@test "a setup script gets what scripts.md promises" {
  local home=$BATS_TEST_TMPDIR/home name
  mkdir -p "$home/setup/scripts"
  cp -r "$PROJECT/docker/postgresql/"{setup.sh,versions} "$home/"
  cp -r "$PROJECT/docker/postgresql/setup/lib" "$home/setup/"
  echo 'scrub() { echo scrubbed; }' >"$home/setup/lib/scrub.sh" # the real one is for an image's root only
  {
    for name in $(promised 'Setup scripts'); do echo "declare -F $name >/dev/null || { echo no $name; exit 9; }"; done
    # shellcheck disable=SC2016
    echo 'say "options $-"; shopt -qo pipefail; : "$PG_MAJOR" "${POSTGRESQL_PACKAGES[0]}"'
  } >"$home/setup/scripts/50-mine.sh"
  run -0 env SETUP_ANYWHERE=yes "$home/setup.sh" 50-mine
  [[ $output =~ options\ [a-zA-Z]*e[a-zA-Z]*u ]]
  assert_equal "${lines[-1]}" scrubbed
}

@test "a setup script that fails ends the step, and nothing is scrubbed" {
  # shellcheck disable=SC2016
  local home=$BATS_TEST_TMPDIR/home ending not_set='echo "$NOT_SET"'
  mkdir -p "$home/setup/scripts"
  cp -r "$PROJECT/docker/postgresql/"{setup.sh,versions} "$home/"
  cp -r "$PROJECT/docker/postgresql/setup/lib" "$home/setup/"
  echo 'scrub() { echo scrubbed; }' >"$home/setup/lib/scrub.sh"
  for ending in 'fail "no such luck"' false 'false | cat' "$not_set"; do
    echo "$ending" >"$home/setup/scripts/50-mine.sh"
    run ! env SETUP_ANYWHERE=yes "$home/setup.sh" 50-mine
    [[ $output != *scrubbed* ]]
  done
}

# pg-entrypoint with the image's entrypoint.sh and utils, and with scripts of the test's own; as nobody, since it refuses
# root. A server of the test's own takes the place of postgres.
prepare_entrypoint() {
  home=$BATS_TEST_TMPDIR/container
  mkdir -p "$home/entrypoint.d/scripts/"{init,runtime} run fakes
  cp -r "$PROJECT/docker/postgresql/entrypoint.sh" "$home/"
  cp -r "$PROJECT/docker/postgresql/entrypoint.d/scripts/utils" "$home/entrypoint.d/scripts/"
  if [ -z "${PG_ENTRYPOINT:-}" ]; then
    cp -r "$PROJECT/docker/postgresql/pg-entrypoint" source
    make -s -C source -B
    PG_ENTRYPOINT=$PWD/source/pg-entrypoint
  fi
  cp -r "$PROJECT/docker/postgresql/config" "$home/"
  # A server that notes that it is ready, and ends once it has been told to let clients in.
  cat >fakes/postgres <<'END'
#!/bin/bash
trap 'echo "server started"; exit 0' HUP
printf '%s\n' $$ 2 3 4 5 6 7 ready >"$PGDATA/postmaster.pid"
while :; do sleep 0.02; done
END
  # What pg-entrypoint takes for a complete cluster.
  cat >fakes/initdb <<'END'
#!/bin/bash
for argument; do [[ $argument != --pgdata=* ]] || data=${argument#*=}; done
mkdir -p "$data/global"
echo 15 >"$data/PG_VERSION"
truncate -s 8192 "$data/global/pg_control"
END
  chmod 755 fakes/postgres fakes/initdb
}

entrypoint() {
  local as=()
  if ((EUID == 0)); then
    chown -R 65534:65534 "$BATS_TEST_TMPDIR"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "${BATS_TEST_TMPDIR%/*}" 2>/dev/null || true
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  fi
  env -i PATH="$PWD/fakes:$PATH" CONTAINER_HOME="$home" PGDATA="$PWD/data" PGCONFIG="$PWD/config" PGHOST="$PWD/run" \
    POSTGRES_PASSWORD=s3cret HEALTH_PORT=0 "${as[@]}" "$PG_ENTRYPOINT" postgres
}

@test "entrypoint scripts get what scripts.md promises" {
  prepare_entrypoint
  local name phase
  {
    # Names in capitals are variables, the others functions; those of the init phase alone are looked at in it.
    for name in $(promised 'Entrypoint scripts'); do
      case $name in
        POSTGRES_PASSWORD_FILE) ;;
        [A-Z]*) echo "[[ -v $name ]] || die no variable $name" ;;
        *) echo "declare -F $name >/dev/null || die no function $name" ;;
      esac
    done
    cat <<'END'
((EUID != 0)) || die "as root"
[[ $- == *e*u* ]] && shopt -qo pipefail || die "options are $-"
[[ $POSTGRES_USER == postgres && $LOG_LEVEL == INFO ]] || die "no defaults"
[[ ! -v POSTGRES_PASSWORD ]] || die "the password is a variable"
[[ ! -v SET_BEFORE ]] || die "a script before this one left a variable"
SET_BEFORE=yes
END
  } >both
  for phase in init runtime; do
    for name in 20-first 30-second; do cp both "$home/entrypoint.d/scripts/$phase/$name.sh"; done
  done
  # shellcheck disable=SC2016
  echo '[[ -d $PGDATA/.init-in-progress && $(<"$POSTGRES_PASSWORD_FILE") == s3cret ]] || die "not what init gets"' \
    >"$home/entrypoint.d/scripts/init/40-init.sh"
  echo '[[ ! -v POSTGRES_PASSWORD_FILE ]] || die "the runtime phase gets the password"' \
    >"$home/entrypoint.d/scripts/runtime/40-runtime.sh"
  run -0 entrypoint
  assert_has "$output" 'server started'
  [[ $output != *s3cret* ]]
}

@test "an entrypoint script that fails ends the container with 70 and is named" {
  prepare_entrypoint
  # shellcheck disable=SC2016
  local ending not_set='echo "$NOT_SET"'
  for ending in 'exit 3' 'die "no such luck"' 'false | cat' "$not_set"; do
    echo "$ending" >"$home/entrypoint.d/scripts/runtime/20-mine.sh"
    echo 'log_info "not reached"' >"$home/entrypoint.d/scripts/runtime/30-later.sh"
    run -70 entrypoint
    assert_has "$output" runtime/20-mine.sh
    [[ $output != *'not reached'* && $output != *'server started'* ]]
  done
}
