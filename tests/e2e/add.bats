#!/usr/bin/env bats
# ADD: local archives are unpacked, all else is as with COPY.
load helper

archive() {
  mkdir -p "$T/tree/dir"
  echo in >"$T/tree/dir/file"
  ln -sf dir/file "$T/tree/link"
  chmod 750 "$T/tree/dir"
  tar -C "$T/tree" --owner=7 --group=8 --numeric-owner --mtime=@1000000000 "$@" dir link
}

@test "archives: plain, gzip, bzip2, xz, zstd, whatever they are called" {
  archive -cf plain.tar
  for tool in gzip bzip2 xz zstd; do "$tool" -c plain.tar >"archive.$tool"; done
  {
    echo FROM scratch
    for name in plain.tar archive.*; do echo "ADD $name /${name//./-}/"; done
  } | dockerfile
  root_tar
  for top in plain-tar archive-gzip archive-bzip2 archive-xz archive-zstd; do
    is "$(content "$top/dir/file")" in
    is "$(entry "$top/dir/")" "drwxr-x--- 7/8 0 $top/dir/"
    is "$(entry "$top/link")" "lrwxrwxrwx 7/8 0 $top/link -> dir/file"
  done
  is "$(tar --full-time --utc -tvf "$T/root.tar" plain-tar/dir/file | grep -o '2001-09-09 01:46:40')" "2001-09-09 01:46:40"
}

@test "not an archive: copied, also a compressed file that holds no tar; --unpack=false" {
  echo text >f
  gzip -c f >f.gz
  archive -cf a.tar
  printf 'FROM scratch\nADD f f.gz /d/\nADD --unpack=false a.tar /d/\n' | dockerfile
  root_tar
  is "$(names)" $'d/\nd/a.tar\nd/f\nd/f.gz'
}

@test "--chown over the archive's owners" {
  archive -cf a.tar
  printf 'FROM scratch\nADD --chown=1:2 a.tar /d/\n' | dockerfile
  root_tar
  is "$(entry d/dir/file)" "-rw-r--r-- 1/2 3 d/dir/file"
}

@test "an archive that climbs out stays inside, or is refused" {
  mkdir -p "$T/evil"
  echo evil >"$T/evil/f"
  tar -C "$T/evil" -P --transform "s,^f,../../../../$T/escaped," -cf climb.tar f
  python3 - <<'P'
import io, tarfile
with tarfile.open("link.tar", "w") as tar:
    link = tarfile.TarInfo("out"); link.type = tarfile.SYMTYPE; link.linkname = "/tmp"
    tar.addfile(link)
    file = tarfile.TarInfo("out/pgstrata-escaped"); file.size = 4
    tar.addfile(file, io.BytesIO(b"evil"))
P
  for name in climb link; do
    printf 'FROM bb\nADD %s.tar /d/\nRUN ls -R /d\n' "$name" | dockerfile
    build || true
    [ ! -e "$T/escaped" ]
    [ ! -e /tmp/pgstrata-escaped ]
  done
}

@test "an archive's hard link to a file that came before it, in the same ADD or in the stage" {
  mkdir tree old
  echo lost >tree/f
  ln tree/f tree/name
  tar -C tree -cf t.tar f name
  tar --delete -f t.tar f
  echo older >old/f
  echo newer >f
  printf 'FROM scratch\nCOPY old /one\nCOPY old /two\nADD t.tar /one/\nADD f t.tar /two/\n' | dockerfile
  root_tar
  is "$(content one/f) $(content two/f)" "older newer"
  is "$(names | grep name)" $'one/name\ntwo/name'
  mkdir out
  tar -C out -xf "$T/root.tar"
  is "$(cat out/one/name) $(cat out/two/name)" "older newer"
}

@test "a truncated archive is an error that names it" {
  mkdir "$T/tree"
  head -c 1M /dev/urandom >"$T/tree/noise"
  archive -czf whole.tar.gz noise
  head -c 500000 whole.tar.gz >cut.tar.gz
  printf 'FROM scratch\nADD cut.tar.gz /d/\n' | dockerfile
  refused 1 'Dockerfile:2: cut.tar.gz: a damaged archive'
  head -c 5000 whole.tar.gz >cut.tar.gz
  refused 1 'Dockerfile:2: cut.tar.gz: a damaged archive'
}

@test "an archive's layer is taken again until the archive changes" {
  archive -cf a.tar
  printf 'FROM scratch\nADD a.tar /\n' | dockerfile
  build
  touch a.tar
  build
  is "$(steps)" "2 hit"
  echo more >"$T/tree/new"
  archive -cf a.tar new
  root_tar
  is "$(steps)" "2 ran"
  is "$(content new)" more
}
