#!/usr/bin/env bats
# RUN --mount=type=ssh and --ssh: with an ssh-agent of the machine, and its ssh-add within a RUN.
load helper

setup_file() { unset SSH_AUTH_SOCK SSH_AGENT_PID; }

key() { ssh-keygen -q -t ed25519 -N "${2:-}" -C "comment of $1" -f "$T/$1"; }
agent() {
  eval "$(ssh-agent -s -a "$T/agent")" >/dev/null
  AGENT=$SSH_AGENT_PID
  unset SSH_AUTH_SOCK SSH_AGENT_PID
  SSH_AUTH_SOCK=$T/agent ssh-add -q "$T/key"
}
eval "plain_$(declare -f teardown)"
teardown() {
  [ -z "${AGENT:-}" ] || kill "$AGENT"
  plain_teardown
}

# ssh-add and what it is linked with, in the context.
programs() {
  local file
  for file in "$(command -v ssh-add)" $(ldd "$(command -v ssh-add)" | grep -o '/[^ ]*'); do
    install -D "$file" "root$file"
  done
  printf 'FROM bb\nCOPY root /\n'
}

@test "the agent in SSH_AUTH_SOCK: keys are listed; they can't be removed, nor others added" {
  key key
  agent
  key other
  cp "$T/other" other
  chmod 644 other
  {
    programs
    cat <<'D'
COPY --chmod=600 other /other
RUN --mount=type=ssh ssh-add -l >/list; echo "$SSH_AUTH_SOCK" >/where; ! ssh-add -D; ! ssh-add /other; ssh-add -l | cmp - /list
RUN echo "now: $SSH_AUTH_SOCK" >/after; [ ! -e /run/buildkit/ssh_agent.0 ]
D
  } | dockerfile
  SSH_AUTH_SOCK=$T/agent root_tar --ssh default
  has "$(content list)" "comment of key (ED25519)"
  is "$(content where)" /run/buildkit/ssh_agent.0
  is "$(content after)" "now: "
  has "$(SSH_AUTH_SOCK=$T/agent ssh-add -l)" "comment of key"
}

@test "target, mode, uid and gid; a plain user of the step can use it; an ID with a socket" {
  key key
  agent
  {
    programs
    cat <<'D'
USER 77:78
RUN --mount=type=ssh,id=mine,target=/tmp/sock,uid=77,gid=78,mode=0620,required stat -c '%F %u:%g %a' "$SSH_AUTH_SOCK" >/tmp/stat; ssh-add -l >/tmp/list
ENV SSH_AUTH_SOCK=/elsewhere
RUN --mount=type=ssh,id=mine echo "$SSH_AUTH_SOCK" >/tmp/own
D
  } | dockerfile
  root_tar --ssh "mine=$T/agent"
  is "$(content tmp/stat)" "socket 77:78 620"
  has "$(content tmp/list)" "comment of key"
  is "$(content tmp/own)" /elsewhere
}

@test "keys in files: an agent of ours, that ends with the build" {
  key one
  key two
  { programs; echo 'RUN --mount=type=ssh ssh-add -l >/list'; } | dockerfile
  root_tar --ssh "default=$T/one,$T/two"
  has "$(content list)" "comment of one"
  has "$(content list)" "comment of two"
  wait_until no_agents
  is "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'pgstrata-ssh.*' -user "$(id -u)" -newer "$T/one")" ""
}
no_agents() { ! pgrep -f 'ssh-agent -a [^ ]*/pgstrata-ssh\.' && ! pgrep -f '^tail --pid'; }

@test "an agent of ours also ends when the build is killed" {
  key one
  { programs; echo "RUN --mount=type=ssh sleep 4713.$BATS_TEST_NUMBER"; } | dockerfile
  "$PGSTRATA" build --ssh "default=$T/one" "$T/context" >"$T/log" 2>&1 3>&- &
  local build=$!
  wait_until pgrep -f "^sleep 4713.$BATS_TEST_NUMBER\$"
  kill -9 "$build"
  wait "$build" 2>/dev/null || true
  wait_until no_agents
}

@test "the key of a step says that it has an agent, not which" {
  key key
  agent
  key one
  { programs; echo 'RUN --mount=type=ssh date +%N >/made'; } | dockerfile
  build --ssh "default=$T/agent"
  build --ssh "default=$T/one"
  is "$(steps | tail -1)" "3 hit"
}

@test "without --ssh: an optional agent isn't there, a required one is asked for" {
  # shellcheck disable=SC2016
  printf 'FROM bb\nRUN --mount=type=ssh [ ! -e "$SSH_AUTH_SOCK" ]\n' | dockerfile
  build
  printf 'FROM bb\nRUN --mount=type=ssh,id=deploy,required=true true\n' | dockerfile
  refused 2 $'Dockerfile:2\nrequires the ssh-agent "deploy"\n--ssh deploy=FILE'
}

@test "--ssh: no agent runs, no such file, a passphrase, an agent that is gone" {
  printf 'FROM bb\nRUN --mount=type=ssh true\n' | dockerfile
  refused 2 $'--ssh default: no agent runs\nssh-add' --ssh default
  refused 2 "$T/nothing: --ssh x: there is no such socket or key" --ssh "x=$T/nothing"
  refused 2 "--ssh =x" --ssh =x
  refused 2 "said twice" --ssh "a=$T/agent" --ssh "a=$T/agent"
  key locked secret
  refused 2 $'--ssh default: can\'t use the key\nif it has a passphrase' --ssh "default=$T/locked"
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/dead"
  refused 1 $'Dockerfile:2\ncan\'t reach the ssh-agent' --ssh "default=$T/dead"
}
