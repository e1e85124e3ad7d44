#!/usr/bin/env bats
# Several stages: which are built, and what they take from each other.
load helper

@test "COPY --from a stage by name and by number, and from a stage that is FROM another" {
  dockerfile <<'D'
FROM bb AS first
RUN echo 1 >/one
FROM first
RUN echo 2 >/two
FROM scratch
COPY --from=FIRST /one /
COPY --from=1 /one /two /both/
D
  root_tar
  is "$(names)" $'both/\nboth/one\nboth/two\none'
  is "$(content both/two)" 2
}

@test "a stage that nothing needs isn't built, though it would fail" {
  dockerfile <<'D'
FROM bb AS broken
RUN false
FROM bb AS wanted
RUN echo x >/x
FROM broken AS also-broken
D
  build --target wanted
  is "$(steps)" $'3 hit\n4 ran'
}

@test "--target gives that stage's configuration" {
  dockerfile <<'D'
FROM bb AS a
CMD ["a"]
FROM a AS b
CMD ["b"]
D
  build --target a
  is "$(config .Cmd)" '["a"]'
  build
  is "$(config .Cmd)" '["b"]'
}

@test "FROM scratch alone: no layers, and outputs that are empty but valid" {
  printf 'FROM scratch\nLABEL a=b\n' | dockerfile
  build --output "type=oci,dest=$T/t.tar" --output "type=tar,dest=$T/root.tar"
  is "$(skopeo inspect --config "oci-archive:$T/t.tar" | jq -c .rootfs.diff_ids)" '[]'
  is "$(names)" ""
}

@test "--build-context: another directory, and in place of a base" {
  mkdir "$T/other"
  echo other >"$T/other/file"
  printf 'FROM bb\nRUN echo replaced >/mark\n' | dockerfile
  build
  "$PGSTRATA" tag t replacement
  dockerfile <<'D'
FROM alpine
COPY --from=stuff file /
D
  root_tar --build-context stuff="$T/other" --build-context alpine=docker-image://replacement
  is "$(content file)" other
  is "$(content mark)" replaced
}

@test "COPY --from an image of the store" {
  printf 'FROM scratch\nCOPY --from=bb /etc/group /g\n' | dockerfile
  root_tar
  has "$(content g)" extra:x:79:app
}

@test "independent stages run at the same time" {
  # Each waits until the other has begun: a builder that takes one after the other never ends.
  dockerfile <<'D'
FROM bb AS a
RUN --mount=type=cache,id=meet,target=/meet touch /meet/a && i=0 && while [ ! -e /meet/b ]; do i=$((i+1)); [ $i -lt 150 ] || exit 1; sleep 0.1; done; touch /a
FROM bb AS b
RUN --mount=type=cache,id=meet,target=/meet touch /meet/b && i=0 && while [ ! -e /meet/a ]; do i=$((i+1)); [ $i -lt 150 ] || exit 1; sleep 0.1; done; touch /b
FROM scratch
COPY --from=a /a /
COPY --from=b /b /
D
  root_tar
  is "$(names)" $'a\nb'
}

@test "the same layer twice in a chain" {
  echo one >f
  dockerfile <<'D'
FROM bb
COPY f /f
RUN echo two >/f
COPY f /f
RUN cp /f /seen
D
  root_tar
  is "$(content f)" one
  is "$(content seen)" one
  is "$("$PGSTRATA" inspect t | jq '.[0].RootFS.Layers|length - (unique|length)')" 1
}

@test "equal files under different directories are different layers, also for the cut-off" {
  # Both layers add /d/f; only their parents' mode differs, which the tar of each layer says too.
  echo x >f
  dockerfile <<'D'
FROM bb AS a
RUN mkdir -m 700 /d
FROM bb AS b
RUN mkdir -m 755 /d
FROM a AS open
COPY f /d/
FROM b AS closed
COPY f /d/
FROM scratch
COPY --from=open / /open
COPY --from=closed / /closed
D
  root_tar
  is "$(entry open/d/)" "drwx------ 0/0 0 open/d/"
  is "$(entry closed/d/)" "drwxr-xr-x 0/0 0 closed/d/"
  build
  is "$(steps | sort -u | grep -v hit)" ""
}
