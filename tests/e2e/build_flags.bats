#!/usr/bin/env bats
# Flags of buildx about RUN and about the image.
load helper

@test "--add-host: lines of /etc/hosts; part of the step's key" {
  printf 'FROM bb\nRUN grep -vE "localhost|ip6-" /etc/hosts >/hosts\n' | dockerfile
  root_tar --add-host db:10.1.2.3 --add-host "v6=[fd00::1]" --add-host me:host-gateway
  is "$(content hosts)" $'10.1.2.3\tdb\nfd00::1\tv6\n127.0.0.1\tme'
  build --add-host db:10.1.2.3 --add-host "v6=[fd00::1]" --add-host me:host-gateway
  is "$(steps)" $'1 hit\n2 hit'
  build --add-host db:10.1.2.4
  is "$(steps)" $'1 hit\n2 ran'
  refused 2 'no IP address' --add-host db:nowhere
  refused 2 'NAME:ADDRESS' --add-host db
}

@test "--shm-size and --ulimit" {
  printf 'FROM bb\nRUN df -k /dev/shm | tail -1 >/shm; ulimit -n >/soft; ulimit -Hn >/hard; ulimit -c >/core\n' | dockerfile
  root_tar --shm-size 8m --ulimit nofile=100:200 --ulimit core=0
  has "$(content shm)" " 8192 "
  is "$(content soft) $(content hard) $(content core)" "100 200 0"
  build --shm-size 9m --ulimit nofile=100:200 --ulimit core=0
  is "$(steps)" $'1 hit\n2 ran'
  build --shm-size 9m --ulimit nofile=101:200 --ulimit core=0
  is "$(steps)" $'1 hit\n2 ran'
  root_tar
  has "$(content shm)" " 65536 "
  refused 2 'there is no limit "files"' --ulimit files=1
  refused 2 'above the hard' --ulimit nofile=3:2
  refused 2 'no size' --shm-size big
}

@test "a RUN may ask for the network that --network host gives to all" {
  printf 'FROM bb\nRUN --network=host true\n' | dockerfile
  refused 2 "--allow network.host"
  build --network host
}

@test "--annotation is in the manifest" {
  printf 'FROM bb\n' | dockerfile
  build --annotation a.b=c --annotation "manifest:d=e=f" --output "type=oci,tar=false,dest=$T/layout"
  local manifest
  manifest=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
  is "$(jq -c .annotations "$T/layout/blobs/sha256/${manifest#sha256:}")" '{"a.b":"c","d":"e=f"}'
  refused 2 "annotate the manifest" --annotation index:a=b
  refused 2 "unknown type" --annotation other:a=b
  refused 2 "KEY=VALUE" --annotation alone
}

@test "what buildx's users pass by habit: accepted where it changes nothing, else refused with what to do" {
  printf 'FROM bb\nRUN true\n' | dockerfile
  build --allow network.host,security.insecure --builder default --provenance=false --sbom=false \
    --attest type=provenance,disabled=true --cgroup-parent /x
  has "$(cat "$T/log")" "--cgroup-parent changes nothing"
  refused 2 "no such entitlement" --allow everything
}
