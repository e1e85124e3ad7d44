#!/usr/bin/env bats
# Provenance and SBOMs, as BuildKit attaches them, with skopeo as the one that reads them.
# shellcheck disable=SC2016,SC2030,SC2031

load helper
load registry

PROVENANCE=https://slsa.dev/provenance/v0.2
SPDX=https://spdx.dev/Document

# A blob of the layout $T/layout by its digest.
blob() { cat "$T/layout/blobs/sha256/${1#sha256:}"; }
# What the layout's name leads to.
named() { jq -r '.manifests[0].digest' "$T/layout/index.json"; }
# layout_statement TYPE: the in-toto statement of that predicate type in $T/layout.
layout_statement() {
  local manifest
  manifest=$(blob "$(named)" | jq -r '.manifests[1].digest')
  blob "$(blob "$manifest" | jq -r --arg type "$1" '.layers[] | select(.annotations["in-toto.io/predicate-type"] == $type) | .digest')"
}
# The predicate of the image t in the store.
provenance() { "$PGSTRATA" inspect --attestation provenance t | jq -c ".predicate | $1"; }
sbom() { "$PGSTRATA" inspect --attestation sbom t | jq -c ".predicate | $1"; }

# A root file system with three packages' entries in dpkg's database, one of them not installed any more.
debian_files() {
  mkdir -p "$T/context/var/lib/dpkg" "$T/context/etc"
  cat >"$T/context/var/lib/dpkg/status" <<'END'
Package: libc6
Status: install ok installed
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+b1

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: tzdata
Status: install ok installed
Architecture: all
Version: 1:2024b-0+deb12u1
END
  printf 'ID=debian\nVERSION_ID="12"\n' >"$T/context/etc/os-release"
}

@test "an OCI layout has an index with the image and its attestations, as BuildKit documents it, and skopeo reads it" {
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build --sbom=true --provenance=mode=min --output "type=oci,tar=false,dest=$T/layout"
  skopeo inspect --raw "oci:$T/layout:latest" >"$T/index"
  is "$(jq -r .mediaType "$T/index")" application/vnd.oci.image.index.v1+json
  is "$(jq -c '[.manifests[] | .platform.os]' "$T/index")" '["linux","unknown"]'
  image=$(jq -r '.manifests[0].digest' "$T/index")
  is "$(jq -cS '.manifests[1].annotations' "$T/index")" \
    "{\"vnd.docker.reference.digest\":\"$image\",\"vnd.docker.reference.type\":\"attestation-manifest\"}"
  is "$(jq -cS '.manifests[1].platform' "$T/index")" '{"architecture":"unknown","os":"unknown"}'
  blob "$(jq -r '.manifests[1].digest' "$T/index")" >"$T/manifest"
  is "$(jq -c '[.layers[] | [.mediaType, .annotations["in-toto.io/predicate-type"]]]' "$T/manifest")" \
    "[[\"application/vnd.in-toto+json\",\"$SPDX\"],[\"application/vnd.in-toto+json\",\"$PROVENANCE\"]]"
  is "$(blob "$(jq -r .config.digest "$T/manifest")" | jq -c '[.os, .architecture, .rootfs.diff_ids]')" \
    "$(jq -c '["unknown", "unknown", [.layers[].digest]]' "$T/manifest")"
  local type
  for type in "$SPDX" "$PROVENANCE"; do
    layout_statement "$type" >"$T/statement"
    is "$(jq -r '._type, .predicateType' "$T/statement")" "$(printf 'https://in-toto.io/Statement/v0.1\n%s' "$type")"
    is "$(jq -c '.subject' "$T/statement")" \
      "[{\"digest\":{\"sha256\":\"${image#sha256:}\"},\"name\":\"pkg:docker/t@latest?platform=linux%2F$(dpkg --print-architecture)\"}]"
  done
  # Every descriptor's size and digest is that of its bytes: skopeo checks them on its way.
  skopeo copy -q --all --preserve-digests "oci:$T/layout:latest" "oci:$T/copy:latest"
  is "$(jq -r '.manifests[0].digest' "$T/copy/index.json")" "$(named)"
}

