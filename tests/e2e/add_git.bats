#!/usr/bin/env bats
# ADD of Git repositories, against git daemon and a web server on loopback.
load helper

# A repository $T/git/repo.git with two commits, the tag v1 (annotated) on the first and the branch "side" beside them, served
# by git daemon as $GIT.
setup_file() {
  export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  export GIT_AUTHOR_DATE='2001-09-09T01:46:40Z' GIT_COMMITTER_DATE='2001-09-09T01:46:40Z'
  unset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy
}

eval "plain_$(declare -f setup)"
eval "plain_$(declare -f teardown)"
setup() {
  plain_setup
  W=$T/work
  git init -q -b main "$W"
  mkdir "$W/sub"
  echo one >"$W/file"
  printf '#!/bin/sh\n' >"$W/sub/tool"
  chmod 755 "$W/sub/tool"
  ln -s sub/tool "$W/link"
  commit one
  git -C "$W" tag -a v1 -m v1
  git -C "$W" checkout -qb side
  echo side >"$W/file"
  commit side
  git -C "$W" checkout -q main
  echo two >"$W/file"
  commit two
  git clone -q --bare "$W" "$T/git/repo.git"
  publish
  serve_git
}
teardown() {
  kill "$DAEMON_PID"
  wait "$DAEMON_PID" 2>/dev/null || true
  plain_teardown
}

commit() { git -C "$W" add -A && git -C "$W" commit -qm "$1"; }
publish() { git -C "$W" push -q --mirror "$T/git/repo.git"; }
head_of() { git -C "$W" rev-parse "$1"; }

serve_git() {
  local try port
  for try in 1 2 3 4 5; do
    port=$((20000 + (BASHPID + RANDOM * try) % 20000))
    git daemon --reuseaddr --listen=127.0.0.1 --port=$port --export-all --base-path="$T/git" --log-destination=none 3>&- &
    DAEMON_PID=$!
    GIT=git://127.0.0.1:$port
    if wait_until git ls-remote "$GIT/repo.git"; then return; fi
  done
  return 1
}

@test "the default branch: files, links and modes, without .git; owned by root" {
  printf 'FROM scratch\nADD %s/repo.git /r/\n' "$GIT" | dockerfile
  root_tar
  is "$(names)" $'r/\nr/file\nr/link\nr/sub/\nr/sub/tool'
  is "$(content r/file)" two
  is "$(entry r/sub/tool)" "-rwxr-xr-x 0/0 10 r/sub/tool"
  is "$(entry r/file)" "-rw-r--r-- 0/0 4 r/file"
  is "$(entry r/link)" "lrwxrwxrwx 0/0 0 r/link -> sub/tool"
}

@test "the umask of who builds doesn't matter" {
  printf 'FROM scratch\nADD %s/repo.git /r/\n' "$GIT" | dockerfile
  (umask 077 && root_tar)
  is "$(entry r/file)" "-rw-r--r-- 0/0 4 r/file"
}

@test "branches, tags and commits, in the fragment and in the query" {
  local form first
  first=$(head_of main~1)
  while read -r form text; do
    printf 'FROM scratch\nADD %s/repo.git%s /r/\n' "$GIT" "$form" | dockerfile
    root_tar
    is "$form $(content r/file)" "$form $text"
  done <<END
#side side
#v1 one
#refs/tags/v1 one
#refs/heads/main two
#$first one
?ref=side side
?branch=side side
?tag=v1 one
?ref=$first one
?commit=$first&ref=v1 one
END
}

