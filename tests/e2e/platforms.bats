#!/usr/bin/env bats
# --platform with several platforms: an index with an image for each, and RUN for machines that this one isn't.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load helper
load registry

OWN=$(dpkg --print-architecture)

# One file, other in each image, and one that is made once by this machine.
two_platforms() {
  cat <<'DOCKERFILE' | dockerfile
FROM --platform=$BUILDPLATFORM bb AS tool
RUN echo made >/made
FROM scratch
ARG TARGETARCH
COPY $TARGETARCH /which
COPY --from=tool /made /
DOCKERFILE
  echo "$OWN" >"$T/context/$OWN"
  echo s390x >"$T/context/s390x"
}
BOTH="linux/s390x,linux/$OWN"
platforms() { jq -c '[.manifests[] | .platform | [.os, .architecture, .variant // ""] | join("/")]' "$1"; }
# A file that says it is a program for a machine that nobody has: no handler can be registered for it.
foreign_program() { printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\176\176' >"$T/context/$1"; }

@test "an index with a manifest for each platform, in the order asked; what this machine makes is made once" {
  two_platforms
  build --platform "linux/s390x" --platform "linux/$OWN,linux/s390x" --output "type=oci,tar=false,dest=$T/layout"
  skopeo inspect --raw "oci:$T/layout:latest" >"$T/index"
  is "$(jq -r .mediaType "$T/index")" application/vnd.oci.image.index.v1+json
  is "$(platforms "$T/index")" "[\"linux/s390x/\",\"linux/$OWN/\"]"
  # The two of line 6 are made at once: either may find that the other has made the same layer.
  is "$(steps | grep -v ^6)" "$(printf '%s\n' '1 hit' '2 ran' '5 ran' '5 ran')"
  has "$(cat "$T/log")" "[linux/$OWN tool 2/2] RUN"
  has "$(cat "$T/log")" "[linux/s390x stage-1 1/2] COPY s390x /which"
  is "$(jq -r '."containerimage.descriptor".mediaType, has("containerimage.config.digest")' "$T/metadata.json")" \
    "$(printf 'application/vnd.oci.image.index.v1+json\nfalse')"
  is "$(jq -r '."containerimage.digest"' "$T/metadata.json")" \
    "$(jq -r --arg name docker.io/library/t:latest '.manifests[] | select(.annotations["io.containerd.image.name"] == $name) | .digest' "$T/store/index.json")"
  skopeo copy -q --all --preserve-digests "oci:$T/layout:latest" "oci:$T/copy:latest"
  local first
  first=$(digest)
  build --platform "$BOTH"
  is "$(steps)" "$(printf '%s\n' '1 hit' '2 hit' '5 hit' '5 hit' '6 hit' '6 hit')"
  is "$(digest)" "$first"
}

# BuildKit: a platform that was asked for is the image's, whatever its last stage is FROM.
@test "--platform says what the image is for, also of a stage FROM another platform; without it the stage does" {
  printf 'FROM --platform=linux/riscv64 scratch AS made\nCOPY f /\nFROM --platform=$TARGETPLATFORM made\n' | dockerfile
  echo f >"$T/context/f"
  build --platform linux/s390x --target made -t p
  is "$("$PGSTRATA" inspect p | jq -r '.[0].Architecture')" s390x
  printf 'FROM --platform=linux/riscv64 bb\n' | dockerfile
  build -t p --build-context bb="$T/context"
  is "$("$PGSTRATA" inspect p | jq -r '.[0].Architecture')" riscv64
  build -t p --build-context bb="$T/context" --platform linux/s390x
  is "$("$PGSTRATA" inspect p | jq -r '.[0].Architecture')" s390x
}

@test "the name stands for this machine's image to RUN, FROM, run and inspect, and for all to save, tag, push and prune" {
  serve_registry
  two_platforms
  build --platform "$BOTH"
  "$PGSTRATA" build -q --platform "$BOTH" -t "$REGISTRY/both:1" --push --metadata-file "$T/metadata.json" "$T/context" >"$T/id"
  is "$(cat "$T/id")" "$("$PGSTRATA" build -q --platform "$BOTH" "$T/context")"
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/both:1" >"$T/pushed"
  is "$(platforms "$T/pushed")" "[\"linux/s390x/\",\"linux/$OWN/\"]"
  is "$(digest)" "sha256:$(sha256sum "$T/pushed" | cut -d' ' -f1)"
  is "$("$PGSTRATA" images --format json | jq -r 'select(.Repository == "t") | .ID' | sort -u | wc -l)" 2
  is "$("$PGSTRATA" inspect t | jq -r '.[0].Architecture')" "$OWN"
  is "$("$PGSTRATA" inspect t | jq -c ".[0].Platforms")" "[\"linux/s390x\",\"linux/$OWN\"]"
  "$PGSTRATA" tag t again
  "$PGSTRATA" rmi t "$REGISTRY/both:1"
  "$PGSTRATA" prune --all
  is "$("$PGSTRATA" du --format json | jq -r '[.images[].name] | sort | join(" ")')" "again:latest again:latest bb:latest"
  "$PGSTRATA" tag again "$REGISTRY/both:2"
  is "$("$PGSTRATA" push -q "$REGISTRY/both:2")" "sha256:$(sha256sum "$T/pushed" | cut -d' ' -f1)"
  "$PGSTRATA" save --format oci-dir -o "$T/layout" again
  skopeo inspect --raw "oci:$T/layout:latest" | cmp - "$T/pushed"
  run --separate-stderr "$PGSTRATA" save -o "$T/docker.tar" again
  has "$stderr" "only linux/$OWN is saved"
  is "$(skopeo inspect --config "docker-archive:$T/docker.tar" | jq -r .architecture)" "$OWN"
  # A base that is pulled for one platform stays beside the other's.
  "$PGSTRATA" rmi "$REGISTRY/both:2"
  "$PGSTRATA" prune --all
  printf 'FROM %s/both:2\nCOPY s390x /other\n' "$REGISTRY" | dockerfile
  build --platform "$BOTH"
  kill "${SERVERS[@]}"
  build --platform "$BOTH"
  is "$(steps)" "$(printf '%s\n' '1 hit' '1 hit' '2 hit' '2 hit')"
  printf 'FROM again AS base\nFROM bb\nCOPY --from=base /which /\nRUN test "$(cat /which)" = %s\n' "$OWN" | dockerfile
  build
  printf 'FROM again\nCOPY s390x /other\n' | dockerfile
  build --platform linux/s390x --output "type=local,dest=$T/files"
  is "$(cat "$T/files/which")" s390x
  cp /bin/busybox "$T/context/"
  printf 'FROM scratch\nARG TARGETARCH\nCOPY busybox $TARGETARCH /\n' | dockerfile
  build --platform "$BOTH"
  is "$("$PGSTRATA" run --rm t /busybox ls / | grep -E "s390x|$OWN")" "$OWN"
}

@test "local and tar hold a directory for each; Docker's archives hold one platform, which is said before anything is built" {
  two_platforms
  build --platform "$BOTH" -o "$T/files" -o "type=tar,dest=$T/root.tar"
  is "$(cat "$T/files/linux_s390x/which" "$T/files/linux_$OWN/which" "$T/files/linux_$OWN/made")" "$(printf 's390x\n%s\nmade' "$OWN")"
  is "$(content "linux_$OWN/which")" "$OWN"
  is "$(entry "linux_s390x/which" | cut -d' ' -f1,2)" "-rw-r--r-- 0/0"
  local output
  for output in type=docker "type=docker,dest=$T/d.tar"; do
    refused 2 'the docker exporter does not support exporting manifest lists' --platform "$BOTH" -o "$output" --no-cache
    lacks "$output" DONE
  done
  refused 2 'the docker exporter does not support exporting manifest lists' --platform "$BOTH" --load
  build --platform "linux/$OWN,linux/$OWN" -o "type=docker,dest=$T/d.tar"
}

@test "one directory for the files of all platforms, unless two have a file of one name" {
  printf 'FROM scratch\nARG TARGETARCH\nCOPY x /bin/tool-$TARGETARCH\n' | dockerfile
  echo x >x
  build --platform "$BOTH" -o "type=local,dest=$T/one,platform-split=false"
  is "$(cd "$T/one" && find . -type f | sort)" "$(printf '%s\n' "./bin/tool-$OWN" ./bin/tool-s390x | sort)"
  build --platform "linux/$OWN" -o "type=local,dest=$T/split,platform-split=true"
  is "$(cd "$T/split" && find . -type f)" "./linux_$OWN/bin/tool-$OWN"
  printf 'FROM scratch\nARG TARGETARCH\nCOPY x /x\nCOPY x /only-$TARGETARCH\n' | dockerfile
  refused 2 'both have it' --platform "$BOTH" -o "type=local,dest=$T/none,platform-split=false"
  [ ! -e "$T/none" ]
}

@test "each image has its own attestations, behind all images" {
  two_platforms
  build --platform "$BOTH" --provenance=true --sbom=true --output "type=oci,tar=false,dest=$T/layout"
  skopeo inspect --raw "oci:$T/layout:latest" >"$T/index"
  is "$(platforms "$T/index")" "[\"linux/s390x/\",\"linux/$OWN/\",\"unknown/unknown/\",\"unknown/unknown/\"]"
  is "$(jq -c '[.manifests[2:][].annotations["vnd.docker.reference.digest"]]' "$T/index")" \
    "$(jq -c '[.manifests[:2][].digest]' "$T/index")"
  is "$("$PGSTRATA" inspect --attestation provenance t | jq -r '.subject[0].digest.sha256')" \
    "$("$PGSTRATA" inspect t | jq -r '.[0].Descriptor.digest | ltrimstr("sha256:")')"
  "$PGSTRATA" prune --all
  "$PGSTRATA" save --format oci-dir -o "$T/saved" t
  skopeo inspect --raw "oci:$T/saved:latest" | cmp - "$T/index"
}

@test "a RUN for a machine that nothing emulates: what is missing and where, before anything runs" {
  foreign_program sh
  cat <<'DOCKERFILE' | dockerfile
FROM --platform=$BUILDPLATFORM bb AS native
RUN echo expensive >/x
FROM scratch
COPY sh /bin/
  RUN echo hello
COPY --from=native /x /
DOCKERFILE
  refused 3 "$(printf '%s\n' 'Dockerfile:5:3: ' "this machine can't run programs for linux/s390x" '/bin/sh is for another processor' \
    'qemu-user-static')" --platform linux/s390x,linux/riscv64
  lacks "$output" expensive
  printf 'FROM scratch\nCOPY sh /bin/\nCMD ["/bin/sh"]\n' | dockerfile
  build --platform linux/s390x
  # It is the program that counts, not what the image is called.
  cp /bin/busybox "$T/context/"
  printf 'FROM scratch\nCOPY busybox /\nRUN ["/busybox", "touch", "/made"]\n' | dockerfile
  build --platform linux/s390x
}