@test "the image is the same with attestations as without, in the store and where it goes to" {
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build --output "type=oci,tar=false,dest=$T/plain"
  plain=$("$PGSTRATA" inspect t | jq -c '.[0] | [.Id, .Descriptor]')
  is "$("$PGSTRATA" inspect t | jq -c '.[0].Attestations')" null
  is "$(jq -r '.manifests[0].mediaType' "$T/plain/index.json")" application/vnd.oci.image.manifest.v1+json
  build --sbom=true --provenance=true --output "type=oci,tar=false,dest=$T/layout"
  is "$("$PGSTRATA" inspect t | jq -c '.[0] | [.Id, .Descriptor]')" "$plain"
  is "$(blob "$(named)" | jq -r '.manifests[0].digest')" "$(jq -r '.manifests[0].digest' "$T/plain/index.json")"
  is "$("$PGSTRATA" inspect t | jq -c '[.[0].Attestations[].PredicateType]')" "[\"$SPDX\",\"$PROVENANCE\"]"
  # A build without them lets go of them.
  build
  is "$("$PGSTRATA" inspect t | jq -c '.[0].Attestations')" null
}

@test "a registry gets the index under the tag, skopeo copies all of it, and pull takes the image" {
  serve_registry
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build_push "$REGISTRY/app:1" --sbom=true --provenance=mode=max
  skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:1" >"$T/index"
  is "sha256:$(sha256sum <"$T/index" | cut -d ' ' -f 1)" "$(digest)"
  is "$(jq -c '[.manifests[].platform.os]' "$T/index")" '["linux","unknown"]'
  skopeo copy -q --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false \
    "docker://$REGISTRY/app:1" "docker://$REGISTRY/copy:1"
  is "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/copy:1")" "$(cat "$T/index")"
  "$PGSTRATA" --root "$T/other" pull "$REGISTRY/copy:1" >"$T/id"
  is "$(cat "$T/id")" "$(id_of "$REGISTRY/app:1")"
  # Pushing again moves nothing, and another name gets statements about itself.
  run "$PGSTRATA" push "$REGISTRY/app:1"
  has "$output" ": 0 blobs sent"
  has "$output" "$(digest)"
  "$PGSTRATA" tag "$REGISTRY/app:1" "$REGISTRY/team/second:2"
  "$PGSTRATA" push -q "$REGISTRY/team/second:2"
  skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/team/second:2" "oci:$T/layout:2"
  is "$(layout_statement "$SPDX" | jq -r '.subject[0].name')" \
    "pkg:docker/$REGISTRY/team/second@2?platform=linux%2F$(dpkg --print-architecture)"
  is "$(layout_statement "$SPDX" | jq -r '.subject[0].digest.sha256')" "$(jq -r '.manifests[0].digest[7:]' "$T/index")"
}

@test "an engine's archive, the files and the tar leave them out, and say so" {
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build --output "type=docker,dest=$T/plain.tar" --output "type=oci,dest=$T/plain.oci"
  build --sbom=true --output "type=docker,dest=$T/docker.tar" --output "type=local,dest=$T/files" \
    --output "type=tar,dest=$T/root.tar"
  cmp "$T/plain.tar" "$T/docker.tar"
  is "$(grep -c 'attestations are left out of' "$T/log")" 3
  "$PGSTRATA" save -o "$T/saved.tar" t 2>"$T/said"
  cmp "$T/plain.tar" "$T/saved.tar"
  has "$(cat "$T/said")" "attestations are left out of"
  "$PGSTRATA" save --format oci-dir -o "$T/layout" t
  is "$(blob "$(named)" | jq '.manifests | length')" 2
}