@test "a subdirectory's content, in both forms" {
  local form
  for form in '#:sub' '#main:sub' '?subdir=sub' '?ref=v1&subdir=/sub/'; do
    printf 'FROM scratch\nADD --chown=3:4 %s/repo.git%s /r/\n' "$GIT" "$form" | dockerfile
    root_tar
    is "$form $(names)" "$form "$'r/\nr/tool'
    is "$(entry r/tool)" "-rwxr-xr-x 3/4 10 r/tool"
  done
  printf 'FROM scratch\nADD %s/repo.git#:nowhere /r/\n' "$GIT" | dockerfile
  refused 1 $'Dockerfile:2\ninvalid subdir nowhere'
  printf 'FROM scratch\nADD %s/repo.git#:link /r/\n' "$GIT" | dockerfile
  refused 1 $'Dockerfile:2\n"link" is no directory'
}

@test "the same commit is a hit without a checkout; another one falsifies the later steps" {
  printf 'FROM bb\nADD %s/repo.git /r/\nRUN cat /proc/sys/kernel/random/uuid >/made\n' "$GIT" | dockerfile
  build
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit'
  echo three >"$W/file"
  commit three
  publish
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 ran'
  is "$(content r/file)" three
}

@test "history that was written anew, and a branch that became a directory of branches" {
  printf 'FROM scratch\nADD %s/repo.git#side /r/\n' "$GIT" | dockerfile
  build
  git -C "$W" checkout -q side
  echo other >"$W/file"
  git -C "$W" commit -qa --amend -m other
  publish
  root_tar
  is "$(content r/file)" other
  git -C "$W" checkout -q main
  git -C "$W" branch -m side moving
  git -C "$W" branch -m moving side/deep
  publish
  printf 'FROM scratch\nADD %s/repo.git#side/deep /r/\n' "$GIT" | dockerfile
  root_tar
  is "$(content r/file)" other
}

@test "a commit by its hash needs no remote once it is here" {
  printf 'FROM scratch\nADD %s/repo.git#%s /r/\n' "$GIT" "$(head_of 'v1^{commit}')" | dockerfile
  build
  mv "$T/git/repo.git" "$T/git/away.git"
  build --no-cache
  is "$(steps)" "2 ran"
}

@test "--checksum: a commit's or a tag's hash, or its beginning" {
  local hash
  for hash in "$(head_of main)" "$(head_of main | cut -c 1-10)"; do
    printf 'FROM scratch\nADD --checksum=%s %s/repo.git#main /r/\n' "$hash" "$GIT" | dockerfile
    build
  done
  for hash in "$(head_of v1)" "$(head_of 'v1^{commit}')"; do
    printf 'FROM scratch\nADD --checksum=%s %s/repo.git#v1 /r/\n' "$hash" "$GIT" | dockerfile
    build
  done
  printf 'FROM scratch\nADD --checksum=%s %s/repo.git#side /r/\n' "$(head_of main)" "$GIT" | dockerfile
  refused 1 "Dockerfile:2
expected checksum to match $(head_of main), got $(head_of side)"
  printf 'FROM scratch\nADD --checksum=nohex %s/repo.git /r/\n' "$GIT" | dockerfile
  refused 2 $'Dockerfile:2\nnohex'
}

@test "--keep-git-dir: a repository that git can use, without our paths in it" {
  local form
  for form in '' '#v1' "#$(head_of main)"; do
    printf 'FROM scratch\nADD --keep-git-dir=true %s/repo.git%s /r/\n' "$GIT" "$form" | dockerfile
    rm -rf "$T/out"
    build --output "$T/out"
    is "$(git -c safe.directory='*' -C "$T/out/r" status --porcelain)" ""
    is "$(git -c safe.directory='*' -C "$T/out/r" remote get-url origin)" "$GIT/repo.git"
    is "$(git -c safe.directory='*' -C "$T/out/r" log --format=%s | wc -l)" 1
    run ! grep -rq "$T/store" "$T/out/r"
    [ "$form" != '' ] || is "$(git -c safe.directory='*' -C "$T/out/r" for-each-ref --format='%(refname)')" refs/heads/main
  done
  is "$(git -c safe.directory='*' -C "$T/out/r" rev-parse HEAD)" "$(head_of main)"
  printf 'FROM scratch\nADD --keep-git-dir=false %s/repo.git?keep-git-dir=true /r/\n' "$GIT" | dockerfile
  refused 2 $'Dockerfile:2\ninconsistent keep-git-dir'
}

