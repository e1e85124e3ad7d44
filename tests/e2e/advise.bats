#!/usr/bin/env bats
# `pgstrata advise`: an order of the Dockerfile that rebuilds less, proven by what the RUNs asked.
load helper

# What most Dockerfiles look like: everything is copied before the two RUNs, of which each reads its own script.
badly_ordered() {
  mkdir -p setup config
  # shellcheck disable=SC2016 # expanded in the image
  printf '#!/bin/sh\n. "/opt/app/setup/$1.sh"\n' >setup.sh
  chmod +x setup.sh
  echo 'sleep 0.3; echo one >/etc/one' >setup/one.sh
  echo 'sleep 0.3; mkdir -p /opt/app/made; cat /etc/one >/opt/app/made/two' >setup/two.sh
  echo 'echo hello' >entrypoint.sh
  echo 1 >config/settings
  printf '.git\nDockerfile\n.dockerignore\n' >.dockerignore
  dockerfile <<'D'
FROM bb
ENV MODE=usual

# the application
COPY . /opt/app
RUN /opt/app/setup.sh one
RUN /opt/app/setup.sh two

USER app
CMD ["sh", "/opt/app/entrypoint.sh"]
D
}

in_git() { git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false "$@"; }

# Ten edits of the entrypoint and one of a setup script, within the last week.
edited() {
  local number
  in_git init -q .
  in_git add .
  in_git commit -qm all
  for number in 1 2 3 4 5 6 7 8 9 10; do
    echo "# $number" >>entrypoint.sh
    in_git commit -qam "entrypoint $number"
  done
  echo '# edited' >>setup/two.sh
  in_git commit -qam two
}

advise() { run --separate-stderr "$PGSTRATA" advise "$@" "$T/context"; }

# Every entry of the image's tar, with its content, but no times.
entries() {
  rm -rf "$T/unpacked"
  mkdir "$T/unpacked"
  tar -C "$T/unpacked" --same-permissions -xf "$T/root.tar"
  (cd "$T/unpacked" && find . \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%p -> %l\n' \) | sort)
  tar --numeric-owner -tvf "$T/root.tar" | sed -E 's/ +/ /g; s/ [0-9-]{10} [0-9:]{5}//' | sort
}

@test "without a build there is nothing to say" {
  badly_ordered
  advise
  [ "$status" -eq 2 ]
  has "$stderr" 'no build of the context is recorded'
  has "$stderr" 'pgstrata build'
}

@test "every RUN gets what it read, and the rest comes last: proposed, applied, and built from what is there" {
  badly_ordered
  edited
  root_tar
  entries >"$T/before"
  advise
  [ "$status" -eq 0 ] || { echo "$stderr"; false; }
  echo "$output"
  has "$output" '12 commits since 26 weeks ago touched files of the context'
  # The diff is one that patch takes.
  sed -n '/^--- a/,$p' <<<"$output" | sed '/^pgstrata advise/,$d' >"$T/diff"
  cp Dockerfile "$T/Dockerfile.before"
  patch -s -p1 --dry-run <"$T/diff"
  is "$(cat Dockerfile)" "$(cat "$T/Dockerfile.before")"
  advise --apply
  [ "$status" -eq 0 ]
  is "$(cat Dockerfile)" "$(cat <<'D'
FROM bb
ENV MODE=usual

COPY setup.sh /opt/app/
COPY setup/one.sh /opt/app/setup/
RUN /opt/app/setup.sh one
COPY setup/two.sh /opt/app/setup/
RUN /opt/app/setup.sh two
# the application
COPY . /opt/app

USER app
CMD ["sh", "/opt/app/entrypoint.sh"]
D
)"
  root_tar
  [[ $(steps) != *ran*$'\n'*ran*$'\n'*ran*$'\n'*ran*$'\n'*ran* ]]
  root_tar --no-cache
  entries >"$T/after"
  diff "$T/before" "$T/after"
  advise
  has "$output" 'No order is proven to be better'
}

@test "as JSON: what it costs by that history, and what it would" {
  badly_ordered
  edited
  build
  advise --format json
  [ "$status" -eq 0 ] || { echo "$stderr"; false; }
  is "$(jq -r '.edits.basis, .edits.commits, .unit, .applied' <<<"$output")" $'git\n12\nseconds per week\nfalse'
  # Twelve rebuilds of both RUNs, but two of the first (the commit that made all) and of the second.
  is "$(jq -c '[.runs[] | .rebuilds, .rebuildsProposed]' <<<"$output")" '[12,1,12,2]'
  jq -es '.[0] | .seconds > 12 * 0.6 and .secondsProposed < .seconds / 2 and .saved > 3 and .questions > 10' <<<"$output"
  advise --format json --since nonsense
  [ "$status" -eq 2 ]
}

@test "without a history every file counts alike, and that is said" {
  badly_ordered
  build
  GIT_CEILING_DIRECTORIES=$T advise --format json
  [ "$status" -eq 0 ] || { echo "$stderr"; false; }
  is "$(jq -r '.edits.basis, .unit' <<<"$output")" $'equal\nseconds per edit'
  jq -es '.[0] | .saved > 0.1' <<<"$output"
  GIT_CEILING_DIRECTORIES=$T advise
  has "$output" 'Every file is taken to be edited equally often'
}

@test "a RUN that lists the directory keeps it, and why is said" {
  badly_ordered
  sed -i 's,setup.sh one,setup.sh one \&\& ls /opt/app >/listed,' Dockerfile
  edited
  build
  cp Dockerfile "$T/Dockerfile.before"
  advise --apply
  [ "$status" -eq 0 ] || { echo "$stderr"; false; }
  has "$output" 'COPY'
  build
  # All names of /opt/app were there for it in the new order too.
  lacks "$(steps)" $'6 ran'
}

@test "a context or a Dockerfile that has changed since: build first" {
  badly_ordered
  build
  echo '# later' >>entrypoint.sh
  advise
  [ "$status" -eq 2 ]
  has "$stderr" 'the context has changed since it was built'
  build
  echo 'RUN true' >>Dockerfile
  advise --apply
  [ "$status" -eq 2 ]
  has "$stderr" 'no recorded build is of this Dockerfile as it is now'
}
