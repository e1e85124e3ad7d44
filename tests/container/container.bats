#!/usr/bin/env bats
# Containers end to end, as whoever runs this: call it once as root and once as a plain user.
# PGSTRATA names the program to test.

bats_require_minimum_version 1.5.0

setup_file() {
  export PGSTRATA=${PGSTRATA:-pgstrata}
  BASE=$(mktemp -d "${TMPDIR:-/tmp}/pgstrata-container.XXXXXX")
  export BASE PGSTRATA_ROOT="$BASE/store"
  # The image's root: a shell and a few programs of this machine, with the libraries they need.
  local context="$BASE/context" root="$BASE/context/root" program
  mkdir -p "$root"/{bin,etc,tmp,lib64} "$context"
  for program in sh cat sleep id env ls mkdir chown chmod touch stat tty mount head; do
    program=$(command -v "$program")
    cp -L "$program" "$root/bin/"
    ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
      mkdir -p "$root$(dirname "$library")"
      cp -L "$library" "$root$library"
    done
  done
  printf 'root:x:0:0::/root:/bin/sh\napp:x:77:77::/home/app:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\napp:x:77:\nextra:x:78:app\n' >"$root/etc/group"
  cat >"$context/Dockerfile" <<'EOF'
FROM scratch
COPY root /
RUN mkdir -p /data /home/app && echo seed > /data/seed && chown -R app:app /data && chmod 700 /data
ENV GREETING=hello
VOLUME /data
WORKDIR /work
STOPSIGNAL SIGINT
CMD ["sh", "-c", "echo out; echo err >&2"]
EOF
  "$PGSTRATA" build -t app "$context" >"$BASE/build.log" 2>&1
}

teardown_file() {
  "$PGSTRATA" ps -aq | xargs -r "$PGSTRATA" rm -f -v >/dev/null
  # Layers of a plain user's store belong to ids that only the user namespace knows.
  rm -rf "$BASE" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$BASE"
}

# A container that ends at SIGINT with 42 and ignores SIGTERM, once it has said "ready".
waiting='trap "exit 42" INT; trap "" TERM; echo ready; while :; do sleep 0.1; done'

start_waiting() {
  "$PGSTRATA" run -d --name "$1" "${@:2}" app sh -c "$waiting" >/dev/null
  until "$PGSTRATA" logs "$1" | grep -q ready; do sleep 0.05; done
}

state_of() { "$PGSTRATA" ps -a --format json | grep "\"Names\":\"$1\"" | grep -o '"Status":"[^"]*"'; }

# Mounts and processes that belong to this store, and containers on its disk.
leftovers() {
  grep -c "$BASE" /proc/self/mountinfo || true
  pgrep -f "$BASE/[s]tore/containers" || true
  ls -A "$PGSTRATA_ROOT/containers" | grep -v '^lock$' || true
}

@test "output goes to the stream it was written to" {
  run --separate-stderr "$PGSTRATA" run --rm app
  [ "$status" -eq 0 ]
  [ "$output" = out ]
  [ "$stderr" = err ]
}

@test "environment: the image's, ours, a file's, and the shell's own value" {
  printf '# comment\nFROM_FILE=1\n' >"$BASE/env"
  OUTER=2 run "$PGSTRATA" run --rm --env-file "$BASE/env" -e OUTER -e GREETING=bye app env
  [[ $output == *GREETING=bye* && $output == *FROM_FILE=1* && $output == *OUTER=2* && $output == *HOME=/root* ]]
}

@test "exit codes: the program's, not found, not executable, our own failure" {
  run "$PGSTRATA" run --rm app sh -c 'exit 7'; [ "$status" -eq 7 ]
  run "$PGSTRATA" run --rm app sh -c 'sh -c "kill -9 \$\$"; exit $?'; [ "$status" -eq 137 ]
  run -127 "$PGSTRATA" run --rm app nosuchprogram
  run "$PGSTRATA" run --rm app /etc/passwd; [ "$status" -eq 126 ]
  run "$PGSTRATA" run --rm nosuchimage; [ "$status" -eq 125 ]
  run "$PGSTRATA" run --gpus all app; [ "$status" -eq 125 ]; [[ $output == *--gpus* ]]
}