@test "submodules, with an address relative to the repository's; submodules=false leaves them out" {
  git init -q -b main "$T/module"
  echo inner >"$T/module/inner"
  git -C "$T/module" add -A
  git -C "$T/module" commit -qm module
  git clone -q --bare "$T/module" "$T/git/module.git"
  printf '[submodule "m"]\n\tpath = m\n\turl = ../module.git\n' >"$W/.gitmodules"
  git -C "$W" add .gitmodules
  git -C "$W" update-index --add --cacheinfo "160000,$(git -C "$T/module" rev-parse HEAD),m"
  git -C "$W" commit -qm submodule
  publish
  printf 'FROM scratch\nADD %s/repo.git /r/\nADD %s/repo.git?submodules=false /s/\n' "$GIT" "$GIT" | dockerfile
  root_tar
  is "$(content r/m/inner)" inner
  lacks "$(names)" s/m/inner
  lacks "$(names)" r/m/.git
}

@test "mtime=commit: files as old as the commit" {
  printf 'FROM scratch\nADD %s/repo.git?mtime=commit /r/\n' "$GIT" | dockerfile
  root_tar
  is "$(tar --full-time --utc -tvf "$T/root.tar" r/file r/link r/sub/tool | grep -c '2001-09-09 01:46:40')" 3
}

@test "--exclude" {
  printf 'FROM scratch\nADD --exclude=sub %s/repo.git /r/\n' "$GIT" | dockerfile
  root_tar
  is "$(names)" $'r/\nr/file\nr/link'
}

@test "over http, from a server that knows nothing of git" {
  git -C "$T/git/repo.git" update-server-info
  python3 -u -m http.server --bind 127.0.0.1 --directory "$T/git" 0 >"$T/http.log" 2>&1 3>&- &
  local server=$! port
  wait_until grep -q 'port [0-9]' "$T/http.log"
  port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$T/http.log" | head -1)
  printf 'FROM scratch\nADD http://127.0.0.1:%s/repo.git#v1 /r/\nADD http://127.0.0.1:%s/repo.git /s/\n' "$port" "$port" | dockerfile
  root_tar || { kill "$server"; return 1; }
  kill "$server"
  is "$(content r/file) $(content s/file)" "one two"
}

@test "configuration of the person and of the machine plays no part" {
  printf '[core]\n\tautocrlf = true\n' >"$T/gitconfig"
  printf 'FROM scratch\nADD %s/repo.git /r/\n' "$GIT" | dockerfile
  GIT_CONFIG_GLOBAL=$T/gitconfig GIT_CONFIG_SYSTEM=$T/gitconfig GIT_DIR=$T root_tar
  is "$(content r/file)" two
}

@test "no such ref, no such repository, nobody there, a bad query: the line and what to do" {
  printf 'FROM scratch\nADD %s/repo.git#nothing /r/\n' "$GIT" | dockerfile
  refused 1 $'Dockerfile:2\ndoes not contain ref nothing'
  printf 'FROM scratch\nADD %s/none.git /r/\n' "$GIT" | dockerfile
  refused 1 "Dockerfile:2
can't read the Git repository $GIT/none.git"
  printf 'FROM scratch\nADD git://127.0.0.1:1/x.git /r/\n' | dockerfile
  refused 1 $'Dockerfile:2\nhint: check the address'
  printf 'FROM scratch\nADD %s/repo.git?rev=main /r/\n' "$GIT" | dockerfile
  refused 2 $'Dockerfile:2\nunexpected query "rev"'
  printf 'FROM scratch\nADD %s/repo.git#--upload-pack=x /r/\n' "$GIT" | dockerfile
  refused 2 $'Dockerfile:2\ninvalid git ref'
}
