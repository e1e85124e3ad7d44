#!/usr/bin/env bats
# The forms an image leaves the store in, read by other programs.
load helper

small_image() {
  printf 'FROM bb\nRUN mkdir /d && echo hello >/d/f && rm /etc/group\nLABEL l=v\nCMD ["cat", "/d/f"]\n' | dockerfile
}

@test "oci: an archive and a directory; skopeo and umoci read them; sums and sizes are right" {
  small_image
  build --output "type=oci,dest=$T/t.tar" --output "type=oci,dest=$T/layout,tar=false"
  is "$(skopeo inspect "oci-archive:$T/t.tar" | jq -r .Labels.l)" v
  is "$(skopeo inspect --raw "oci:$T/layout" | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
  # skopeo checks every digest and size while it copies.
  skopeo copy "oci:$T/layout" "dir:$T/copied"
  umoci ls --layout "$T/layout"
  umoci unpack --rootless --image "$T/layout:latest" "$T/bundle"
  is "$(cat "$T/bundle/rootfs/d/f")" hello
  [ ! -e "$T/bundle/rootfs/etc/group" ]
  # Decompressed, each layer is what the configuration calls it.
  local blob
  for blob in $(jq -r '.manifests[0].digest' "$T/layout/index.json"); do
    jq -r '.layers[].digest' "$T/layout/blobs/sha256/${blob#sha256:}" | while read -r layer; do
      zcat -f "$T/layout/blobs/sha256/${layer#sha256:}" | sha256sum | cut -c1-64
    done >"$T/diff-ids"
  done
  is "$(sed s,^,sha256:, "$T/diff-ids")" "$(skopeo inspect --config "oci:$T/layout" | jq -r '.rootfs.diff_ids[]')"
}

@test "oci with zstd and without compression" {
  small_image
  for compression in zstd uncompressed gzip; do
    build --output "type=oci,dest=$T/$compression.tar,compression=$compression"
    skopeo copy "oci-archive:$T/$compression.tar" "dir:$T/$compression"
    is "$(skopeo inspect --config "oci-archive:$T/$compression.tar" | jq -r .config.Cmd[0])" cat
  done
}

@test "gzip in several members: gzip, pigz, tars, python, skopeo, umoci and our own import read all of it" {
  seq 600000 >"$T/context/numbers"
  printf 'FROM scratch\nCOPY numbers /\n' | dockerfile
  build --output "type=oci,dest=$T/layout,tar=false"
  local manifest layer sum program
  manifest=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
  layer=$T/layout/blobs/sha256/$(jq -r '.layers[0].digest[7:]' "$T/layout/blobs/sha256/${manifest#sha256:}")
  is "$(python3 - "$layer" <<'PYTHON'
import sys, zlib
rest, members = open(sys.argv[1], "rb").read(), 0
while rest:
    member = zlib.decompressobj(31)
    member.decompress(rest)
    assert member.eof
    rest, members = member.unused_data, members + 1
print(members)
PYTHON
)" 4
  sum=$(sha256sum <numbers)
  gzip -t "$layer"
  for program in "gzip -dc" "pigz -dc" "bsdtar -cf - --format=pax @-"; do
    is "$($program <"$layer" | tar -xOf - numbers | sha256sum)" "$sum"
  done
  is "$(tar -xOzf "$layer" numbers | sha256sum)" "$sum"
  is "$(python3 -c 'import sys, tarfile; sys.stdout.buffer.write(tarfile.open(sys.argv[1]).extractfile("numbers").read())' "$layer" |
    sha256sum)" "$sum"
  # Compressed anew, so read whole; the configuration's DiffIDs are checked on the way.
  skopeo copy -q --dest-compress-format zstd "oci:$T/layout:latest" "oci:$T/copied:latest"
  umoci unpack --rootless --image "$T/layout:latest" "$T/bundle"
  is "$(sha256sum <"$T/bundle/rootfs/numbers")" "$sum"
  printf 'FROM theirs\n' | dockerfile
  PGSTRATA_ROOT=$T/other root_tar --build-context "theirs=oci-layout://$T/layout"
  is "$(content numbers | sha256sum)" "$sum"
}

@test "docker: the archive has manifest.json, its tags, and skopeo reads it" {
  small_image
  build -t second:tag --output "type=docker,dest=$T/d.tar"
  is "$(tar -xOf "$T/d.tar" manifest.json | jq -c '.[0].RepoTags|sort')" '["second:tag","t:latest"]'
  is "$(skopeo inspect --config "docker-archive:$T/d.tar:t:latest" | jq -r .config.Labels.l)" v
}

@test "tar and local hold the same tree; -o PATH and -o - are short for them" {
  small_image
  root_tar -o "$T/local"
  mkdir "$T/out"
  tar -C "$T/out" -xf "$T/root.tar"
  diff -r --no-dereference "$T/out" "$T/local"
  [ ! -e "$T/local/etc/group" ]
  "$PGSTRATA" build -o - . 2>/dev/null | cmp - "$T/root.tar"
}

@test "an output on stdout has it to itself, with -q as well" {
  small_image
  root_tar
  "$PGSTRATA" build -q -o - . >"$T/piped.tar"
  cmp "$T/piped.tar" "$T/root.tar"
  refused 2 'two outputs' -o - -o type=oci
}

@test "--iidfile, --metadata-file and -q agree with the image" {
  small_image
  build --iidfile "$T/iid"
  is "$(<"$T/iid")" "$(jq -r '."containerimage.config.digest"' "$T/metadata.json")"
  is "$(<"$T/iid")" "$("$PGSTRATA" inspect t | jq -r '.[0].Id')"
  is "$("$PGSTRATA" build -q .)" "$(<"$T/iid")"
}

@test "the store is an OCI layout that skopeo reads as it is" {
  echo x >f
  printf 'FROM scratch\nCOPY f /\nCMD ["cat"]\n' | dockerfile
  "$PGSTRATA" --root "$T/fresh" build -t t .
  is "$(skopeo inspect --config "oci:$T/fresh:latest" | jq -r .config.Cmd[0])" cat
  skopeo copy "oci:$T/fresh:latest" "dir:$T/copied"
}
