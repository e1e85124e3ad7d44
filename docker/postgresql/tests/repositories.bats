#!/usr/bin/env bats
# A vendor's signed repository on loopback and the real apt, in folders of this test's own: what the fingerprint and the pins of
# setup/lib/repositories.sh are worth.

load helper

setup() {
  setup_scratch
  # gpg's agent has its socket here, and a socket's path is short.
  GNUPGHOME=$(mktemp -d /tmp/gnupg.XXXXXX)
  export APT_ETC=$SCRATCH/etc APT_CONFIG=$SCRATCH/apt.conf GNUPGHOME
  mkdir -p "$APT_ETC/"{sources.list.d,preferences.d,trusted.gpg.d} "$SCRATCH/state/lists/partial" \
    "$SCRATCH/cache/archives/partial" "$SCRATCH/www/dists/suite/main/binary-amd64"
  touch "$SCRATCH/state/status"
  # Proxies and sources of this machine are none of the test's. apt would go to its user, who can't read here.
  printf '%s;\n' "Dir::Etc \"$APT_ETC\"" "Dir::State \"$SCRATCH/state\"" "Dir::State::Status \"$SCRATCH/state/status\"" \
    "Dir::Cache \"$SCRATCH/cache\"" 'Dir::Etc::Parts "/dev/null"' 'APT::Architecture "amd64"' \
    'APT::Architectures { "amd64"; }' 'APT::Sandbox::User "root"' 'Acquire::http::Proxy "DIRECT"' >"$APT_CONFIG"
  python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$SCRATCH/www" >"$SCRATCH/http.log" 2>&1 3>&- &
  server=$!
  for _ in $(seq 100); do
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$SCRATCH/http.log")
    [[ -z $port ]] || break
    sleep 0.05
  done
  own=$(make_key vendor)
  make_repository vendor
  # shellcheck disable=SC2034
  REPOSITORY_vendor=("http://127.0.0.1:$port" suite main "$own" "http://127.0.0.1:$port/key.asc")
  source "$IMAGE/setup/lib/log.sh" && source "$IMAGE/setup/lib/repositories.sh"
}

teardown() {
  kill "$server"
  gpgconf --kill gpg-agent
  rm -rf "$GNUPGHOME"
}

# make_key NAME: prints its fingerprint.
make_key() {
  gpg --batch --quiet --passphrase '' --quick-generate-key "$1 <$1@example.org>" rsa2048 sign never 2>/dev/null
  gpg --quiet --list-keys --with-colons "$1" 2>/dev/null | awk -F : '$1 == "fpr" { print $10; exit }'
}

# make_repository KEY: packages `wanted` and `postgresql-13`, by their entries alone, signed.
make_repository() {
  local packages=main/binary-amd64/Packages name
  cd "$SCRATCH/www/dists/suite" || return
  for name in wanted postgresql-13; do
    printf 'Package: %s\nVersion: 9:99\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\n' "$name"
    printf 'Filename: pool/%s.deb\nSize: 1\nSHA256: %064d\nDescription: none\n\n' "$name" 0
  done >"$packages"
  {
    printf 'Suite: suite\nCodename: suite\nComponents: main\nArchitectures: amd64\nDate: %s\nSHA256:\n' "$(date -uR)"
    printf ' %s %s %s\n' "$(sha256sum "$packages" | cut -d ' ' -f 1)" "$(stat -c %s "$packages")" "$packages"
  } >Release
  gpg --batch --quiet --yes --local-user "$1" --clearsign --output InRelease Release
  gpg --armor --export >"$SCRATCH/www/key.asc"
  cd "$BATS_TEST_DIRNAME" || return
}

candidate() { apt-cache policy "$1" | sed -n 's/ *Candidate: //p'; }

@test "what the key with the fingerprint has signed is taken, and only the packages that are named" {
  use_repository vendor 500 wanted
  apt-get update
  [ "$(candidate wanted)" = 9:99 ]
  [ "$(candidate postgresql-13)" = '(none)' ]
}

@test "another key's signature is refused, although the vendor hands that key out as well" {
  make_key somebody
  make_repository somebody
  use_repository vendor 500 wanted
  run apt-get update
  [ "$status" -ne 0 ]
  assert_has "$output" 'is not signed'
  [ -z "$(candidate wanted)" ]
}

@test "an index that was changed after it was signed is refused" {
  sed -i 's/^Suite: suite$/Suite: other/' "$SCRATCH/www/dists/suite/InRelease"
  use_repository vendor 500 wanted
  run apt-get update
  [ "$status" -ne 0 ]
  assert_has "$output" 'invalid'
  [ -z "$(candidate wanted)" ]
}

@test "a list of packages that isn't the signed one is refused" {
  sed -i 's/^Version: 9:99$/Version: 9:66/' "$SCRATCH/www/dists/suite/main/binary-amd64/Packages"
  use_repository vendor 500 wanted
  run apt-get update
  [ "$status" -ne 0 ]
  [ -z "$(candidate wanted)" ]
}
