#!/usr/bin/env bats
# A store that was damaged or lost power: what is wrong is built again, never served.
load helper

blob_of() { "$PGSTRATA" inspect t | jq -r ".[0].RootFS.Layers[$1]" | sed "s,sha256:,$PGSTRATA_ROOT/blobs/sha256/,"; }
two_layers() {
  printf 'FROM bb\nRUN echo first >/1; dd if=/dev/zero of=/pad bs=1k count=64\nRUN cat /1 >/2\n' | dockerfile
  build
  first=$(blob_of -2)
}
right() {
  root_tar
  is "$(content 1)" first
  is "$(content 2)" first
}

@test "a truncated, an emptied and a missing blob" {
  for damage in 'truncate -s 1000' 'truncate -s 0' 'rm -f'; do
    two_layers
    chmod u+w "$first"
    $damage "$first"
    right
    lacks "$(steps)" "2 hit"
    has "$(reason 2)" "no longer in the store"
  done
}

@test "a missing and a cut change set, and unpacked layers that are gone" {
  two_layers
  rm "$PGSTRATA_ROOT/changes/$(basename "$first")"
  right
  rm -rf "$PGSTRATA_ROOT/unpacked"
  sed -i 's,/2$,/3; cp /3 /2,' Dockerfile
  right
  rm -rf "$PGSTRATA_ROOT/stat-cache"
  right
}

@test "an index of another format, of garbage, cut short, missing" {
  two_layers
  for damage in 'truncate -s 4096' 'truncate -s 10' 'truncate -s 0' 'rm -f' 'dd if=/dev/urandom bs=1k count=40 status=none of='; do
    rm -f "$PGSTRATA_ROOT"/index.db-*
    case $damage in
      dd*) ${damage}"$PGSTRATA_ROOT/index.db" ;;
      *) $damage "$PGSTRATA_ROOT/index.db" ;;
    esac
    "$PGSTRATA" --root "$PGSTRATA_ROOT" build -t bb "$E2E/busybox" || true
    right || { echo "after: $damage"; return 1; }
  done
}

# As if the machine had lost power after the build: all rows belong to another boot.
reboot_store() {
  python3 - "$PGSTRATA_ROOT/index.db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE layer SET boot = 'an-earlier-boot'")
db.execute("UPDATE boot SET id = 'an-earlier-boot'")
db.commit()
P
}

@test "after a reboot: a blob with its size but not its bytes is noticed, and so is an unpacked layer" {
  two_layers
  reboot_store
  chmod u+w "$first"
  # What a power cut leaves of a file that was never synced: the length, and zeros.
  local size
  size=$(stat -c %s "$first")
  truncate -s 0 "$first"
  truncate -s "$size" "$first"
  right
  is "$(steps | head -2)" $'1 hit\n2 ran'
  reboot_store
  find "$PGSTRATA_ROOT/unpacked" -name 1 -exec truncate -s 0 {} +
  printf 'RUN cat /1 >/3\n' >>Dockerfile
  right
  is "$(content 3)" first
}

@test "after a reboot: a layer that had reached the disk, and was unpacked since" {
  two_layers
  python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute("UPDATE layer SET boot = NULL"); db.commit()' \
    "$PGSTRATA_ROOT/index.db"
  find "$PGSTRATA_ROOT/unpacked" -name 1 -exec truncate -s 0 {} +
  ln -sfn an-earlier-boot "$PGSTRATA_ROOT/boot"
  rm -f "$PGSTRATA_ROOT/synced"
  printf 'RUN cat /1 >/3\n' >>Dockerfile
  root_tar
  is "$(content 3)" first
}

@test "after a reboot: layers with files of other ids" {
  printf 'FROM bb\nRUN mkdir /d && echo first >/d/1 && chown -R 77:78 /d && chmod 700 /d\nRUN cat /d/1 >/2\n' | dockerfile
  build
  reboot_store
  build
  reboot_store
  sed -i 's,/2$,/3,' Dockerfile
  root_tar
  is "$(content 3)" first
  is "$(find "$PGSTRATA_ROOT/tmp" -mindepth 1 -maxdepth 1)" ""
}

@test "after a reboot that damaged nothing: all hits" {
  two_layers
  reboot_store
  right
  is "$(steps | grep -v hit)" ""
}

@test "a damaged stat cache never hides an edit" {
  echo 1 >f
  printf 'FROM scratch\nCOPY f /\n' | dockerfile
  build
  local file
  for file in "$PGSTRATA_ROOT"/stat-cache/*; do printf 'garbage' | dd of="$file" conv=notrunc bs=1 seek=20 status=none; done
  echo 2 >f
  root_tar
  is "$(content f)" 2
}
