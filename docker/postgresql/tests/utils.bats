#!/usr/bin/env bats
# The functions of entrypoint.d/scripts/utils.

load helper

setup() {
  setup_scratch
  for util in "$IMAGE"/entrypoint.d/scripts/utils/*.sh; do source "$util"; done
}

@test "LOG_LEVEL decides which lines appear" {
  LOG_LEVEL=WARNING run log_info hello
  [ -z "$output" ]
  LOG_LEVEL=warning run log_error hello
  assert_has "$output" 'ERROR:  hello'
  LOG_LEVEL=DEBUG run log_debug hello
  [[ $output =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8}\.[0-9]{3}\ UTC\ \[[0-9]+\]\ DEBUG:\ \ hello$ ]]
}

@test "die says why and fails" {
  run die 'no such thing'
  [ "$status" -eq 1 ]
  assert_has "$output" 'ERROR:  no such thing'
}

@test "missing variables are named all at once" {
  ONE=1
  run require_variables ONE
  [ "$status" -eq 0 ]
  run require_variables ONE NO_TWO NO_THREE
  [ "$status" -eq 1 ]
  assert_has "$output" 'NO_TWO NO_THREE'
}

@test "missing programs are named all at once" {
  run require_commands bash
  [ "$status" -eq 0 ]
  run require_commands bash no-such-a no-such-b
  [ "$status" -eq 1 ]
  assert_has "$output" 'no-such-a no-such-b'
}

@test "a secret comes from its variable, its file or a mounted one" {
  export SECRETS_DIR=$SCRATCH/secrets
  mkdir "$SECRETS_DIR"
  run read_secret API_KEY
  [ "$status" -eq 1 ]
  assert_has "$output" API_KEY_FILE
  echo mounted >"$SECRETS_DIR/api_key"
  [ "$(read_secret API_KEY)" = mounted ]
  echo named >"$SCRATCH/file"
  [ "$(API_KEY_FILE=$SCRATCH/file read_secret API_KEY)" = named ]
  [ "$(API_KEY=direct read_secret API_KEY)" = direct ]
}

@test "what goes on in the background doesn't keep the password" {
  echo s3cret >"$SCRATCH/secret"
  exec 7<"$SCRATCH/secret"
  POSTGRES_PASSWORD_FILE=/proc/self/fd/7
  close_password
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ]
  [ ! -e /proc/self/fd/7 ]
}

@test "psql reads no .psqlrc and stops at the first error" {
  fake psql <<<'printf "<%s>" "$@"'
  run run_psql --dbname=x
  [ "$output" = '<--no-psqlrc><--no-password><--quiet><--set=ON_ERROR_STOP=1><--dbname=x>' ]
}
