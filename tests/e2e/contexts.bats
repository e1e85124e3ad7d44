#!/usr/bin/env bats
# Where the context and the Dockerfile come from: stdin, URLs, Git, --build-context.
load helper
load web

# pg OPTION…: builds what stands at the end of OPTION… as "t"; its root is $T/root.tar.
pg() {
  if ! "$PGSTRATA" build --progress plain -t t --output "type=tar,dest=$T/root.tar" "$@" >"$T/log" 2>&1; then
    cat "$T/log"
    return 1
  fi
}

# A context at $T/made, with an ignore file.
made() {
  mkdir -p "$T/made/dir"
  echo in >"$T/made/dir/file"
  echo '*.txt' >"$T/made/.dockerignore"
  echo ignored >"$T/made/a.txt"
  printf 'FROM scratch\nCOPY . /c/\n' >"$T/made/Dockerfile"
  printf 'FROM scratch\nCOPY dir /other/\n' >"$T/made/other"
}

repository() { # DIRECTORY: a bare repository of $T/made that a plain web server can give
  export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  export GIT_AUTHOR_DATE='2001-09-09T01:46:40Z' GIT_COMMITTER_DATE='2001-09-09T01:46:40Z'
  git init -q -b main "$T/made"
  git -C "$T/made" add -A
  git -C "$T/made" commit -qm made
  git clone -q --bare "$T/made" "$1"
  git -C "$1" update-server-info
}

@test "a Dockerfile on stdin, without a context" {
  printf 'FROM scratch\nCOPY <<E /f\nx\nE\n' | pg -
  is "$(content f)" x
  run "$PGSTRATA" build - <<<$'FROM scratch\nCOPY dir /'
  is "$status" 2
  has "$output" 'Dockerfile:2:6: "dir" selects nothing in an empty context'
  run "$PGSTRATA" build -f other - <<<'FROM scratch'
  is "$status" 2
  has "$output" "standard input is no tar archive"
}

@test "a tar on stdin, plain and compressed; owners are the archive's, .dockerignore isn't read" {
  made
  local tool
  for tool in cat gzip xz zstd; do
    tar -C "$T/made" --owner=7 --group=8 --numeric-owner -c . | "$tool" | pg -
    is "$(entry c/dir/file)" "-rw-r--r-- 7/8 3 c/dir/file"
    has "$(names)" c/a.txt
  done
  tar -C "$T/made" -c . | pg -f other -
  is "$(content other/file)" in
  run "$PGSTRATA" build -f nothing - < <(tar -C "$T/made" -c .)
  is "$status" 2
  has "$output" "nothing: can't read the Dockerfile"
}

@test "a tar on stdin: hard links, links, wildcards, an archive in it, a bind mount; and the cache" {
  mkdir "$T/made"
  (
    cd "$T/made"
    echo one >a
    ln a b
    ln -s a link
    tar -cf inner.tar a
    printf 'FROM bb\nCOPY a b link* /l/\nADD inner.tar /inner/\nRUN --mount=target=/m cat /m/b >/seen\n' >Dockerfile
  )
  tar -C "$T/made" -c . | pg -
  is "$(content l/link) $(content inner/a) $(content seen)" "one one one"
  tar -C "$T/made" -c . | pg --metadata-file "$T/metadata.json" -
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit'
}

@test "-f -: the Dockerfile from stdin, with a context" {
  made
  printf 'FROM scratch\nCOPY . /x/\n' | pg -f - "$T/made"
  is "$(names)" $'x/\nx/.dockerignore\nx/Dockerfile\nx/dir/\nx/dir/file\nx/other'
  run "$PGSTRATA" build -f - - </dev/null
  is "$status" 2
  has "$output" "standard input can't be both"
}

