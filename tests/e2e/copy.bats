#!/usr/bin/env bats
# COPY: what it selects, where that goes, whose it becomes. Nothing here needs a shell in the image.
load helper

@test "a file, a directory's content, several sources, renaming" {
  mkdir -p dir/sub
  echo 1 >f; echo 2 >dir/a; echo 3 >dir/sub/b
  dockerfile <<'D'
FROM scratch
COPY f /renamed
COPY f /into/
COPY dir /d
COPY f dir /both/
COPY ["f", "/with space/"]
D
  root_tar
  is "$(names)" "$(printf '%s\n' both/ both/a both/f both/sub/ both/sub/b d/ d/a d/sub/ d/sub/b into/ into/f renamed 'with space/' 'with space/f')"
}

@test "globs; a pattern that matches nothing" {
  mkdir -p a/x b/x c
  touch a/1.txt a/2.txt a/3.md a/x/4.txt b/x/5.txt c/\[odd\]
  dockerfile <<'D'
FROM scratch
COPY a/*.txt /g1/
COPY */x/?.txt /g2/
COPY a/[13].* /g3/
COPY c/[[]odd] /g4/
D
  root_tar
  is "$(names | grep -v '/$')" "$(printf '%s\n' g1/1.txt g1/2.txt g2/4.txt g2/5.txt g3/1.txt g3/3.md 'g4/[odd]')"
}

@test "wildcards may match nothing, and then not even the destination is made; a plain path may not" {
  touch go.mod
  printf 'FROM scratch\nCOPY *.none /x/\nCOPY go.mod go.su[m] /y/\n' | dockerfile
  root_tar
  is "$(names)" $'y/\ny/go.mod'
  printf 'FROM scratch\n\nCOPY go.mod go.sum /y/\n' | dockerfile
  refused 2 $'Dockerfile:3\ngo.sum'
}

@test "--exclude leaves out what it names, at any depth, and ! takes it back" {
  mkdir -p t/a/b t/c
  touch t/1.txt t/1.md t/a/2.txt t/a/2.md t/a/b/3.txt t/c/keep.txt t/c/4.txt
  dockerfile <<'D'
FROM scratch
COPY --exclude=**/*.txt --exclude=!c/keep.txt t /one/
COPY --exclude=a t /two/
COPY --exclude=*.txt --exclude=a/b t /three/
D
  root_tar
  is "$(names | grep -v '/$')" "$(printf '%s\n' one/1.md one/a/2.md one/c/keep.txt three/1.md three/a/2.md \
    three/a/2.txt three/c/4.txt three/c/keep.txt two/1.md two/1.txt two/c/4.txt two/c/keep.txt)"
  is "$(names | grep -c '^one/a/b/$')" 1
}

@test "--parents keeps the way to each file, from the pivot on" {
  mkdir -p x/y/z other
  touch x/y/1.txt x/y/z/2.txt x/3.md other/4.txt
  chmod 750 x/y
  dockerfile <<'D'
FROM scratch
COPY --parents x/y/1.txt other /whole/
COPY --parents x/./y/*.txt /pivot/
COPY --parents **/*.txt /all/
D
  root_tar
  is "$(names | grep -v '/$')" "$(printf '%s\n' all/other/4.txt all/x/y/1.txt all/x/y/z/2.txt pivot/y/1.txt \
    whole/other/4.txt whole/x/y/1.txt)"
  is "$(entry pivot/y/ | cut -c 1-10)" "drwxr-x---"
  printf 'FROM scratch\nCOPY --parents x/nothing /p/\n' | dockerfile
  refused 2 $'Dockerfile:2\nx/nothing'
}

@test "--parents with nothing behind its pivot is refused; of files that a wildcard before it finds none is copied, unless nothing is behind it" {
  mkdir -p "$T/context/x"
  touch "$T/context/x/f" "$T/context/xfile"
  printf 'FROM scratch\nCOPY --parents x/./ /d/\n' | dockerfile
  refused 2 'Dockerfile:2:16: "x/./" selects nothing in '
  printf 'FROM scratch\nCOPY --parents x*/./f /d/\nCOPY --parents x*/./ /e/\n' | dockerfile
  root_tar
  has "$(names)" d/f
  lacks "$(names)" d/xfile
  has "$(names)" e/xfile
  printf 'FROM scratch AS all\nCOPY x /x\nCOPY xfile /\nFROM scratch\nCOPY --from=all --parents x*/./f /d/\n' | dockerfile
  root_tar
  is "$(names | sort | paste -sd ' ')" "d/ d/f"
}

