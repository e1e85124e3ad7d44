#!/usr/bin/env bats
# setup.sh and the functions of setup/lib, with every program that would change the machine replaced.

load helper

setup() {
  setup_scratch
  export APT_CACHE=$SCRATCH/cache
  fake apt-get <<'BODY'
echo "${@: -1} | $*" >>"$SCRATCH/apt.log"
BODY
}

use_lib() { source "$IMAGE/setup/lib/log.sh" && source "$IMAGE/setup/lib/$1.sh"; }

# setup.sh with stubs for what it would do.
setup_home() {
  mkdir -p "$SCRATCH/home/setup/lib" "$SCRATCH/home/setup/scripts" "$SCRATCH/home/versions"
  cp "$IMAGE/setup.sh" "$SCRATCH/home/"
  cp "$IMAGE/setup/lib/log.sh" "$SCRATCH/home/setup/lib/"
  printf 'scrub() { echo scrubbed; }\ninstall_packages() { echo "packages: $*"; }\n' >"$SCRATCH/home/setup/lib/stub.sh"
  echo 'NUMBER=7' >"$SCRATCH/home/versions/debian12"
  echo 'echo "second $NUMBER"' >"$SCRATCH/home/setup/scripts/20-second.sh"
  echo 'echo "first $NUMBER"' >"$SCRATCH/home/setup/scripts/10-first.sh"
  export SETUP_ANYWHERE=yes
}

@test "setup.sh refuses to run outside of an image" {
  run "$IMAGE/setup.sh"
  [ "$status" -eq 1 ]
  assert_has "$output" "image's build"
}

@test "setup.sh runs all scripts in order, with the version set, and scrubs once" {
  setup_home
  run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 0 ]
  [ "$(grep -v '^setup:' <<<"$output")" = $'first 7\nsecond 7\nscrubbed' ]
}

@test "setup.sh runs one script alone" {
  setup_home
  run "$SCRATCH/home/setup.sh" 20-second
  [ "$(grep -v '^setup:' <<<"$output")" = $'second 7\nscrubbed' ]
}

@test "setup.sh names a script that doesn't exist" {
  setup_home
  run "$SCRATCH/home/setup.sh" 99-none
  [ "$status" -eq 1 ]
  assert_has "$output" "99-none.sh"
}

@test "setup.sh names a version set that doesn't exist" {
  setup_home
  VERSION_SET=none run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 1 ]
  assert_has "$output" "versions/none"
}

@test "setup.sh ends with the failing script's error and does not scrub" {
  setup_home
  echo 'false' >"$SCRATCH/home/setup/scripts/15-broken.sh"
  run "$SCRATCH/home/setup.sh"
  [ "$status" -ne 0 ]
  assert_lacks "$output" second
  assert_lacks "$output" scrubbed
}

@test "WITHOUT leaves out components by name" {
  setup_home
  WITHOUT="third second" run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 0 ]
  assert_has "$output" 'first 7'
  assert_has "$output" 'leaving out 20-second'
  assert_lacks "$output" 'second 7'
}

@test "setup.sh --packages installs just these" {
  setup_home
  run "$SCRATCH/home/setup.sh" --packages g++-12 make
  assert_has "$output" "packages: g++-12 make"
}

@test "every set in versions/ defines what the scripts use" {
  for set_file in "$IMAGE"/versions/*; do
    # shellcheck source=/dev/null
    (set -eu && source "$set_file" &&
      : "$PG_MAJOR" "${POSTGRESQL_PACKAGES[0]}" "${PATRONI_PACKAGES[0]}" "${PGBACKREST_PACKAGES[0]}" "${DECODERBUFS_PACKAGES[0]}" \
      "$PYTHON" "${CITUS_PACKAGES[0]}" "${REPOSITORY_citus[4]}" "${PG_STAT_MONITOR_PACKAGES[0]}" "${REPOSITORY_percona[4]}")
  done
}

@test "the index is fetched once, however many installs there are" {
  use_lib apt
  install_packages one
  install_packages two
  [ "$(grep -c '^update ' "$SCRATCH/apt.log")" -eq 1 ]
  [ "$(cut -d ' ' -f 1 "$SCRATCH/apt.log" | paste -sd ' ')" = "update one two" ]
}

@test "an index that is too old is fetched again" {
  use_lib apt
  install_packages one
  touch -d '3 hours ago' "$APT_CACHE"/index-*/stamp
  install_packages two
  [ "$(grep -c '^update ' "$SCRATCH/apt.log")" -eq 2 ]
}

