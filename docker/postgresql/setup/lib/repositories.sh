# shellcheck shell=bash
# Repositories besides the base's own. Each is trusted for one key, known by its fingerprint, and in force for one step
# of the build: what is left in the image are the base's own sources.

APT_ETC=${APT_ETC:-/etc/apt}
APT_HELPER=${APT_HELPER:-/usr/lib/apt/apt-helper}

# use_repository NAME PRIORITY [PATTERN...]: REPOSITORY_NAME of the version set, which is (URI SUITE COMPONENT
# FINGERPRINT URL-OF-THE-KEY). Only packages that a PATTERN matches are taken from it, all without any. The secret
# `repositories`, sources as apt has them, takes the place of all such repositories.
use_repository() {
  local name=$1 priority=$2
  local -n repository=REPOSITORY_$name
  shift 2
  if [[ -s $APT_ETC/sources.list.d/repositories.sources ]]; then
    say "in place of ${repository[0]}: the repositories of the build's secret"
    return
  fi
  # Without certificates apt trusts no https; the base's own repository brings them.
  if [[ ${repository[0]}${repository[4]} == *https:* && ! -s /etc/ssl/certs/ca-certificates.crt ]]; then
    install_packages ca-certificates
  fi
  fetch_key "$name" "${repository[4]}" "${repository[0]}" "$@"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' "${repository[@]:0:4}" \
    >"$APT_ETC/sources.list.d/$name.sources"
  pin_repository "${repository[0]}" "$priority" "$@" >"$APT_ETC/preferences.d/$name"
}

# fetch_key NAME URL URI [PATTERN...]: a key, armored or not, or a package with keyrings. Whatever came, apt's Signed-By holds the
# repository to the one fingerprint. What a whole set needs ($wanted) can't be left out.
fetch_key() {
  local name=$1 url=$2 uri=$3 file keyring way=" or choose another VERSION_SET"
  shift 3
  file=$(mktemp)
  (($# == 0)) || way=" choose another VERSION_SET, or leave its component out with --build-arg WITHOUT=NAME"
  "$APT_HELPER" -qq download-file "$url" "$file" ||
    fail "the key of the repository $uri (for ${*:-${wanted:-every package}}) can't be had from $url. Give another repository by" \
      "--secret id=repositories,$way"
  keyring=$APT_ETC/trusted.gpg.d/$name.gpg
  if [[ $url == *.deb ]]; then
    dpkg-deb --fsys-tarfile "$file" | tar --extract --to-stdout --wildcards '*.gpg' >"$keyring"
  elif grep -q '^-----BEGIN PGP' "$file"; then
    keyring=${keyring%.gpg}.asc
    cp "$file" "$keyring"
  else
    cp "$file" "$keyring"
  fi
  chmod 0644 "$keyring"
  rm "$file"
}

pin_repository() {
  local host=${1#*://} priority=$2
  host=${host%%/*}
  host=${host##*@}
  [[ ! $host =~ :[0-9]+$ ]] || host=${host%:*} # apt's origins have no ports: such a pin would match nothing
  shift 2
  # Of packages that it isn't asked for, a vendor's build must never take the place of Debian's or PGDG's.
  if (($# > 0)); then
    printf 'Package: *\nPin: origin "%s"\nPin-Priority: -1\n\n' "$host"
  else
    set -- '*'
  fi
  printf 'Package: %s\nPin: origin "%s"\nPin-Priority: %s\n' "$*" "$host" "$priority"
}

# A suite whose Release file is past its date, for good: taken all the same. Other suites still have to be fresh.
accept_expired() {
  local file
  for file in "$APT_ETC/sources.list" "$APT_ETC"/sources.list.d/*.list; do
    [[ -w $file ]] || continue
    sed -i -E "/ $1 /s/^deb (\\[[^]]*\\] )?/deb [check-valid-until=no] /" "$file"
  done
}

# scrub calls it.
drop_repositories() {
  local name
  for name in "${!REPOSITORY_@}"; do
    name=${name#REPOSITORY_}
    rm -f "$APT_ETC/sources.list.d/$name.sources" "$APT_ETC/preferences.d/$name" "$APT_ETC/trusted.gpg.d/$name".{gpg,asc}
  done
}