@test "a file that --exclude leaves out is no reason to copy again" {
  mkdir t
  touch t/a t/b
  printf 'FROM scratch\nCOPY --exclude=b t /t/\n' | dockerfile
  build
  echo changed >t/b
  build
  is "$(steps)" "2 hit"
}

@test "owner is root, mode stays; --chown by number and by name; --chmod octal and symbolic" {
  touch f s
  chmod 600 f; chmod 4755 s
  dockerfile <<'D'
FROM bb
COPY f s /plain/
COPY --chown=5:6 f /n
COPY --chown=app f /u
COPY --chown=app:extra f /g
COPY --chown=9 f /only
COPY --chmod=0751 --chown=:extra f /m
COPY --chmod=u=rwX,go=rX f /sym
D
  root_tar
  is "$(entry plain/f)" "-rw------- 0/0 0 plain/f"
  is "$(entry plain/s)" "-rwsr-xr-x 0/0 0 plain/s"
  is "$(entry n)" "-rw------- 5/6 0 n"
  is "$(entry u)" "-rw------- 77/78 0 u"
  is "$(entry g)" "-rw------- 77/79 0 g"
  is "$(entry only)" "-rw------- 9/9 0 only"
  is "$(entry m)" "-rwxr-x--x 0/79 0 m"
  is "$(entry sym)" "-rw-r--r-- 0/0 0 sym"
}

@test "USER doesn't make COPY's files the user's; directories made on the way are root's" {
  touch f
  printf 'FROM bb\nUSER app\nCOPY f /new/dir/\nCOPY --chown=app f /own/dir/\n' | dockerfile
  root_tar
  is "$(entry new/dir/f)" "-rw-r--r-- 0/0 0 new/dir/f"
  is "$(entry new/)" "drwxr-xr-x 0/0 0 new/"
  is "$(entry own/)" "drwxr-xr-x 77/78 0 own/"
}

@test "heredoc: content, name, mode; expanded unless quoted" {
  dockerfile <<'D'
FROM scratch
ARG A=value
COPY <<one <<"two" /d/
$A
one
$A
two
COPY --chmod=755 <<-EOF /script
	#!/bin/sh
	EOF
D
  root_tar
  is "$(content d/one)" value
  is "$(content d/two)" '$A'
  is "$(entry script)" "-rwxr-xr-x 0/0 10 script"
}

@test "the destination is resolved in the image: links in it, replaced kinds" {
  touch f
  mkdir dir; touch dir/x
  dockerfile <<'D'
FROM bb
RUN mkdir -p /real/deep && ln -s /real /abs && ln -s real/deep /rel && ln -s ../../../../etc /real/up && touch /file
COPY f /abs/
COPY f /rel/g
COPY f /real/up/h
COPY dir /abs
WORKDIR /rel/w
COPY f .
D
  root_tar
  for path in real/f real/deep/g etc/h real/x real/deep/w/f; do has "$(names)" "$path"; done
  is "$(entry abs)" "lrwxrwxrwx 0/0 0 abs -> /real"
}

@test "a directory onto a file, and a file onto a directory of that name" {
  mkdir d; touch d/x f
  printf 'FROM scratch\nCOPY f /t\nCOPY d /t\n' | dockerfile
  refused 1 Dockerfile:3
}

@test "links in the context are copied as links, never followed out" {
  echo outside >"$T/outside"
  mkdir d "$T/dir"; echo secret >"$T/dir/secret"
  ln -s "$T/outside" d/absolute
  ln -s ../../outside d/relative
  ln -s "$T/dir" d/directory
  ln -s /etc/passwd passwd
  ln -s "$T/dir" elsewhere
  printf 'FROM scratch\nCOPY d /d\n' | dockerfile
  root_tar
  is "$(entry d/absolute)" "lrwxrwxrwx 0/0 0 d/absolute -> $T/outside"
  is "$(entry d/relative)" "lrwxrwxrwx 0/0 0 d/relative -> ../../outside"
  lacks "$(names)" secret
  # As the root of the context is "/" for its links, these lead to nothing.
  for source in passwd elsewhere/secret ../outside d/relative /../../outside; do
    printf 'FROM scratch\nCOPY %s /x\n' "$source" | dockerfile
    refused 2 Dockerfile:2
  done
}

