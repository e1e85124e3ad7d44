#!/usr/bin/env bats
# RUNs are reused by what they asked, not by what lies below them.
load helper

badly_ordered() {
  mkdir -p entrypoint.d
  printf '#!/bin/sh\necho configured >/etc.conf\n' >setup.sh
  chmod +x setup.sh
  echo 'echo hello' >entrypoint.sh
  echo 1 >entrypoint.d/one
  dockerfile <<'D'
FROM bb
COPY . /opt/container
RUN /opt/container/setup.sh
RUN cat /etc.conf >/seen
CMD ["sh", "/opt/container/entrypoint.sh"]
D
}

@test "an entrypoint edit below a RUN that never reads it: nothing runs" {
  badly_ordered
  build
  echo 'echo edited' >>entrypoint.sh
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 rebased\n4 rebased'
  has "$(content opt/container/entrypoint.sh)" edited
  is "$(content seen)" configured
  has "$(reason 3)" "nothing that it asked for changed"
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit'
}

@test "a file that comes, goes or changes its mode where no RUN looks" {
  badly_ordered
  build
  echo 2 >entrypoint.d/two
  build
  is "$(steps)" $'1 hit\n2 ran\n3 rebased\n4 rebased'
  rm entrypoint.d/one
  chmod 755 entrypoint.sh
  build
  is "$(steps)" $'1 hit\n2 ran\n3 rebased\n4 rebased'
}

@test "a comment in a setup script: its RUN runs, and nothing after it" {
  badly_ordered
  build
  echo '# a comment' >>setup.sh
  build
  is "$(steps)" $'1 hit\n2 ran\n3 cut-off\n4 rebased'
  has "$(reason 3)" "/opt/container/setup.sh, which it read, changed"
}

@test "what a RUN made is other: who read that runs, who didn't doesn't" {
  badly_ordered
  sed -i 's,^CMD.*,RUN echo apart >/apart,' Dockerfile
  build
  sed -i s/configured/changed/ setup.sh
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 ran\n5 rebased'
  is "$(content seen)" changed
}

@test "a name that was looked for in vain is there now" {
  printf 'FROM bb\nCOPY bin /usr/local/bin\nRUN [ -e /usr/local/bin/tool ] && echo found >/found; true\n' | dockerfile
  mkdir bin
  echo >bin/other
  build
  echo >bin/tool
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 ran'
  has "$(reason 3)" "/usr/local/bin/tool, which it looked for in vain, is there now"
  names | grep -qx found
}

@test "a bind mount counts by what was read of it, and so does a stage that is mounted" {
  dockerfile <<'D'
FROM bb AS tools
COPY tools /tools
FROM bb
RUN --mount=type=bind,target=/src cat /src/used >/made
RUN --mount=type=bind,from=tools,source=/tools,target=/t cat /t/used >/made2
RUN --mount=type=bind,source=used,target=/one cat /one >/made3
D
  mkdir tools
  echo 1 | tee used unused tools/used >tools/unused
  build
  echo 2 | tee unused >tools/unused
  build
  is "$(steps)" $'1 hit\n2 ran\n4 rebased\n5 rebased\n6 hit'
  echo 2 | tee used >tools/used
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n4 ran\n5 ran\n6 ran'
  has "$(reason 4)" "/src/used, which it read, changed"
  is "$(content made)$(content made2)$(content made3)" 222
}

@test "a RUN that decides by times sees them as in a build from nothing" {
  dockerfile <<'D'
FROM bb
COPY ignored /ignored
RUN echo made >/made
COPY source /source
RUN if [ /source -nt /made ]; then echo remade >/made; fi
D
  echo 1 | tee ignored >source
  build
  sleep 1.1 # layers hold whole seconds
  echo 2 | tee ignored >source # younger than the layer of /made, which is rebased
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 rebased\n4 ran\n5 cut-off'
  is "$(content made)" made
}

@test "a RUN whose user has another id runs again" {
  dockerfile <<'D'
FROM bb
COPY passwd /etc/passwd
USER someone
RUN id -u >/tmp/id
D
  echo 'someone:x:5:5::/:/bin/sh' >passwd
  build
  echo 'someone:x:6:5::/:/bin/sh' >passwd
  root_tar
  is "$(content tmp/id)" 6
}

@test "--read-set=off: exact keys only" {
  badly_ordered
  build --read-set=off
  echo '# edited' >>entrypoint.sh
  build --read-set=off
  is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 ran'
  refused 2 'use on or off' --read-set=maybe
}

