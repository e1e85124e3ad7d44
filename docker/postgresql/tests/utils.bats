#!/usr/bin/env bats
# The functions of entrypoint.d/scripts/utils.

load helper

setup() {
  setup_scratch
  setup_container_home
  for util in "$IMAGE"/entrypoint.d/scripts/utils/*.sh; do source "$util"; done
  export PGCONFIG=$SCRATCH/config
  mkdir -p "$PGCONFIG"
}

@test "a template's variables are replaced, also several on a line, and the values taken as they are" {
  printf 'a = @ONE@, @TWO@\nmail@example.org @lower@\n' >"$SCRATCH/t"
  ONE='@TWO@ & \1 $HOME' TWO=2
  [ "$(render_template "$SCRATCH/t")" = $'a = @TWO@ & \\1 $HOME, 2\nmail@example.org @lower@' ]
}

@test "a template with an unset variable is an error that names both" {
  echo '@NO_SUCH@' >"$SCRATCH/t"
  run render_template "$SCRATCH/t"
  [ "$status" -eq 1 ]
  assert_has "$output" NO_SUCH
  assert_has "$output" "$SCRATCH/t"
}

@test "a rendered file replaces an older rendered one" {
  echo '# Rendered at each start: @WORD@' >"$CONTAINER_HOME/config/x.conf.template"
  WORD=one install_config x.conf
  WORD=two install_config x.conf
  [ "$(cat "$PGCONFIG/x.conf")" = '# Rendered at each start: two' ]
  [ "$(ls "$PGCONFIG")" = x.conf ]
}

@test "a file that a person wrote is kept" {
  echo '# Rendered at each start' >"$CONTAINER_HOME/config/x.conf.template"
  echo 'mine' >"$PGCONFIG/x.conf"
  run install_config x.conf
  [ "$status" -eq 0 ]
  assert_has "$output" keeping
  [ "$(cat "$PGCONFIG/x.conf")" = mine ]
}

@test "an empty file is kept too" {
  echo '# Rendered at each start' >"$CONTAINER_HOME/config/x.conf.template"
  : >"$PGCONFIG/x.conf"
  install_config x.conf
  [ ! -s "$PGCONFIG/x.conf" ]
}

@test "quotes are doubled for each kind of file" {
  [ "$(conf_quote "o'neil")" = "o''neil" ]
  [ "$(hba_quote 'a"b')" = 'a""b' ]
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

@test "a known user id runs a command as it is" {
  fake getent <<<'exit 0'
  run with_user_name bash -c 'echo "${LD_PRELOAD:-nothing}"; exit 3'
  [ "$status" -eq 3 ]
  [ "$output" = nothing ]
}

@test "an unknown user id gets a name for one command" {
  fake getent <<<'exit 2'
  fake find <<<"echo $SCRATCH/libnss_wrapper.so"
  export PGDATA=/data
  run with_user_name bash -c 'cat "$NSS_WRAPPER_PASSWD"; exit 4' 2>/dev/null
  [ "$status" -eq 4 ]
  assert_has "$output" "postgres:x:$(id -u):$(id -g):PostgreSQL:/data:"
}

@test "an unknown user id without the wrapper library is an explained error" {
  fake getent <<<'exit 2'
  fake find <<<''
  PGDATA=/data run with_user_name true
  [ "$status" -eq 1 ]
  assert_has "$output" libnss_wrapper
}
