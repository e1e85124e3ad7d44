#!/usr/bin/env bats
# What each instruction does to the configuration and to the file system.
load helper

@test "configuration: one of each, and the last of each wins" {
  dockerfile <<'D'
FROM bb
LABEL a=1 b="two words"
LABEL a=2
EXPOSE 80 5432/udp
VOLUME /data ["/x"]
VOLUME ["/with space"]
STOPSIGNAL SIGQUIT
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/echo", "x"]
CMD ["a"]
CMD ["b", "c"]
USER app
WORKDIR /work
HEALTHCHECK --interval=5s --timeout=2s --start-period=1s --retries=4 CMD ["/bin/true"]
D
  sed -i '/^VOLUME \/data/s/.*/VOLUME \/data \/x/' Dockerfile
  build
  is "$(config .Labels)" '{"a":"2","b":"two words"}'
  is "$(config '.ExposedPorts|keys')" '["5432/udp","80/tcp"]'
  is "$(config '.Volumes|keys')" '["/data","/with space","/x"]'
  is "$(config .StopSignal)" SIGINT
  is "$(config '[.Entrypoint,.Cmd]')" '[["/bin/echo","x"],["b","c"]]'
  is "$(config '[.User,.WorkingDir]')" '["app","/work"]'
  is "$(config .Healthcheck)" \
    '{"Interval":5000000000,"Retries":4,"StartPeriod":1000000000,"Test":["CMD","/bin/true"],"Timeout":2000000000}'
}

@test "configuration: every value is where the image-spec puts it" {
  dockerfile <<'D'
FROM bb
ENV A=1
EXPOSE 80
LABEL x=y
CMD ["sh"]
D
  build --output "type=oci,dest=$T/t.tar"
  local image
  image=$(skopeo inspect --config "oci-archive:$T/t.tar")
  is "$(jq -cr '[.architecture,.os]' <<<"$image")" "[\"$(dpkg --print-architecture)\",\"linux\"]"
  is "$(jq -cr '.config|[.Cmd,.Labels,.ExposedPorts]' <<<"$image")" '[["sh"],{"x":"y"},{"80/tcp":{}}]'
  is "$(jq -r '.rootfs.type' <<<"$image")" layers
  # One history entry per instruction; those without empty_layer are as many as the layers.
  is "$(jq '[.history[]|select(.empty_layer|not)]|length' <<<"$image")" "$(jq '.rootfs.diff_ids|length' <<<"$image")"
  is "$(jq -r '.history[-1].created_by' <<<"$image")" 'CMD ["sh"]'
}

@test "ENTRYPOINT drops the base's CMD; shell forms are wrapped by SHELL; HEALTHCHECK NONE" {
  dockerfile <<'D'
FROM bb AS base
CMD ["from", "base"]
HEALTHCHECK CMD true
FROM base
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT exec top -b
HEALTHCHECK NONE
D
  build
  is "$(config .Entrypoint)" '["/bin/sh","-ec","exec top -b"]'
  is "$(config .Cmd)" null
  is "$(config .Healthcheck.Test)" '["NONE"]'
  is "$(config .Shell)" '["/bin/sh","-ec"]'
}

@test "SHELL is used by RUN" {
  dockerfile <<'D'
FROM bb
SHELL ["/bin/sh", "-euc"]
RUN echo "$-" >/flags
D
  root_tar
  has "$(content flags)" e
  has "$(content flags)" u
}

@test "WORKDIR makes directories, is relative to the one before, expands variables" {
  dockerfile <<'D'
FROM bb
ENV PART=deep
WORKDIR /a
WORKDIR b/$PART
RUN pwd >where
WORKDIR ..
RUN pwd >/where
D
  root_tar
  is "$(entry a/b/deep/)" "drwxr-xr-x 0/0 0 a/b/deep/"
  is "$(content a/b/deep/where)" /a/b/deep
  is "$(content where)" /a/b
  is "$(config .WorkingDir)" /a/b
}

@test "USER by name, by number, with a group: ids, supplementary groups and HOME in RUN" {
  dockerfile <<'D'
FROM bb
RUN mkdir -m 1777 /out
USER app
RUN echo "$(id -u):$(id -g):$(id -G):$HOME" >/out/1
USER 77:79
RUN echo "$(id -u):$(id -g):$(id -G)" >/out/2
USER 4242
RUN echo "$(id -u):$(id -g):$HOME" >/out/3
USER app:extra
RUN echo "$(id -u):$(id -g)" >/out/4
USER root
RUN echo "$(id -u):$(id -g):$HOME" >/out/5
D
  root_tar
  is "$(content out/1)" "77:78:78 79:/home/app"
  is "$(content out/2)" "77:79:79"
  is "$(content out/3)" "4242:0:/"
  is "$(content out/4)" "77:79"
  is "$(content out/5)" "0:0:/root"
  is "$(entry out/1)" "-rw-r--r-- 77/78 22 out/1"
}

@test "USER of a name that the stage doesn't know" {
  dockerfile <<'D'
FROM bb
USER nobodyhere
RUN true
D
  refused 2 'Dockerfile:3
nobodyhere'
}

@test "ONBUILD triggers run in the child, once" {
  dockerfile <<'D'
FROM bb AS parent
ONBUILD RUN echo triggered >>/onbuild
FROM parent AS child
FROM child
RUN cat /onbuild >/copy
D
  root_tar
  is "$(content copy)" triggered
}

@test "escape directive, continuation lines, comments and blank lines between them" {
  printf '# escape=`\r\nFROM bb\r\nRUN echo one `\r\n# a comment\r\n\r\n  two >/out\r\n' | dockerfile
  root_tar
  is "$(content out)" "one two"
}

@test "a Dockerfile in lower case is found, and so is its own ignore file" {
  printf 'FROM scratch\nLABEL from=lower\nCOPY . /\n' >dockerfile
  echo '*' >.dockerignore
  printf 'b\n*ocker*\n' >dockerfile.dockerignore
  touch a b
  root_tar
  is "$(config .Labels.from)" lower
  is "$(names)" a
  printf 'FROM scratch\nLABEL from=upper\n' >Dockerfile
  build
  is "$(config .Labels.from)" upper
}