@test "the URL of a tar, of a Dockerfile, and of a Dockerfile for --file" {
  made
  tar -C "$T/made" --owner=7 --group=8 --numeric-owner -czf "$T/www/context.tar.gz" .
  pg "$WEB/context.tar.gz"
  is "$(entry c/dir/file)" "-rw-r--r-- 7/8 3 c/dir/file"
  pg -f other "$WEB/context.tar.gz"
  is "$(content other/file)" in
  printf 'FROM scratch\nCOPY . /c/\n' >"$T/www/Dockerfile"
  pg "$WEB/Dockerfile"
  is "$(names)" $'c/\nc/context'
  is "$(entry c/context)" "-rw------- 0/0 24 c/context"
  printf 'FROM scratch\nCOPY dir /by-url/\n' >"$T/www/Dockerfile"
  pg -f "$WEB/Dockerfile" "$T/made"
  is "$(content by-url/file)" in
  printf 'FROM scratch\nCOPY dir /by-stdin/\n' | pg -f - "$WEB/context.tar.gz"
  is "$(content by-stdin/file)" in
  run "$PGSTRATA" build "$WEB/none.tar"
  is "$status" 1
  has "$output" "can't download $WEB/none.tar: the server answered 404 Not Found"
}

@test "a Git URL: the branch and directory of its fragment; .dockerignore isn't read; BUILDKIT_CONTEXT_KEEP_GIT_DIR" {
  made
  repository "$T/www/r.git"
  pg "$WEB/r.git"
  is "$(names)" $'c/\nc/.dockerignore\nc/Dockerfile\nc/a.txt\nc/dir/\nc/dir/file\nc/other'
  pg -f other "$WEB/r.git#main"
  is "$(content other/file)" in
  printf 'FROM scratch\nCOPY file /sub\n' >"$T/local"
  pg -f "$T/local" "$WEB/r.git#main:dir"
  is "$(content sub)" in
  pg --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$WEB/r.git"
  has "$(names)" c/.git/HEAD
}

@test "SOURCE_DATE_EPOCH=context: the commit's time, Last-Modified, the newest file; also for the Dockerfile" {
  made
  # shellcheck disable=SC2016
  printf 'FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL epoch=$SOURCE_DATE_EPOCH\nCOPY dir /\n' >"$T/made/Dockerfile"
  find "$T/made" -exec touch -d @1500000000 {} +
  touch -d @1500000007 "$T/made/dir/file"
  tar -C "$T/made" -cf "$T/www/c.tar" .
  touch -d @1600000000 "$T/www/c.tar"
  repository "$T/www/r.git"
  pg --build-arg SOURCE_DATE_EPOCH=context "$WEB/r.git"
  is "$(config .Labels.epoch)" 1000000000
  has "$(tar --full-time --utc -tvf "$T/root.tar" file)" "2001-09-09 01:46:40"
  SOURCE_DATE_EPOCH=context pg "$WEB/c.tar"
  is "$(config .Labels.epoch)" 1600000000
  SOURCE_DATE_EPOCH=context pg "$T/made"
  is "$(config .Labels.epoch)" ""
  SOURCE_DATE_EPOCH=77 pg "$T/made"
  is "$(config .Labels.epoch)" 77
}

@test "ARG SOURCE_DATE_EPOCH before the first FROM names the context, a --build-context or a stage" {
  made
  find "$T/made" -exec touch -d @1500000000 {} +
  tar -C "$T/made" -cf "$T/www/c.tar" .
  touch -d @1600000000 "$T/www/c.tar"
  repository "$T/www/r.git"
  cat >Dockerfile <<D
ARG SOURCE_DATE_EPOCH=src
ARG REPOSITORY=$WEB/r.git
FROM scratch AS src
ARG REPOSITORY
ADD \$REPOSITORY#main /r
FROM scratch
ARG SOURCE_DATE_EPOCH
LABEL epoch=\$SOURCE_DATE_EPOCH
COPY --from=src /r/dir /
D
  pg .
  is "$(config .Labels.epoch)" 1000000000
  is "$("$PGSTRATA" inspect t | jq -r '.[0].Created')" 2001-09-09T01:46:40Z
  pg --build-context "src=$WEB/c.tar" -f - . \
    <<<$'ARG SOURCE_DATE_EPOCH=src\nFROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL epoch=$SOURCE_DATE_EPOCH\nCOPY Dockerfile /\n'
  is "$(config .Labels.epoch)" 1600000000
  sed -i 's/^ADD.*/& \nRUN true/' Dockerfile
  refused 2 "Dockerfile:6:1: SOURCE_DATE_EPOCH can't be taken from this stage: it has RUN"
  run "$PGSTRATA" build --check .
  is "$status" 2
  has "$output" "SOURCE_DATE_EPOCH can't be taken from this stage: it has RUN"
}