@test "without /dev/fuse: exact keys, said once with the remedy" {
  need_root "to hide /dev/fuse"
  badly_ordered
  hidden() { unshare --mount sh -c 'mount --bind /dev/fuse /dev/fuse && mount -o remount,bind,nodev /dev/fuse && exec "$@"' sh "$@"; }
  hidden "$PGSTRATA" build --progress plain "$T/context" >"$T/log" 2>&1
  is "$(grep -c 'steps are reused only if nothing below them changed' "$T/log")" 1
  has "$(cat "$T/log")" /dev/fuse
  echo '# edited' >>entrypoint.sh
  hidden "$PGSTRATA" build --progress plain --metadata-file "$T/metadata.json" "$T/context" >"$T/log" 2>&1
  is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 ran'
}

# Two forms of /f with the same bytes: with the time of what it was copied from, and with a new one. mode says which.
old_or_new() {
  echo keep >mode
  echo text >f
  echo text >g
  touch -d 2010-01-01 f
  touch -d 2020-01-01 g
  dockerfile <<'D'
FROM bb
COPY f g /in/
COPY mode /in/
RUN if [ "$(cat /in/mode)" = keep ]; then cp -p /in/f /f; else cp /in/f /f; fi
D
}

@test "a step that gives a file a new time doesn't become one that kept the old time" {
  old_or_new
  echo 'RUN cat /in/mode >/dev/null; if [ /f -nt /in/g ]; then echo newer; else echo older; fi >/seen' >>Dockerfile
  build
  echo new >mode
  root_tar
  is "$(steps)" $'1 hit\n2 hit\n3 ran\n4 ran\n5 ran'
  is "$(content seen)" newer
}

@test "a later step that decides by that time alone runs as well" {
  old_or_new
  echo 'RUN if [ /f -nt /in/g ]; then echo newer; else echo older; fi >/seen' >>Dockerfile
  build
  echo new >mode
  root_tar
  is "$(content seen)" newer
  has "$(reason 5)" "/f, which it read, changed"
  # What keeps the time's meaning is cut off, and nothing after it runs.
  echo newer >mode
  build
  is "$(steps)" $'1 hit\n2 hit\n3 ran\n4 cut-off\n5 rebased'
}

# Layers hold whole seconds. What was saved in the second in which the build begins is older than all that the build makes.
@test "a time taken over from what was saved in the very second of the build isn't the step's own" {
  echo new >mode
  echo text >f
  dockerfile <<'D'
FROM bb
COPY f mode /in/
RUN echo earlier >/b
RUN if [ "$(cat /in/mode)" = keep ]; then cp -p /in/f /f; else cp /in/f /f; fi; echo own >/own
D
  local look='RUN stat -c "%y %n" /b /f /own | sort | sed "s/.* //" >'
  echo "$look/seen" >>Dockerfile
  root_tar
  is "$(content seen)" $'/b\n/f\n/own'
  echo keep >mode
  until [[ $(date +%N) < 1 ]]; do sleep 0.01; done # the first tenth of a second
  touch f
  root_tar
  is "$(content seen)" $'/f\n/b\n/own'
  # Nor when that layer is reused, with fractions of seconds in its files' times and without.
  echo "$look/reused" >>Dockerfile
  root_tar
  is "$(content reused)" $'/f\n/b\n/own'
  rm -rf "$PGSTRATA_ROOT/unpacked"
  echo "$look/unpacked" >>Dockerfile
  root_tar
  is "$(content unpacked)" $'/f\n/b\n/own'
}

@test "the same files twice in one second: those of the second build are newer than what is below them" {
  # Run by --no-cache, the second build's /b is byte by byte the layer of the first one's, but not as old.
  local try second
  for try in {1..40}; do
    dockerfile <<<$'FROM bb\nRUN echo first >/stamp\nRUN echo b >/b'
    until [[ $(date +%N) < 1 ]]; do sleep 0.01; done # the first tenth of a second
    second=$(date +%s)
    build --no-cache
    dockerfile <<<$'FROM bb\nRUN echo second >/stamp\nRUN echo b >/b\nRUN stat -c "%y %n" /b /stamp | sort | sed "s/.* //" >/seen'
    root_tar --no-cache
    is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 ran'
    is "$(content seen)" $'/stamp\n/b'
    [[ $(date +%s) != "$second" ]] || return 0
  done
  echo "two builds don't fit into a second here" >&2
  return 1
}