@test "links in a stage are resolved within that stage, never on the machine" {
  echo machine >"$T/machine"
  dockerfile <<D
FROM bb AS s
RUN ln -s $T/machine /link && ln -s /bin /dir && mkdir -p $T && echo stage >$T/machine
FROM scratch
COPY --from=s /dir/../etc/group /group
COPY --from=s /link /followed
D
  root_tar
  is "$(content followed)" stage
  has "$(content group)" extra
}

@test "a file of the context that is named like the way out" {
  printf 'FROM scratch\nCOPY ../../etc/passwd /p\n' | dockerfile
  refused 2 Dockerfile:2
}

@test ".dockerignore: patterns, exceptions, its own file for one Dockerfile" {
  mkdir -p a/b keep
  touch x.log a/y.log a/b/z.log a/b/wanted.log keep/f .hidden
  printf '# comment\n\n**/*.log\n!a/b/wanted.log\n/.hidden\nDockerfile\n.dockerignore\n' >.dockerignore
  printf 'FROM scratch\nCOPY . /\n' | dockerfile
  root_tar
  is "$(names)" $'a/\na/b/\na/b/wanted.log\nkeep/\nkeep/f'
  printf 'FROM scratch\nCOPY . /\n' >other.Dockerfile
  printf '*\n!keep\n' >other.Dockerfile.dockerignore
  root_tar -f other.Dockerfile
  is "$(names)" $'keep/\nkeep/f'
  printf 'FROM scratch\nCOPY x.log /\n' | dockerfile
  refused 2 $'Dockerfile:2\nx.log'
}

@test "odd names: spaces, newlines, UTF-8, bytes that are no UTF-8, a leading dash, 255 bytes, deep paths" {
  local names=("a b" $'new\nline' "grün" $'\xff\xfe' "-rf" "*?[" 'back\slash' "$(printf 'n%.0s' {1..255})") name deep=deep
  for name in "${names[@]}"; do mkdir -p "d/$name"; echo "$name" >"d/$name/$name"; done
  for _ in {1..20}; do deep+=/$(printf 'd%.0s' {1..60}); done
  mkdir -p "d/$deep"
  echo deep >"d/$deep/file"
  printf 'FROM bb\nCOPY d /d\nRUN cp -r /d /e\n' | dockerfile
  root_tar
  mkdir "$T/out"
  tar -C "$T/out" -xf "$T/root.tar" d e
  diff -r d "$T/out/d"
  diff -r d "$T/out/e"
  build --output "type=local,dest=$T/local"
  diff -r d "$T/local/e"
}

@test "sockets and FIFOs in the context" {
  mkfifo d.fifo
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("d.sock")'
  touch f
  printf 'FROM scratch\nCOPY . /x/\n' | dockerfile
  # A FIFO is opened by nobody: else this would wait for ever.
  run timeout 20 "$PGSTRATA" build -t t --output "type=tar,dest=$T/root.tar" .
  is "$status" 0
  has "$(names)" x/f
  is "$(entry x/d.sock | cut -c1)$(content x/d.sock)" -  # as BuildKit sends it: an empty file
  is "$(entry x/d.fifo | cut -c1)" p
}

@test "hard links of the context stay one file" {
  mkdir d
  echo x >d/one
  ln d/one d/two
  printf 'FROM scratch\nCOPY d /d\n' | dockerfile
  root_tar
  is "$(content d/one)" x
  mkdir "$T/out"; tar -C "$T/out" -xf "$T/root.tar"
  is "$(cat "$T/out/d/two")" x
}

@test "an unreadable file in the context is named" {
  [ "$(id -u)" -ne 0 ] || skip "root reads everything"
  touch closed
  chmod 0 closed
  printf 'FROM scratch\nCOPY . /\n' | dockerfile
  refused 2 closed
}

@test "a context of a name has its own .dockerignore" {
  mkdir "$T/named"
  echo a >"$T/named/a"
  echo b >"$T/named/b"
  echo a >"$T/named/.dockerignore"
  echo b >.dockerignore
  printf 'FROM scratch\nCOPY --from=n . /\n' | dockerfile
  root_tar --build-context "n=$T/named"
  has "$(names)" b
  lacks "$(names)" a
}
