# Once for all files: the program under test, and a store that holds a base image "bb" of nothing but busybox.
# shellcheck shell=bash

setup_suite() {
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  unset SOURCE_DATE_EPOCH XDG_DATA_HOME
  umask 022
  E2E=$(mktemp -d "${TMPDIR:-/tmp}/pgstrata-e2e.XXXXXX")
  chmod 755 "$E2E"
  # A copy: what a compiler writes meanwhile, or a plain user can't reach, doesn't matter.
  cp "${PGSTRATA:-$here/../../build/release/src/pgstrata}" "$E2E/pgstrata"
  export E2E PGSTRATA="$E2E/pgstrata"
  make_seed "$E2E/busybox" >"$E2E/seed.log" 2>&1 || { cat "$E2E/seed.log" >&2; return 1; }
}

make_seed() {
  mkdir -p "$1/bin"
  cp /bin/busybox "$1/bin/"
  cat >"$1/Dockerfile" <<'DOCKERFILE'
FROM scratch
COPY bin /bin
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p -m 1777 /tmp && mkdir -p /etc /root \
 && printf 'root:x:0:0::/root:/bin/sh\napp:x:77:78::/home/app:/bin/sh\n' >/etc/passwd \
 && printf 'root:x:0:\napp:x:78:\nextra:x:79:app\n' >/etc/group
DOCKERFILE
  "$PGSTRATA" --root "$E2E/seed" build -t bb "$1"
}

teardown_suite() { remove_tree "$E2E"; }

# Layers of a plain user's store belong to ids that only a user namespace knows.
remove_tree() { rm -rf "$1" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$1"; }
