#!/usr/bin/env bats
# RUN: its forms, its mounts, its network, and what its process sees.
load helper

@test "shell form, exec form, heredoc, heredoc with an interpreter" {
  dockerfile <<'D'
FROM bb
RUN echo shell $HOME >/shell
RUN ["/bin/sh", "-c", "echo \"exec $0\" >/exec", "zero"]
RUN ["touch", "/$HOME"]
RUN <<EOF
echo first >/heredoc
echo second >>/heredoc
EOF
RUN <<EOF
#!/bin/awk -f
BEGIN { print "awk" > "/awk" }
EOF
RUN cat <<a >/two && cat <<b >>/two
1
a
2
b
D
  root_tar
  is "$(content shell)" "shell /root"
  is "$(content exec)" "exec zero"
  is "$(content heredoc)" $'first\nsecond'
  is "$(content awk)" awk
  is "$(content two)" $'1\n2'
  has "$(names)" '$HOME'
}

@test "bind mounts: of the context, of a stage, writable without effect" {
  mkdir src
  echo context >src/f
  dockerfile <<'D'
FROM bb AS other
RUN echo stage >/s
FROM bb
RUN --mount=type=bind,source=src,target=/mnt --mount=type=bind,from=other,target=/other,rw \
  cp /mnt/f /1 && cp /other/s /2 && ! touch /mnt/x && echo y >/other/y
D
  root_tar
  is "$(content 1)" context
  is "$(content 2)" stage
  is "$(names | grep -E '^(mnt|other)/.+')" ""
  is "$(ls src)" f
}

@test "cache mounts keep their files between builds, are shared by id, and leave no trace" {
  printf 'FROM bb\nRUN --mount=type=cache,target=/c echo 1 >>/c/log; cp /c/log /seen\n' | dockerfile
  build
  root_tar --no-cache
  is "$(content seen)" $'1\n1'
  lacks "$(names)" c/log
  dockerfile <<'D'
FROM bb
RUN --mount=type=cache,id=/c,target=/d cp /d/log /seen
RUN --mount=type=cache,id=own,target=/e,uid=77,gid=78,mode=0750 stat -c %u:%g:%a /e >/owner
D
  root_tar
  is "$(content seen)" $'1\n1'
  is "$(content owner)" 77:78:750
}

@test "tmpfs mounts" {
  printf 'FROM bb\nRUN --mount=type=tmpfs,target=/t touch /t/x && grep " /t " /proc/mounts | cut -d" " -f3 >/kind\n' | dockerfile
  root_tar
  is "$(content kind)" tmpfs
  lacks "$(names)" t/x
}

# BuildKit: executor/oci/mounts.go, dedupMounts; secrets come behind the other mounts in client/llb/exec.go.
@test "of two mounts with one target the last one counts, and a secret before all others" {
  mkdir one two
  touch one/1 two/2
  echo hush >"$T/secret"
  dockerfile <<'D'
FROM bb
RUN --mount=target=/m,source=one --mount=target=/m,source=two ls /m >/binds
RUN --mount=target=/m,source=one --mount=type=tmpfs,target=/m/ ls /m >/tmpfs
RUN --mount=type=tmpfs,target=/m --mount=target=/m,source=one ls /m >/bind
RUN --mount=type=secret,id=s,target=/m/1 --mount=target=/m,source=one --mount=target=/m/1,source=two/2 wc -c </m/1 >/secret
D
  root_tar --secret id=s,src="$T/secret"
  is "$(content binds)" 2
  is "$(content tmpfs)" ""
  is "$(content bind)" 1
  is "$(content secret)" 5
}

