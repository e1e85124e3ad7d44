#!/usr/bin/env bats
# What is run again, and why; nothing else may be.
load helper

three_steps() {
  echo 1 >one; echo 2 >two
  dockerfile <<'D'
FROM bb
RUN echo base >/base
COPY one /one
RUN cat /one >/made
COPY two /two
CMD ["x"]
D
}

@test "a build of nothing new runs nothing and gives the same digest" {
  three_steps
  build
  is "$(steps)" $'1 hit\n2 ran\n3 ran\n4 ran\n5 ran'
  local first
  first=$(digest)
  sleep 1.1
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 hit'
  is "$(digest)" "$first"
}

@test "an image without a layer of its own has the same digest each time" {
  local from first
  for from in scratch bb; do
    printf 'FROM %s\nLABEL a=b\n' "$from" | dockerfile
    build
    first=$(digest)
    build
    is "$(digest)" "$first"
    "$PGSTRATA" images
  done
  is "$("$PGSTRATA" inspect t | jq -r '.[0].Created')" "$("$PGSTRATA" inspect bb | jq -r '.[0].Created')"
}

@test "an edited file reruns its COPY and what stands on it, and says which file" {
  three_steps
  build
  echo changed >one
  build
  is "$(steps)" $'1 hit\n2 hit\n3 ran\n4 ran\n5 cut-off'
  has "$(reason 3)" "one changed"
  has "$(reason 4)" "/one, which it read, changed"
  echo changed >two
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 hit\n5 ran'
  has "$(reason 5)" "two changed"
}

@test "back to an earlier state: all hits" {
  three_steps
  build
  local first
  first=$(digest)
  echo changed >one
  build
  echo 1 >one
  build
  is "$(steps | grep -v hit)" ""
  is "$(digest)" "$first"
}

@test "an edited RUN, ENV or ARG reruns from there; CMD and LABEL rerun nothing" {
  three_steps
  build
  sed -i 's/^CMD.*/CMD ["y"]\nLABEL new=1/' Dockerfile
  build
  is "$(steps | grep -v hit)" ""
  is "$(config .Cmd)" '["y"]'
  sed -i 's,cat /one >/made,cat /one /one >/made,' Dockerfile
  build
  is "$(steps)" $'1 hit\n2 hit\n3 hit\n4 ran\n5 cut-off'
  has "$(reason 4)" instruction
  sed -i 's/^COPY one/ENV A=1\nCOPY one/' Dockerfile
  build
  is "$(steps)" $'1 hit\n2 hit\n4 hit\n5 cut-off\n6 hit'
  has "$(reason 5)" environment
}

@test "an ARG counts only where it is in scope and given" {
  printf 'FROM bb\nRUN echo a >/a\nARG X=1\nRUN echo $X >/b\n' | dockerfile
  build
  build --build-arg X=2
  is "$(steps)" $'1 hit\n2 hit\n4 ran'
}

@test "changed content with the old size and the old time is noticed" {
  echo aaaa >f
  touch -d 2020-01-01 f
  printf 'FROM scratch\nCOPY f /\n' | dockerfile
  build
  sleep 0.1
  echo bbbb >f
  touch -d 2020-01-01 f
  root_tar
  is "$(content f)" bbbb
  # And again by rename, which keeps all the file's own times but ctime.
  echo cccc >g
  touch -d 2020-01-01 g
  mv g f
  root_tar
  is "$(content f)" cccc
}

@test "many quick edits of one size: the last is always the one that is built" {
  printf 'FROM scratch\nCOPY f /\n' | dockerfile
  for i in {10..39}; do
    echo "$i" >f
    root_tar
    is "$(content f)" "$i"
  done
}

@test "touched files and a fresh checkout rerun nothing; a mode does" {
  three_steps
  build
  touch one two
  build
  is "$(steps | grep -v hit)" ""
  cp -r "$T/context" "$T/checkout"
  "$PGSTRATA" build --progress plain -t t --metadata-file "$T/metadata.json" "$T/checkout" 2>"$T/log"
  is "$(steps | grep -v hit)" ""
  chmod 755 one
  build
  is "$(steps)" $'1 hit\n2 hit\n3 ran\n4 cut-off\n5 cut-off'
}

@test "files that .dockerignore leaves out, and files nobody copies, rerun nothing" {
  mkdir d
  echo d/ignored >.dockerignore
  touch d/taken
  printf 'FROM bb\nCOPY d /d\nRUN ls /d >/list\n' | dockerfile
  build
  touch d/ignored unrelated
  build
  is "$(steps | grep -v hit)" ""
  touch d/new
  root_tar
  is "$(steps)" $'1 hit\n2 ran\n3 ran'
  is "$(content list)" $'new\ntaken'
}

@test "a file in a bind mount, a stage that is mounted, a stage that is copied from" {
  echo 1 >f
  dockerfile <<'D'
FROM bb AS s
COPY f /f
FROM bb
RUN --mount=type=bind,source=f,target=/m cat /m >/1
RUN --mount=type=bind,from=s,target=/s cat /s/f >/2
COPY --from=s /f /3
D
  build
  build
  is "$(steps | grep -v hit)" ""
  echo 2 >f
  root_tar
  is "$(content 1)$(content 2)$(content 3)" 222
}

@test "--no-cache runs all, --no-cache-filter one stage's" {
  dockerfile <<'D'
FROM bb AS a
RUN echo a >/a
FROM bb AS b
RUN echo b >/b
COPY --from=a /a /a
D
  build
  build --no-cache
  is "$(steps | grep hit)" "1 hit"
  is "$(reason 2)" --no-cache
  build --no-cache-filter a
  is "$(steps)" $'1 hit\n2 ran\n4 hit\n5 hit'
}

@test "a RUN that gives the same files again changes nothing above it" {
  echo 1 >f
  printf 'FROM bb\nCOPY f /f\nRUN wc -c </f >/size\n' | dockerfile
  build
  echo 2 >f
  build
  is "$(steps)" $'1 hit\n2 ran\n3 cut-off'
}

@test "two builds of one context at once, on one store" {
  printf 'FROM bb\nCOPY . /c\nRUN sleep 0.5; echo x >/x\nRUN cat /x >/y\n' | dockerfile
  local pids=() pid
  for i in 1 2 3; do
    "$PGSTRATA" build -q -t "t$i" --output "type=tar,dest=$T/$i.tar" "$T/context" >"$T/$i.log" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  for i in 1 2 3; do is "$(tar -xOf "$T/$i.tar" y)" x; done
  build
  is "$(steps | grep -v hit)" ""
}

@test "a failed step isn't remembered, what came before it is" {
  printf 'FROM bb\nRUN echo 1 >/one\nRUN false\n' | dockerfile
  refused 1 Dockerfile:3
  sed -i s/false/true/ Dockerfile
  build
  is "$(steps)" $'1 hit\n2 hit\n3 ran'
}

@test "COPY --link is reused on whatever it stands" {
  echo 1 >f
  printf 'FROM bb\nRUN echo one >/below\nCOPY --link f /d/\nCOPY f /e/\n' | dockerfile
  build
  sed -i s/one/two/ Dockerfile
  build
  is "$(steps)" $'1 hit\n2 ran\n3 hit\n4 cut-off'
  echo 2 >f
  build
  is "$(steps)" $'1 hit\n2 hit\n3 ran\n4 ran'
}
