#!/usr/bin/env bats
# The software of docker/postgresql with everything copied before its RUNs: `pgstrata advise` finds the good order by
# itself, and Docker makes the same files of both.

load helper

setup_file() {
  bad=$WORK/badly-ordered
  mkdir "$bad"
  cp -r "$REPOSITORY/docker/postgresql/." "$bad"
  badly_ordered "$REPOSITORY/docker/postgresql/Dockerfile" >"$bad/Dockerfile"
  edited "$bad"
  "$PGSTRATA" build --progress plain -t badly-ordered "$bad" >"$WORK/badly-ordered.log" 2>&1 || { tail -30 "$WORK/badly-ordered.log"; return 1; }
  cp -r "$bad" "$WORK/well-ordered"
  "$PGSTRATA" advise --format json "$bad" >"$WORK/advice.json"
  (cd "$WORK/well-ordered" && jq -j .diff "$WORK/advice.json" | patch -s -p1)

  unset SOURCE_DATE_EPOCH # BuildKit of 20.10 doesn't know it
  start_docker
  "$PGSTRATA" bootstrap --load debian:bookworm-slim >"$WORK/load.log" 2>&1
  for order in badly-ordered well-ordered; do docker_build "$order"; done
}

teardown_file() {
  for order in badly-ordered well-ordered; do
    ! mountpoint -q "$WORK/root-of-$order" || umount "$WORK/root-of-$order"
  done
  stop_docker
}

# The stage with the software as one that copies the whole context before its RUNs. The last one, which only checks, stays
# below all of the context: it is left out.
badly_ordered() {
  awk '/^FROM .* AS software/ { software = 1 }
    /^# ---- the image/ { software = 0 }
    /^ARG BASE=/ { print }
    !software || /^COPY / || /setup.sh 90-check/ { next }
    /^RUN / && !copied { print "COPY . /opt/container"; copied = 1 }
    { print }
    END { print "USER postgres\nENTRYPOINT [\"/opt/container/entrypoint.sh\"]" }' "$1"
}

# A history of the context: forty edits of entrypoint scripts, two of setup scripts.
edited() {
  local number git=(git -C "$1" -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false)
  rm -rf "$1/.git"
  "${git[@]}" init -q
  "${git[@]}" add .
  GIT_COMMITTER_DATE="@$(date -d '25 weeks ago' +%s) +0000" "${git[@]}" commit -qm all
  for number in $(seq 40); do
    echo "# $number" >>"$1/entrypoint.d/scripts/init/02-database.sh"
    "${git[@]}" commit -qam "init $number"
  done
  for number in 10-postgresql 30-pgbackrest; do
    echo '# edited' >>"$1/setup/scripts/$number.sh"
    "${git[@]}" commit -qam "$number"
  done
}

docker_build() {
  docker build --progress plain --network host --secret "id=apt-sources,src=$WORK/apt-sources" --tag "$1" "$WORK/$1" \
    >"$WORK/docker-$1.log" 2>&1 || { tail -30 "$WORK/docker-$1.log"; return 1; }
  docker image inspect "$1" | jq '.[0].Config' >"$WORK/$1.json"
}

# The number of the line that begins so.
line_of() { grep -n -m1 -e "$1" "$WORK/well-ordered/Dockerfile" | cut -d : -f 1; }

@test "each setup script is copied before the RUN that reads it, and everything else after the last one" {
  cat "$WORK/well-ordered/Dockerfile"
  for script in 10-postgresql 20-patroni 30-pgbackrest 40-decoderbufs; do
    [ "$(line_of "COPY .*setup/scripts/$script.sh")" -lt "$(line_of " .*/setup.sh $script")" ]
  done
  [ "$(line_of "COPY .*30-pgbackrest.sh")" -gt "$(line_of " .*/setup.sh 20-patroni")" ]
  [ "$(line_of 'COPY \. /opt/container$')" -gt "$(line_of " .*/setup.sh 40-decoderbufs")" ]
  # A commit of an entrypoint script installs nothing any more.
  jq -c '.seconds, .secondsProposed, (.runs[] | [.seconds, .rebuilds, .rebuildsProposed])' "$WORK/advice.json"
  jq -es '.[0] | .secondsProposed < .seconds / 5 and .saved > 1' "$WORK/advice.json"
}

@test "Docker makes the same files of both, and the same configuration" {
  for order in badly-ordered well-ordered; do mount_docker_image "$order" "$WORK/root-of-$order"; done
  echo '# none' >"$WORK/no-exceptions"
  python3 "$BATS_TEST_DIRNAME/compare.py" "$WORK/no-exceptions" \
    "bad=$WORK/root-of-badly-ordered,$WORK/badly-ordered.json" "good=$WORK/root-of-well-ordered,$WORK/well-ordered.json"
}

@test "in the good order, Docker runs no RUN after an edit of an entrypoint script" {
  echo '# once more' >>"$WORK/well-ordered/entrypoint.d/scripts/init/02-database.sh"
  docker_build well-ordered
  run grep -c '^#[0-9]* CACHED' "$WORK/docker-well-ordered.log"
  [ "$output" -ge 8 ]
  ! grep 'setup: running' "$WORK/docker-well-ordered.log" || false
}