@test "secrets: from a file and the environment, as a file and a variable, in no layer and no cache key" {
  echo hush-1 >"$T/secret"
  # The brackets keep the words that are searched for out of the Dockerfile, whose text the history has.
  dockerfile <<'D'
FROM bb
RUN --mount=type=secret,id=s stat -c %a /run/secrets/s >/mode && grep -q '^[h]ush-1$' /run/secrets/s
RUN --mount=type=secret,id=e,env=PASSWORD echo "$PASSWORD" | grep -q '^[h]ush-2$'
RUN --mount=type=secret,id=absent,target=/absent [ ! -e /absent ]
D
  export IN_ENV=hush-2
  root_tar --secret "id=s,src=$T/secret" --secret id=e,env=IN_ENV
  is "$(content mode)" 400
  is "$(grep -rl hush- "$T/store" || true)" ""
  echo other >"$T/secret"
  build --secret "id=s,src=$T/secret" --secret id=e,env=IN_ENV
  is "$(steps | grep -v hit)" ""
}

@test "a secret from a variable that is not set is empty, as in buildx" {
  printf 'FROM bb\nRUN --mount=type=secret,id=s,required stat -c %%s /run/secrets/s >/size\n' | dockerfile
  unset NOT_SET
  root_tar --secret id=s,env=NOT_SET
  is "$(content size)" 0
  root_tar --secret id=s,type=env,src=NOT_SET
  is "$(content size)" 0
}

@test "a required secret that wasn't given" {
  printf 'FROM bb\nRUN --mount=type=secret,id=s,required true\n' | dockerfile
  refused 2 $'Dockerfile:2\n"s"'
}

@test "--network=none has no interface but loopback, in the instruction and as an option" {
  printf 'FROM bb\nRUN --network=none cat /proc/net/dev >/2\n' | dockerfile
  root_tar
  is "$(content 2 | grep -c :)" 1
  has "$(content 2)" lo:
  printf 'FROM bb\nRUN cat /proc/net/dev >/2\n' | dockerfile
  root_tar --network none
  is "$(content 2 | grep -c :)" 1
}

@test "what a step sees: no terminal, closed input, its own /proc, /dev as Docker's, a masked machine" {
  dockerfile <<'D'
FROM bb
RUN [ -z "$(cat)" ] && hostname >/hostname
RUN echo $$ >/pid; ls /dev | sort >/dev.list; echo x >/dev/null; head -c1 /dev/zero /dev/urandom >/dev/null
RUN [ ! -s /proc/kcore ] && [ ! -s /proc/keys ] && ! echo 1 >/proc/sys/kernel/printk
RUN grep CapEff /proc/self/status >/caps; umask >/umask
D
  root_tar
  is "$(content hostname)" buildkitsandbox
  for device in null zero full random urandom tty pts shm ptmx stdin stdout stderr fd; do
    has "$(content dev.list)" "$device"
  done
  # Docker's default set of capabilities: moby oci/caps/defaults.go as a bit mask.
  is "$(content caps)" $'CapEff:\t00000000a80425fb'
  is "$(content umask)" 0022
}

@test "of what the sandbox itself needs in the root the layer has what runc leaves, dev, proc and sys" {
  printf 'FROM scratch\nCOPY busybox /bin/sh\nRUN echo x >/x\n' | dockerfile
  cp /bin/busybox .
  root_tar
  is "$(names | grep -vE '^(bin/|bin/sh)$')" $'dev/\nproc/\nsys/\nx'
}

@test "a process that a step leaves behind ends with it" {
  printf 'FROM bb\nRUN (trap "" TERM HUP; sleep 4711 & ) ; echo done >/x\n' | dockerfile
  build
  is "$(leftovers)" ""
  is "$(pgrep -f '^sleep 4711$')" ""
}

@test "output of a step is shown as it was written, long lines and odd bytes included" {
  printf 'FROM bb\nRUN printf "a\\tb\\n"; printf "no newline"; echo err >&2; seq 1 3000 | tr "\\n" ,\n' | dockerfile
  build
  has "$(<"$T/log")" $'a\tb'
  has "$(<"$T/log")" "no newline"
  has "$(<"$T/log")" err
  has "$(<"$T/log")" ,2999,3000,
}

@test "sync calls answer success at once" {
  # dd's fsync and the sync of a file: what apt and initdb do all the time.
  printf 'FROM bb\nRUN sync && sync /etc/passwd && dd if=/dev/zero of=/f bs=1k count=1 conv=fsync\n' | dockerfile
  build
}
