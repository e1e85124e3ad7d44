#!/usr/bin/env bats
# Changing identity inside a RUN, as a plain USER of a real distribution. Needs Debian's packages.
load helper

setup_file() {
  load helper
  use_debian >"$E2E/debian.log" 2>&1 || { cat "$E2E/debian.log"; return 1; }
}

@test "apt-get install, sudo, su, a setuid program and a file capability" {
  use_debian
  # apt shows that packages come in; the rest needs what came.
  dockerfile <<'D'
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends sudo libcap2-bin attr && rm -rf /var/lib/apt/lists/*
RUN useradd -m plain && echo 'plain ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/plain && passwd -d root
RUN cp /usr/bin/id /setuid-id && chmod 4755 /setuid-id && \
    cp /bin/cat /dac-cat && setcap cap_dac_override=ep /dac-cat && \
    setfattr -n user.k -v v /dac-cat && echo secret >/root/secret && chmod 600 /root/secret
USER plain
RUN id -un >/home/plain/user && ! cat /root/secret && sudo id -u >/home/plain/sudo && su -c 'id -u' </dev/null >/home/plain/su
RUN /setuid-id -u >/home/plain/setuid && /dac-cat /root/secret >/home/plain/capability
RUN sudo -u nobody id -un >/home/plain/nobody
D
  root_tar
  is "$(content home/plain/user)" plain
  is "$(content home/plain/sudo)" 0
  is "$(content home/plain/su)" 0
  is "$(content home/plain/setuid)" 0
  is "$(content home/plain/capability)" secret
  is "$(content home/plain/nobody)" nobody
  lacks "$(names)" var/lib/apt/lists/deb
  # Nothing of the machine's mirror stays in the image.
  lacks "$(names)" 00pgstrata
  build
  is "$(steps | grep -v hit)" ""
}

@test "a package's own user and its files' owners" {
  use_debian
  dockerfile <<'D'
FROM debian:bookworm-slim
RUN groupadd -g 5000 g && useradd -u 5001 -g g u && install -d -o u -g g -m 2750 /data
COPY --chown=u:g Dockerfile /data/
USER u
RUN touch /data/mine && chmod 640 /data/mine
D
  root_tar
  is "$(entry data/)" "drwxr-s--- 5001/5000 0 data/"
  is "$(entry data/mine)" "-rw-r----- 5001/5000 0 data/mine"
}