@test "provenance: min leaves out arguments, labels and secrets, max has them but never a secret's value" {
  printf 'FROM bb AS one\nFROM one\nARG WHO=me\nRUN --mount=type=secret,id=pw,env=PW test -n "$PW" && echo $WHO >/who\n' | dockerfile
  printf 'hush hush' >"$T/pw"
  build --provenance=mode=min --secret "id=pw,src=$T/pw" --build-arg WHO=you --label a=b --network none
  is "$(provenance 'keys')" '["buildType","builder","invocation","materials","metadata"]'
  is "$(provenance .buildType)" '"https://mobyproject.org/buildkit@v1"'
  has "$(provenance .builder.id)" 'pkg:generic/pgstrata@'
  is "$(provenance .invocation)" "{\"configSource\":{\"entryPoint\":\"Dockerfile\"},\"environment\":{\"platform\":\"linux/$(dpkg --print-architecture)\"},\"parameters\":{\"args\":{\"force-network-mode\":\"none\"},\"frontend\":\"dockerfile.v0\",\"locals\":[{\"name\":\"context\"},{\"name\":\"dockerfile\"}]}}"
  is "$(provenance .metadata.completeness)" '{"environment":true,"materials":false,"parameters":false}'
  is "$(provenance '.metadata["https://mobyproject.org/buildkit@v1#metadata"]')" '{}'
  id=$(provenance .metadata.buildInvocationID | tr -d '"')
  [ -e "$(echo "$PGSTRATA_ROOT"/builds/*-"$id".json)" ]
  build --provenance=mode=max,builder-id=https://ci.example/7,reproducible=true --secret "id=pw,src=$T/pw" --build-arg WHO=you --label a=b
  is "$(provenance .builder.id)" '"https://ci.example/7"'
  is "$(provenance .invocation.parameters.args)" '{"build-arg:WHO":"you","label:a":"b"}'
  is "$(provenance .invocation.parameters.secrets)" '[{"id":"pw","optional":true}]'
  is "$(provenance .metadata.completeness.parameters)$(provenance .metadata.reproducible)" truetrue
  is "$(provenance '[.buildConfig.llbDefinition[].op.Op | keys[0]]')" '["source","exec",null]'
  is "$(provenance '.buildConfig.llbDefinition[1].op.Op.exec.secretenv')" '[{"ID":"pw","name":"PW","optional":true}]'
  is "$("$PGSTRATA" inspect --attestation provenance t |
    jq -r '.predicate.metadata["https://mobyproject.org/buildkit@v1#metadata"].source.infos[0].data' | base64 -d)" "$(cat Dockerfile)"
  lacks "$("$PGSTRATA" inspect --attestation provenance t | sed 's/"data": .*//')" "/Dockerfile"
  run grep -rl 'hush hush' "$PGSTRATA_ROOT"
  is "$output" ""
}

@test "materials: a base by the digest that its registry has, one of the store by its manifest, a URL by its bytes" {
  serve_registry
  printf 'FROM bb\nRUN echo 1 >/version\n' | dockerfile
  build_push "$REGISTRY/base:1" --provenance=true
  base=$(digest)
  printf 'FROM %s/base:1\nADD http://%s/v2/base/tags/list /tags\nCOPY --from=bb /bin/busybox /b\n' "$REGISTRY" "$REGISTRY" | dockerfile
  cp -a "$E2E/seed" "$T/other"
  export PGSTRATA_ROOT=$T/other
  root_tar --provenance=mode=min
  local arch
  arch=$(dpkg --print-architecture)
  is "$(provenance '.materials | length')" 3
  is "$(provenance '.materials[0]')" \
    "{\"digest\":{\"sha256\":\"$(content tags | sha256sum | cut -d ' ' -f 1)\"},\"uri\":\"http://$REGISTRY/v2/base/tags/list\"}"
  is "$(provenance '.materials[1]')" \
    "{\"digest\":{\"sha256\":\"${base#sha256:}\"},\"uri\":\"pkg:docker/$REGISTRY/base@1?digest=$base&platform=linux%2F$arch\"}"
  is "$(provenance '.materials[2]')" \
    "{\"digest\":{\"sha256\":\"$("$PGSTRATA" inspect bb | jq -r '.[0].Descriptor.digest[7:]')\"},\"uri\":\"pkg:docker/bb@latest?platform=linux%2F$arch\"}"
}