@test "user, groups and working directory" {
  run "$PGSTRATA" run --rm -u app -w / app sh -c 'id -u; id -G; pwd; echo $HOME'
  [ "$output" = $'77\n77 78\n/\n/home/app' ]
  run "$PGSTRATA" run --rm app sh -c pwd
  [ "$output" = /work ]
}

@test "options behind the image belong to the command" {
  run "$PGSTRATA" run --rm --entrypoint sh app -c 'echo "$0" "$@"' a -e b --rm
  [ "$output" = "a -e b --rm" ]
}

@test "a named volume starts with the image's content and keeps what is written" {
  run "$PGSTRATA" run --rm -v data-1:/data app sh -c 'cat /data/seed; stat -c %U:%a /data; echo more > /data/more'
  [ "$output" = $'seed\napp:700' ]
  run "$PGSTRATA" run --rm -v data-1:/data app sh -c 'cat /data/more'
  [ "$output" = more ]
}

@test "a host directory, read-only and not" {
  mkdir -p "$BASE/host" && echo mine >"$BASE/host/file"
  run "$PGSTRATA" run --rm -v "$BASE/host:/mnt:ro" app sh -c 'cat /mnt/file; (echo x > /mnt/new) 2>/dev/null || echo refused'
  [ "$output" = $'mine\nrefused' ]
  "$PGSTRATA" run --rm -v "$BASE/host:/mnt" app sh -c 'echo x > /mnt/new'
  [ "$(cat "$BASE/host/new")" = x ]
}

@test "a read-only root with a tmpfs" {
  run "$PGSTRATA" run --rm --read-only --tmpfs /tmp app sh -c 'echo x > /tmp/a && echo yes; (echo x > /a) 2>/dev/null || echo no'
  [ "$output" = $'yes\nno' ]
}

@test "stop sends STOPSIGNAL and reports the program's own exit code" {
  start_waiting stopped
  "$PGSTRATA" stop -t 10 stopped
  [[ $(state_of stopped) == *"Exited (42)"* ]]
}

@test "stop kills what does not listen" {
  start_waiting stubborn
  "$PGSTRATA" stop -t 1 -s TERM stubborn
  [[ $(state_of stubborn) == *"Exited (137)"* ]]
}

@test "a signal to a container in the foreground reaches the program" {
  "$PGSTRATA" run --name foreground app sh -c "$waiting" >"$BASE/foreground" &
  local caller=$!
  until grep -q ready "$BASE/foreground"; do sleep 0.05; done
  kill -INT "$caller"
  local code=0
  wait "$caller" || code=$?
  [ "$code" -eq 42 ]
}

@test "logs: tail, and follow until the end" {
  "$PGSTRATA" run -d --name talker app sh -c 'for i in 1 2 3 4; do echo $i; sleep 0.3; done' >/dev/null
  run timeout 20 "$PGSTRATA" logs -f talker
  [ "$status" -eq 0 ]
  [ "$output" = $'1\n2\n3\n4' ]
  run "$PGSTRATA" logs --tail 2 talker
  [ "$output" = $'3\n4' ]
}

@test "exec: environment, user, directory, exit codes, stdin" {
  start_waiting host
  run "$PGSTRATA" exec -e X=1 -u app -w / host sh -c 'echo $X $GREETING; id -u; pwd; exit 3'
  [ "$status" -eq 3 ]
  [ "$output" = $'1 hello\n77\n/' ]
  run -127 "$PGSTRATA" exec host nosuchprogram
  run bash -c 'echo typed | "$PGSTRATA" exec -i host cat'; [ "$output" = typed ]
  "$PGSTRATA" rm -f host
  run "$PGSTRATA" exec host sh -c :; [ "$status" -ne 0 ]
}