@test "stages that install at the same time fetch one index and don't wait for each other's install" {
  fake apt-get <<'BODY'
echo "${@: -1}" >>"$SCRATCH/apt.log"
if [[ ${@: -1} == update ]]; then sleep 0.3; exit; fi
touch "$SCRATCH/installing-${@: -1}"
for ((i = 0; i < 100; i++)); do # each one ends only once both are installing
  [[ -e $SCRATCH/installing-one && -e $SCRATCH/installing-two ]] && exit 0
  sleep 0.05
done
exit 1
BODY
  (use_lib apt; SETUP_STAGE=a install_packages one) &
  local first=$!
  (use_lib apt; SETUP_STAGE=b install_packages two) &
  wait "$first"
  wait $!
  [ "$(grep -c update "$SCRATCH/apt.log")" -eq 1 ]
}

@test "packages are installed without recommends, documentation or questions" {
  use_lib apt
  install_packages 'patroni=3.0.2-*'
  line=$(tail -n 1 "$SCRATCH/apt.log")
  assert_has "$line" 'APT::Install-Recommends=false'
  assert_has "$line" 'path-exclude=/usr/share/doc/*'
  assert_has "$line" 'install -y patroni=3.0.2-*'
}

@test "a failing apt-get fails the step" {
  fake apt-get <<<'exit 100'
  use_lib apt
  run bash -euo pipefail -c "source '$IMAGE/setup/lib/log.sh'; source '$IMAGE/setup/lib/apt.sh'; install_packages x; echo not reached"
  [ "$status" -eq 100 ]
  assert_lacks "$output" "not reached"
  assert_has "$output" '--secret id=repositories'
}

@test "a package that can't be had is named, with the ways out" {
  fake apt-get <<<'[[ ${@: -1} == update || ${@: -1} == there ]]'
  run bash -euo pipefail -c "source '$IMAGE/setup/lib/log.sh'; source '$IMAGE/setup/lib/apt.sh'; install_packages there missing=1.2-*"
  [ "$status" -ne 0 ]
  assert_has "$output" "the package missing=1.2-* can't be had"
  assert_has "$output" WITHOUT
  assert_lacks "$output" 'package there'
}

@test "scrubbing gives new accounts the day of root's" {
  use_lib scrub
  export SHADOW_FILE=$SCRATCH/shadow
  printf 'root:*:20228:0:99999:7:::\npostgres:!:20780::::::\n' >"$SHADOW_FILE"
  scrub_password_dates
  [ "$(cat "$SHADOW_FILE")" = $'root:*:20228:0:99999:7:::\npostgres:!:20228::::::' ]
}

@test "scrubbing does not touch a shadow file that is right" {
  use_lib scrub
  export SHADOW_FILE=$SCRATCH/shadow
  printf 'root:*:20228:0:99999:7:::\n' >"$SHADOW_FILE"
  touch -d '2020-01-01' "$SHADOW_FILE"
  scrub_password_dates
  [ "$(stat -c %Y "$SHADOW_FILE")" = "$(date -d '2020-01-01' +%s)" ]
}

@test "the package cache is removed, unless it is a mount" {
  use_lib scrub
  mkdir -p "$SCRATCH/plain" "$SCRATCH/mounted"
  fake mountpoint <<<'[[ $2 == */mounted ]]'
  scrub_unmounted "$SCRATCH/plain"
  scrub_unmounted "$SCRATCH/mounted"
  [ ! -e "$SCRATCH/plain" ]
  [ -e "$SCRATCH/mounted" ]
}

@test "a stubbed program does nothing during the command and is removed afterwards" {
  use_lib divert
  fake dpkg-divert <<<'echo "$*" >>"$SCRATCH/divert.log"'
  with_stub "$SCRATCH/bin/tool" cp "$SCRATCH/bin/tool" "$SCRATCH/seen"
  run "$SCRATCH/seen"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  [ ! -e "$SCRATCH/bin/tool" ]
  assert_has "$(head -n 1 "$SCRATCH/divert.log")" --add
  assert_has "$(tail -n 1 "$SCRATCH/divert.log")" --remove
}