@test "with SOURCE_DATE_EPOCH two builds give the same attestations, to the byte" {
  debian_files
  printf 'FROM bb\nCOPY var /var\nCOPY etc /etc\nRUN echo x >/x\n' | dockerfile
  export SOURCE_DATE_EPOCH=1700000000
  build --sbom=true --provenance=true --output "type=oci,tar=false,dest=$T/layout"
  is "$(provenance '[.metadata.buildStartedOn, .metadata.buildFinishedOn, .metadata.buildInvocationID]')" \
    '["2023-11-14T22:13:20Z","2023-11-14T22:13:20Z",null]'
  is "$(sbom .creationInfo.created)" '"2023-11-14T22:13:20Z"'
  first=$(named)
  rm -r "$T/store" "$T/layout"
  cp -a "$E2E/seed" "$T/store"
  build --sbom=true --provenance=true --output "type=oci,tar=false,dest=$T/layout"
  is "$(named)" "$first"
}

@test "an SBOM lists dpkg's packages that are installed, with package URLs of the distribution" {
  debian_files
  printf 'FROM bb\nCOPY var /var\nCOPY etc /etc\n' | dockerfile
  build --attest type=sbom
  is "$(sbom '[.spdxVersion, .SPDXID, .dataLicense]')" '["SPDX-2.3","SPDXRef-DOCUMENT","CC0-1.0"]'
  is "$(sbom '[.packages[1:][] | [.name, .versionInfo, .externalRefs[0].referenceLocator]]')" \
    '[["libc6","2.36-9+b1","pkg:deb/debian/libc6@2.36-9%2Bb1?arch=amd64&distro=debian-12"],["tzdata","1:2024b-0+deb12u1","pkg:deb/debian/tzdata@1:2024b-0%2Bdeb12u1?arch=all&distro=debian-12"]]'
  is "$(sbom '.packages[1] | [.supplier, .sourceInfo]')" \
    '["Organization: GNU Libc Maintainers (debian-glibc@lists.debian.org)","built from glibc 2.36-9"]'
  is "$(sbom '[.relationships[] | [.spdxElementId, .relationshipType]] | unique')" \
    '[["SPDXRef-DOCUMENT","DESCRIBES"],["SPDXRef-image","CONTAINS"]]'
  is "$(sbom '[.relationships[].relatedSpdxElement] - [.packages[].SPDXID]')" '[]'
  # Without any database it says that it knows nothing.
  printf 'FROM bb\n' | dockerfile
  build --sbom=true
  is "$(sbom '.packages | length')" 1
  has "$(sbom .comment)" "No package database"
}

@test "of an image that no name leads to any more prune takes the attestations; of others it leaves them" {
  printf 'FROM bb\nRUN echo x >/x\n' | dockerfile
  build -t other --sbom=true
  statement=$("$PGSTRATA" inspect t | jq -r '.[0].Attestations[0].Digest[7:]')
  "$PGSTRATA" rmi other
  "$PGSTRATA" prune --all
  "$PGSTRATA" inspect --attestation sbom t >"$T/sbom"
  is "$(jq -r .predicate.spdxVersion "$T/sbom")" SPDX-2.3
  "$PGSTRATA" rmi t
  "$PGSTRATA" prune --all
  [ ! -e "$PGSTRATA_ROOT/blobs/sha256/$statement" ]
}

@test "what can't be attested is refused before anything is done" {
  printf 'FROM bb\n' | dockerfile
  refused 2 "there is no such mode" --provenance=mode=some
  refused 2 "only v0.2 is made" --provenance=version=v1
  refused 2 "no other generator is run" --attest type=sbom,generator=example.org/scanner
  refused 2 "there is no attestation of type vex" --attest type=vex
  refused 2 "it has no type" --attest mode=max
  refused 2 "asked for twice" --attest type=sbom --sbom=true
  refused 2 'there is no key "mod"' --provenance=mod=max
  build --provenance=true
  run -1 "$PGSTRATA" inspect --attestation sbom t
  has "$output" "it has $PROVENANCE"
}
