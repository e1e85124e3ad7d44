#!/usr/bin/env bats
# From the upper directory of a step to the layer's tar and back.
load helper

# The top layer's tar as it is stored.
top_layer() { "$PGSTRATA" inspect t | jq -r '.[0].RootFS.Layers[-1]' | sed "s,sha256:,$PGSTRATA_ROOT/blobs/sha256/,"; }

@test "whiteouts: files, directories, and what comes back under the same name" {
  dockerfile <<'D'
FROM bb
RUN mkdir -p /a/b /keep && touch /a/f /a/b/g /file /keep/x /keep/y
RUN rm -r /a /file /keep/x
RUN mkdir /a && touch /a/new
RUN ls -A /a >/seen && rm /keep/y && mkdir /keep/y && touch /keep/y/z
D
  root_tar
  is "$(names | grep -E '^(a|keep|file)')" $'a/\na/new\nkeep/\nkeep/y/\nkeep/y/z'
  is "$(content seen)" new
  has "$(tar -tf "$(top_layer)")" keep/y/z
}

@test "whiteouts are .wh. files in the layer, and an opaque directory hides in every reader" {
  dockerfile <<'D'
FROM bb
RUN mkdir -p /d/old && touch /d/old/f /gone
RUN rm -r /d /gone && mkdir /d && touch /d/new
D
  root_tar
  local listing
  listing=$(tar -tf "$(top_layer)")
  has "$listing" .wh.gone
  has "$listing" d/new
  is "$(names | grep '^d/')" $'d/\nd/new'
  # umoci applies the layers by its own understanding of the image-spec.
  build --output "type=oci,dest=$T/layout,tar=false,name=t"
  umoci unpack --image "$T/layout:latest" "$T/bundle" || umoci unpack --rootless --image "$T/layout:latest" "$T/bundle"
  is "$(ls -A "$T/bundle/rootfs/d")" new
  [ ! -e "$T/bundle/rootfs/gone" ]
}

@test "a removed directory with a file in its place, and the other way round, layer by layer" {
  dockerfile <<'D'
FROM bb
RUN mkdir /x && touch /x/f && touch /y
RUN rm -r /x /y && echo file >/x && mkdir /y && touch /y/f
RUN rm -r /x /y && ln -s y /x
D
  root_tar
  is "$(names | grep -E '^[xy]')" x
  is "$(entry x)" "lrwxrwxrwx 0/0 0 x -> y"
}

@test "hard links: within a step, onto a file below, one of two changed later" {
  # A link that a later step writes to is copied up alone, as overlayfs does it for BuildKit and Docker too.
  dockerfile <<'D'
FROM bb
RUN echo 1 >/one && ln /one /two && ln /one /three
RUN [ "$(stat -c %h /one)" = 3 ] && ln /etc/passwd /passwd.link
RUN echo 2 >/two && [ "$(cat /three)" = 1 ] && rm /one
D
  root_tar
  is "$(content two)" 2
  mkdir "$T/out"
  tar -C "$T/out" -xf "$T/root.tar" two three passwd.link etc/passwd
  is "$(cat "$T/out/three")" 1
  cmp "$T/out/passwd.link" "$T/out/etc/passwd"
}

@test "file capabilities go through layers, steps and outputs; user attributes don't" {
  need_root "file capabilities of the machine's own namespace"
  mkdir "$T/files" "$T/out"
  cp /bin/true "$T/files/capable"
  setcap cap_net_bind_service=ep "$T/files/capable"
  echo x >"$T/files/marked"
  setfattr -n user.k -v v "$T/files/marked"
  tar -C "$T/files" --xattrs --xattrs-include='*' -cf files.tar capable marked
  printf 'FROM bb\nADD files.tar /\nRUN chmod 700 /marked && mv /capable /moved\n' | dockerfile
  build --output "type=tar,dest=$T/root.tar" --output "type=local,dest=$T/local"
  tar -C "$T/out" --xattrs --xattrs-include='*' -xf "$T/root.tar" moved marked
  for directory in "$T/out" "$T/local"; do
    has "$(getcap "$directory/moved")" cap_net_bind_service=ep
    is "$(getfattr -d "$directory/marked")" ""
  done
}

@test "devices and FIFOs" {
  need_root "mknod"
  printf 'FROM bb\nRUN mknod /c c 1 3 && mknod /b b 7 200 && mkfifo -m 640 /p\n' | dockerfile
  root_tar
  is "$(entry c)" "crw-r--r-- 0/0 1,3 c"
  is "$(entry b)" "brw-r--r-- 0/0 7,200 b"
  is "$(entry p)" "prw-r----- 0/0 0 p"
}

@test "modes, owners, times: setuid, setgid, sticky, big ids, before 1970, in a step" {
  dockerfile <<'D'
FROM bb
RUN touch /f && chown 60000:60001 /f && chmod 6755 /f && mkdir -m 3777 /d && touch -d 1960-01-02 /old && touch -d 2100-01-01 /new
D
  root_tar
  is "$(entry f)" "-rwsr-sr-x 60000/60001 0 f"
  is "$(entry d/)" "drwxrwsrwt 0/0 0 d/"
  has "$(tar --utc -tvf "$T/root.tar" old)" 1960-01-02
  has "$(tar --utc -tvf "$T/root.tar" new)" 2100-01-01
}

@test "long names and long link targets" {
  dockerfile <<'D'
FROM bb
RUN n=$(printf %0255d 0) && mkdir -p /$n/$n/$n && echo x >/$n/$n/$n/$n && ln -s /$n/$n/$n/$n /link
D
  root_tar
  local n
  n=$(printf %0255d 0)
  is "$(content "$n/$n/$n/$n")" x
  is "$(entry link | sed 's/.*-> //')" "/$n/$n/$n/$n"
}

@test "a sparse file of 300 MB: every byte is there, and a step above reads it" {
  dockerfile <<'D'
FROM bb
RUN dd if=/dev/zero of=/sparse bs=1 count=0 seek=300M && echo end >>/sparse
RUN tail -c 4 /sparse >/end && stat -c %s /sparse >/size
D
  root_tar
  is "$(content end)" end
  is "$(content size)" $((300 * 1024 * 1024 + 4))
  is "$(entry sparse)" "-rw-r--r-- 0/0 $((300 * 1024 * 1024 + 4)) sparse"
}

@test "a file only touched, chmodded or replaced by itself in a later step" {
  dockerfile <<'D'
FROM bb
RUN echo x >/f && echo y >/g
RUN chmod 600 /f && touch -d 2001-01-01 /g
D
  root_tar
  is "$(entry f)" "-rw------- 0/0 2 f"
  has "$(tar --utc -tvf "$T/root.tar" g)" 2001-01-01
}

@test "more steps than overlay takes options for: 130 layers" {
  { echo FROM bb; for i in {1..130}; do echo "COPY f /$i/f"; done; echo 'RUN cat /*/f | wc -l >/count'; } | dockerfile
  echo x >f
  root_tar
  is "$(content count)" 130
}
