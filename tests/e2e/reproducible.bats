#!/usr/bin/env bats
# SOURCE_DATE_EPOCH: the same bytes from two stores and two checkouts with different times.
load helper

# build_in NAME: a copy of the context with times of its own, into a store of its own; prints the digest.
build_in() {
  cp -r "$T/context" "$T/$1"
  find "$T/$1" -exec touch -h -d "$2" {} +
  cp -a "$E2E/seed" "$T/store-$1"
  SOURCE_DATE_EPOCH=1600000000 "$PGSTRATA" --root "$T/store-$1" build -q --no-cache \
    --output "type=oci,dest=$T/$1.tar" "$T/$1"
}

@test "two --no-cache builds in two stores from two checkouts: one digest, one archive" {
  mkdir -p d/e
  echo 1 >f; echo 2 >d/e/g; ln -s g d/e/link
  tar -cf a.tar f
  dockerfile <<'D'
FROM bb AS s
RUN mkdir /x && date +%N >/dev/null && echo made >/x/made
FROM bb
WORKDIR /new/dir
COPY . /context/
ADD a.tar /added/
COPY --from=s /x /x
RUN touch /touched && ln /touched /linked && rm /etc/group && mkdir /dir && mkfifo /dir/fifo
LABEL a=b
D
  local one two
  one=$(build_in one 2001-02-03)
  sleep 1.1
  two=$(build_in two 2011-12-13)
  is "$one" "$two"
  cmp "$T/one.tar" "$T/two.tar"
  is "$(skopeo inspect --config "oci-archive:$T/one.tar" | jq -r .created)" 2020-09-13T12:26:40Z
}

@test "times after the epoch are clamped, times before it are kept" {
  printf 'FROM bb\nRUN touch -d 2001-01-01 /old && touch /new\n' | dockerfile
  SOURCE_DATE_EPOCH=1600000000 root_tar
  has "$(tar --utc -tvf "$T/root.tar" old)" 2001-01-01
  has "$(tar --utc -tvf "$T/root.tar" new)" 2020-09-13
}

@test "with and without the epoch are different steps; as --build-arg it is the same as in the environment" {
  printf 'FROM bb\nRUN touch /f\n' | dockerfile
  build
  SOURCE_DATE_EPOCH=1600000000 build
  is "$(steps)" $'1 hit\n2 ran'
  local epoch
  epoch=$(digest)
  build --build-arg SOURCE_DATE_EPOCH=1600000000
  is "$(digest)" "$epoch"
  SOURCE_DATE_EPOCH=soon refused 2 SOURCE_DATE_EPOCH
  SOURCE_DATE_EPOCH=99999999999 refused 2 SOURCE_DATE_EPOCH
}
