#!/usr/bin/env bats
# ARG and ENV: who sees which value, and where it is kept.
load helper

@test "ENV wins over ARG, --build-arg over the default, a later ARG over an earlier" {
  dockerfile <<'D'
FROM bb
ARG A=default
ARG B=default
ARG C=default
ENV C=env
ARG D=first
ARG D=second
RUN echo "$A $B $C $D" >/out
D
  root_tar --build-arg B=given --build-arg C=given
  is "$(content out)" "default given env second"
}

@test "an ARG is not in the image, an ENV is; stages built on this one see both, others neither" {
  dockerfile <<'D'
FROM bb AS a
ARG SECRET=x
ENV KEPT=$SECRET
FROM bb AS other
RUN echo "[$KEPT$SECRET]" >/out
FROM a
RUN echo "[$KEPT][$SECRET]" >/out
COPY --from=other /out /other
D
  root_tar
  is "$(content out)" "[x][x]"
  is "$(content other)" "[]"
  is "$(config '.Env|map(select(startswith("PATH")|not))')" '["KEPT=x"]'
}

@test "an ARG before FROM serves FROM, and stages that ask for it" {
  dockerfile <<'D'
ARG BASE=nosuch
ARG V=1
FROM $BASE AS a
RUN echo "[$V]" >/without
ARG V
RUN echo "[$V]" >/with
D
  root_tar --build-arg BASE=bb
  is "$(content without)" "[]"
  is "$(content with)" "[1]"
}

@test "expansion: defaults, alternatives, escapes, single quotes, and one line at a time" {
  dockerfile <<'D'
FROM bb
ENV a=1 b=$a
ENV c=$a d=${e:-dflt} f=${a:+alt} g=${e:+alt} h='$a' i=\$a j="x y"
RUN env | grep '^[a-j]=' | sort >/out
D
  root_tar
  is "$(content out)" "$(printf '%s\n' a=1 b= c=1 d=dflt f=alt g= 'h=$a' 'i=$a' 'j=x y')"
}

@test "variables in COPY, WORKDIR, USER, LABEL, EXPOSE; none in CMD" {
  echo x >file
  dockerfile <<'D'
FROM bb
ARG F=file
ENV DIR=/d U=app P=80
WORKDIR $DIR
COPY $F ${DIR}/copy
USER $U
EXPOSE $P
LABEL l=$U
CMD ["echo", "$U"]
D
  root_tar
  is "$(content d/copy)" x
  is "$(config '[.User,.WorkingDir,.Labels.l,(.ExposedPorts|keys[0]),.Cmd[1]]')" '["app","/d","app","80/tcp","$U"]'
}

@test "predefined: proxies reach RUN but neither the image nor the cache; TARGETARCH wants an ARG" {
  dockerfile <<'D'
FROM bb
ARG TARGETARCH
RUN echo "$HTTP_PROXY $TARGETARCH $TARGETOS" >/out
D
  root_tar --build-arg HTTP_PROXY=http://127.0.0.1:9
  is "$(content out)" "http://127.0.0.1:9 $(dpkg --print-architecture) "
  lacks "$("$PGSTRATA" inspect t)" 127.0.0.1:9
  build --build-arg HTTP_PROXY=http://127.0.0.1:10
  is "$(steps)" $'1 hit\n3 hit'
}

@test "--build-arg NAME takes the value from the environment; --label wins over LABEL" {
  printf 'FROM bb\nARG A\nRUN echo $A >/out\nLABEL l=file m=file\n' | dockerfile
  A=outer root_tar --build-arg A --label l=option
  is "$(content out)" outer
  is "$(config '[.Labels.l,.Labels.m]')" '["option","file"]'
}