# A version set's repository, and an apt of this test's own.
setup_repository() {
  export APT_ETC=$SCRATCH/etc APT_HELPER=$FAKES/apt-helper
  mkdir -p "$APT_ETC/"{sources.list.d,preferences.d,trusted.gpg.d}
  fake apt-helper <<<'echo "$3" >>"$SCRATCH/fetched"; printf -- "-----BEGIN PGP PUBLIC KEY BLOCK-----\n" >"$4"'
  # shellcheck disable=SC2034
  REPOSITORY_vendor=(http://vendor.example/debian/ suite main 0123456789ABCDEF http://vendor.example/key)
  use_lib repositories
}

@test "a vendor's repository: trusted for the key with the fingerprint, and only for its own packages" {
  setup_repository
  use_repository vendor 500 one two
  [ "$(cat "$SCRATCH/fetched")" = http://vendor.example/key ]
  [ -s "$APT_ETC/trusted.gpg.d/vendor.asc" ]
  assert_has "$(cat "$APT_ETC/sources.list.d/vendor.sources")" 'Signed-By: 0123456789ABCDEF'
  assert_has "$(cat "$APT_ETC/preferences.d/vendor")" $'Package: *\nPin: origin "vendor.example"\nPin-Priority: -1'
  assert_has "$(cat "$APT_ETC/preferences.d/vendor")" $'Package: one two\nPin: origin "vendor.example"\nPin-Priority: 500'
  drop_repositories
  [ -z "$(find "$APT_ETC" -type f)" ]
}

@test "a repository for every package is pinned as a whole" {
  setup_repository
  use_repository vendor 600
  [ "$(cat "$APT_ETC/preferences.d/vendor")" = $'Package: *\nPin: origin "vendor.example"\nPin-Priority: 600' ]
}

@test "a key may come in a package" {
  setup_repository
  REPOSITORY_vendor[4]=http://vendor.example/keyring.deb
  mkdir -p "$SCRATCH/deb/DEBIAN" "$SCRATCH/deb/usr/share/keyrings"
  printf 'Package: keyring\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: none\n' \
    >"$SCRATCH/deb/DEBIAN/control"
  echo 'the key' >"$SCRATCH/deb/usr/share/keyrings/vendor.gpg"
  dpkg-deb --build "$SCRATCH/deb" "$SCRATCH/keyring.deb" >/dev/null
  fake apt-helper <<<'cp "$SCRATCH/keyring.deb" "$4"'
  use_repository vendor 500 one
  [ "$(cat "$APT_ETC/trusted.gpg.d/vendor.gpg")" = 'the key' ]
}

@test "a repository that can't be reached is named, with the ways out" {
  setup_repository
  fake apt-helper <<<'exit 100'
  run use_repository vendor 500 one
  [ "$status" -eq 1 ]
  assert_has "$output" 'http://vendor.example/debian/ (for one)'
  assert_has "$output" http://vendor.example/key
  assert_has "$output" '--secret id=repositories'
}

@test "a set's repository that can't be reached: the packages that it is wanted for; leaving them out is no way" {
  setup_repository
  use_lib apt
  fake apt-helper <<<'exit 100'
  REPOSITORIES=vendor
  run use_repositories_of_the_set postgresql-16 patroni
  [ "$status" -eq 1 ]
  assert_has "$output" 'http://vendor.example/debian/ (for postgresql-16 patroni)'
  assert_has "$output" 'or choose another VERSION_SET'
  assert_lacks "$output" WITHOUT
}

@test "the repositories of the build's secret take the place of all others" {
  setup_repository
  echo 'Types: deb' >"$APT_ETC/sources.list.d/repositories.sources"
  use_repository vendor 500 one
  [ ! -e "$SCRATCH/fetched" ]
  [ ! -e "$APT_ETC/sources.list.d/vendor.sources" ]
}

@test "the repositories of a set are put in force by the step that installs, once, and by no other" {
  setup_home
  rm "$SCRATCH/home/setup/lib/stub.sh"
  cp "$IMAGE"/setup/lib/*.sh "$SCRATCH/home/setup/lib/"
  printf 'scrub() { :; }\nuse_repository() { echo "in force: $*"; }\n' >"$SCRATCH/home/setup/lib/stub.sh"
  echo 'NUMBER=7; REPOSITORIES="one two"' >"$SCRATCH/home/versions/debian12"
  run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 0 ]
  assert_lacks "$output" 'in force' # such a step has no secret that would take their place
  echo 'install_packages a; install_packages b' >"$SCRATCH/home/setup/scripts/20-second.sh"
  run "$SCRATCH/home/setup.sh"
  [ "$(grep 'in force' <<<"$output")" = $'in force: one 600\nin force: two 600' ]
}

@test "an expired suite is accepted, and no other" {
  setup_repository
  printf 'deb http://a bullseye main\ndeb http://b bullseye-security main\n' >"$APT_ETC/sources.list"
  accept_expired bullseye-security
  [ "$(cat "$APT_ETC/sources.list")" = $'deb http://a bullseye main\ndeb [check-valid-until=no] http://b bullseye-security main' ]
}

@test "what the version set leaves out is put in by WITH" {
  setup_home
  echo 'LEFT_OUT="first second"; NUMBER=7' >"$SCRATCH/home/versions/debian12"
  WITH=second run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 0 ]
  assert_has "$output" 'leaving out 10-first'
  assert_has "$output" 'second 7'
}

@test "a version set of another major version than the image is being built for is refused" {
  setup_home
  echo 'PG_MAJOR=13; NUMBER=7' >"$SCRATCH/home/versions/debian12"
  PG_MAJOR=15 run "$SCRATCH/home/setup.sh"
  [ "$status" -eq 1 ]
  assert_has "$output" '--build-arg PG_MAJOR=13'
}