@test "stdin of run, and a terminal" {
  run bash -c 'echo typed | "$PGSTRATA" run --rm -i app cat'
  [ "$output" = typed ]
  run script -qec '"$PGSTRATA" run --rm -it app sh -c "tty; id -u"' /dev/null
  # Without a terminal of its own `script` types an end of file, and its terminal may echo that ("^@") before
  # `run` has made it raw.
  [[ ${output#^@} == /dev/pts/0*0* ]]
  run bash -c 'echo | "$PGSTRATA" run --rm -it app sh'
  [ "$status" -eq 125 ]
}

@test "a published port leads into the container's own network" {
  command -v python3 >/dev/null || skip "needs python3"
  start_waiting served -p 127.0.0.1:18432:5432
  # A server in the container's network: nothing listens on the machine's 5432 for it.
  local pid
  pid=$(pgrep -f "^sh -c trap .exit 42" | tail -1)
  if [ "$(id -u)" -eq 0 ]; then
    nsenter -t "$pid" -n python3 -c 'import socket; s=socket.create_server(("127.0.0.1",5432)); c,_=s.accept(); c.sendall(c.recv(9).upper()); c.close()' &
  else
    nsenter -t "$pid" -U -n --preserve-credentials python3 -c 'import socket; s=socket.create_server(("127.0.0.1",5432)); c,_=s.accept(); c.sendall(c.recv(9).upper()); c.close()' &
  fi
  sleep 1
  run python3 -c 'import socket; s=socket.create_connection(("127.0.0.1",18432)); s.sendall(b"ping"); print(s.recv(9).decode())'
  [ "$output" = PING ]
  "$PGSTRATA" rm -f served
}

@test "names are unique, and rm refuses what runs" {
  start_waiting unique
  run "$PGSTRATA" run -d --name unique app; [ "$status" -eq 125 ]; [[ $output == *"already in use"* ]]
  run "$PGSTRATA" rm unique; [ "$status" -eq 1 ]
  "$PGSTRATA" rm -f unique
  [ -z "$(state_of unique)" ]
}

@test "--rm leaves nothing: no container, no volume, no mount, no process" {
  "$PGSTRATA" ps -aq | xargs -r "$PGSTRATA" rm -f -v
  ls "$PGSTRATA_ROOT/volumes" >"$BASE/volumes-before"
  "$PGSTRATA" run --rm app sh -c :
  [ "$(leftovers)" = 0 ]
  ls "$PGSTRATA_ROOT/volumes" | cmp - "$BASE/volumes-before"
}

@test "kill -9 of the monitor leaves no process, and the container counts as killed" {
  start_waiting victim
  local directory monitor inside
  directory=$(grep -l '"name":"victim"' "$PGSTRATA_ROOT"/containers/*/config.json | xargs dirname)
  monitor=$(grep -o '"pid":[0-9]*' "$directory/state.json" | cut -d: -f2)
  inside=$(pgrep -P "$monitor")
  [ -n "$inside" ]
  kill -9 "$monitor"
  for _ in $(seq 50); do kill -0 "$inside" 2>/dev/null || break; sleep 0.1; done
  ! kill -0 "$inside" || false
  [[ $(state_of victim) == *"Exited (137), killed"* ]]
  grep -q "$directory" /proc/self/mountinfo && false
  "$PGSTRATA" rm victim
}

@test "kill -9 of run in the foreground ends the container" {
  "$PGSTRATA" run --name orphan app sh -c "$waiting" >"$BASE/orphan" &
  local caller=$!
  until grep -q ready "$BASE/orphan"; do sleep 0.05; done
  kill -9 "$caller"
  for _ in $(seq 50); do [[ $(state_of orphan) == *Exited* ]] && break; sleep 0.1; done
  [[ $(state_of orphan) == *Exited* ]]
}