@test "--build-context: a Git URL and a URL, for FROM, COPY --from and mounts" {
  made
  repository "$T/www/r.git"
  echo downloaded >"$T/www/file"
  cat >Dockerfile <<'D'
FROM bb
COPY --from=src dir/file /copied
COPY --from=web context /web
RUN --mount=from=src,target=/m cat /m/dir/file >/seen
FROM src
COPY --from=0 /copied /web /seen /
D
  pg --build-context "src=$WEB/r.git#main" --build-context "web=$WEB/file" .
  is "$(content copied) $(content web) $(content seen) $(content dir/file)" "in downloaded in in"
}

@test "--build-context oci-layout://: by tag, by digest, the only image of a layout; what was imported stays" {
  printf 'FROM scratch\nCOPY <<E /f\nx\nE\nENV from=layout\n' >Dockerfile
  "$PGSTRATA" build -q -t lay:v1 -o "type=oci,tar=false,dest=$T/layout" . >/dev/null
  local digest form
  digest=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
  printf 'FROM base\nCOPY --from=base /f /g\nRUN true\n' | sed 3d >Dockerfile
  for form in "$T/layout:v1" "$T/layout@$digest" "$T/layout:v1@$digest"; do
    pg --build-context "base=oci-layout://$form" .
    is "$(content g)" x
    is "$(config '.Env | index("from=layout") != null')" true
  done
  pg --metadata-file "$T/metadata.json" --build-context "base=oci-layout://$T/layout:v1" .
  is "$(steps)" $'1 hit\n2 hit'
  run "$PGSTRATA" build --build-context "base=oci-layout://$T/layout:none" .
  is "$status" 2
  has "$output" "there is no image none in $T/layout"
  run "$PGSTRATA" build --build-context "base=oci-layout://$T/nowhere" .
  is "$status" 2
  has "$output" "$T/nowhere"
}

@test "--build-context docker-image://scratch is nothing" {
  printf 'FROM base\nCOPY Dockerfile /\n' >Dockerfile
  pg --build-context base=docker-image://scratch .
  is "$(names)" Dockerfile
}

@test "a Dockerfile may be called dockerfile, also where --file says Dockerfile; no other name is changed" {
  made
  mv "$T/made/Dockerfile" "$T/made/dir/dockerfile"
  pg -f "$T/made/dir/Dockerfile" "$T/made"
  has "$(names)" c/dir/file
  tar -C "$T/made" -c . | pg -f dir/Dockerfile -
  has "$(names)" c/dir/file
  mv "$T/made/dir/dockerfile" "$T/made/dir/other"
  run "$PGSTRATA" build -f "$T/made/dir/Other" "$T/made"
  is "$status" 2
  has "$output" "dir/Other: can't read the Dockerfile"
}

@test "neither a directory nor a URL" {
  run "$PGSTRATA" build ftp://nowhere.invalid/x
  is "$status" 2
  has "$output" "ftp://nowhere.invalid/x: can't read the context directory"
  run "$PGSTRATA" build --build-context a=- .
  is "$status" 2
  has "$output" "only CONTEXT can be standard input"
}
