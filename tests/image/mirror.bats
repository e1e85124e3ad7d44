#!/usr/bin/env bats
# No image names the machine's mirror or proxy: neither the bootstrapped base nor what was built on it with apt-get.

load helper

setup_file() {
  hosts >"$WORK/hosts"
  [ -s "$WORK/hosts" ] || skip "apt reaches no mirror through a network here"
  mkdir "$WORK/base-context"
  echo 'FROM debian:bookworm-slim' >"$WORK/base-context/Dockerfile"
  "$PGSTRATA" build --progress plain --output "type=local,dest=$WORK/base-tree" "$WORK/base-context" 2>&1
  build_image "$WORK/context" --output "type=local,dest=$WORK/pg-tree"
}

# By apt's own account, and as the program is told otherwise. A name without a dot is a common word: only as //name.
hosts() {
  {
    # shellcheck disable=SC2016 # apt expands it
    apt-get indextargets --format '$(REPO_URI)'
    apt-config dump | grep -E '^Acquire::.*Proxy.* "[a-z]+:'
    echo "${PGSTRATA_APT_MIRROR:-}"
  } | sed -nE 's,.*[a-z]://([^/@]*@)?([^]/:"]+).*,\2,p' | sort -u | sed '/[.]/!s,^,//,'
}

# names_hosts TREE: its files that have a host in their name or their text, but for Debian's own: what dpkg's lists
# say came in a package.
names_hosts() {
  (
    cd "$1" || exit
    {
      find . -print | grep -F -f "$WORK/hosts"
      grep -rlF --devices=skip -f "$WORK/hosts" .
    } | cut -c 2- | sort -u | comm -23 - <(sort -u var/lib/dpkg/info/*.list)
  )
}

@test "the base image names no host of the machine's apt configuration" {
  [ -s "$WORK/base-tree/var/lib/dpkg/status" ]
  run names_hosts "$WORK/base-tree"
  [ -z "$output" ] || { echo "$output"; false; }
  "$PGSTRATA" inspect debian:bookworm-slim >"$WORK/base.json"
  run grep -F -f "$WORK/hosts" "$WORK/base.json"
  [ "$status" -eq 1 ]
}

@test "nor does an image that was built with apt-get" {
  [ -x "$WORK/pg-tree/usr/lib/postgresql/15/bin/postgres" ]
  run names_hosts "$WORK/pg-tree"
  [ -z "$output" ] || { echo "$output"; false; }
  "$PGSTRATA" inspect pg >"$WORK/pg.json"
  run grep -F -f "$WORK/hosts" "$WORK/pg.json"
  [ "$status" -eq 1 ]
}
