"""Random Dockerfiles and random edits of their contexts: what RUNs may ask, and what may change below them."""

import os
import shutil

import seed

NAMES = ["a", "b", "a-b", "c", "d"]
# {p}, {q}: paths that the context may have; {n}, {m}: names; {i}: a digit; {c}: a path that the context has, or "."
STEPS = [
    # content, by read, mmap, sendfile and exec; of empty files as well
    "RUN cat /c/{p} >/cat-{n} 2>/dev/null; true",
    "RUN cat /c/{p} /c/{q} >/cat-{n} 2>/dev/null; true",
    "RUN sha256sum /c/{p} >/sum-{n} 2>/dev/null; true",
    "RUN sh /c/{p} >/sh-{n} 2>&1; true",
    "RUN /c/{p} >/exec-{n} 2>&1; true",
    # absence, kind, metadata, link targets, listings, attributes
    "RUN if [ -e /c/{p} ]; then echo yes >/is-{n}; fi",
    "RUN if [ -d /c/{p} ]; then echo yes >/is-{n}; fi",
    "RUN if [ -x /c/{p} ]; then echo yes >/may-{n}; fi",
    "RUN if [ -s /c/{p} ]; then echo yes >/full-{n}; fi",
    "RUN if [ /c/{p} -ef /c/{q} ]; then echo yes >/same-{n}; fi",
    "RUN stat -c '%s %a %u %g %h %F' /c/{p} >/stat-{n} 2>/dev/null; true",
    "RUN readlink /c/{p} >/leads-{n}; true",
    "RUN ls /c/{p} >/ls-{n} 2>/dev/null; true",
    "RUN ls -R /c >/all-{n} 2>&1; true",
    "RUN find /c -type f | sort >/files-{n}; true",
    "RUN find /c/{p} -name '{n}*' 2>/dev/null | sort >/found-{m}; true",
    "RUN getfattr --absolute-names -d -m security -e hex /c/{p} >/attr-{n} 2>/dev/null; true",
    "RUN tar -cf - /c 2>/dev/null | tar -tf - | sort >/tar-{n}; true",
    # copies up: the layer holds bytes that the step never read by itself
    "RUN chmod 711 /c/{p}; true",
    "RUN chown 5:6 /c/{p}; true",
    "RUN echo more >>/c/{p}; true",
    "RUN mv /c/{p} /c/moved-{n}; true",
    "RUN mv /c/{p} /moved-{n}; true",
    "RUN ln /c/{p} /hard-{n}; true",
    "RUN setfattr -n security.capability -v 0x010000020{i}000000000000000000000000000000 /c/{p}; true",
    "RUN touch /c/{p}; true",
    "RUN cp -a /c/{p} /copy-{n} 2>/dev/null; true",
    # removes and replaces
    "RUN rm -rf /c/{p}",
    "RUN rm -rf /c/{p} && mkdir -p /c/{p} && echo {i} >/c/{p}/new",
    "RUN rmdir /c/{p} 2>/dev/null; true",
    "RUN mkdir /c/{p} && echo {i} >/c/{p}/made; true",
    "RUN rm -rf /c; mkdir -p /c/{p}",
    "RUN ln -sfn {n} /c/{p}; true",
    # decide by times alone
    "RUN echo {i} >/stamp; touch /stamp",
    "RUN find /c -type f -newer /stamp 2>/dev/null | sort >/newer-{n}; true",
    "RUN cp -u /c/{p} /target-{n} 2>/dev/null; true",
    "RUN echo {i} >/target-{n}",
    "RUN cp /c/{p} /src-{n} 2>/dev/null; true",
    "RUN printf 'obj-{n}: /c/{p}\\n\\tcat /c/{p} >obj-{n}; echo built >>log\\n' | make -s -f - 2>/dev/null; true",
    "COPY {c} /c/late-{n}",
    # the same bytes with another time, as something else says
    "RUN if [ -x /c/{p} ]; then cp -p /c/{q} /timed-{n}; else cp /c/{q} /timed-{n}; fi 2>/dev/null; true",
    "RUN if [ -s /c/{p} ]; then touch /c/{q}; else chmod 700 /c/{q}; fi 2>/dev/null; true",
    "RUN if [ -e /c/{p} ]; then touch -d '2001-01-01 00:00:0{i}' /timed-{n}; fi; true",
    "RUN find /timed-{n} -newer /c/{p} >/compared-{n} 2>/dev/null; true",
    "RUN find /c/{p} -newer /timed-{n} >/compared-{n} 2>/dev/null; true",
    # whose it is
    "USER {i}:{i}",
    "USER root",
    "RUN echo 'u:x:{i}:6::/:/bin/sh' >/etc/passwd; true",
    "USER u",
    "RUN id >/tmp/id-{n}; true",
    # mounts
    "RUN --mount=type=bind,target=/ctx cat /ctx/{p} >/bound-{n} 2>/dev/null; true",
    "RUN --mount=type=bind,target=/ctx ls /ctx/{p} >/bound-{n} 2>/dev/null; true",
    "RUN --mount=type=bind,target=/ctx if [ -e /ctx/{p} ]; then echo yes >/bound-{n}; fi",
    "RUN --mount=type=bind,target=/ctx,rw echo more >>/ctx/{p}; cp /ctx/{p} /bound-{n} 2>/dev/null; true",
    "RUN --mount=type=bind,source={c},target=/one ls -R /one >/bound-{n}; cat /one >>/bound-{n} 2>/dev/null; true",
    "RUN --mount=type=bind,from=other,target=/o cat /o/o/file >/of-{n} 2>/dev/null; true",
    "RUN --mount=type=bind,from=other,source=/c,target=/o ls /o >/of-{n} 2>/dev/null; true",
    # copies, also through links and out of the other stage
    "COPY {c} /c/{n}",
    "COPY {c} /c/{n}/",
    "COPY --chmod=640 {c} /m/",
    "COPY --chown=7:8 . /all/",
    "COPY --from=other /o /from-other",
    "COPY --from=other /c /c",
    "RUN ln -sfn /c/{n} /dest; true",
    "COPY {c} /dest/",
    "WORKDIR /w/{n}",
    "RUN echo here >file",
    "ENV NAME={n}{i}",
    "RUN echo $NAME >>/env",
]


def random_bytes(dice, count):
    """No character that makes a shell run two things at once: their messages would come in any order."""
    return bytes(dice.choices(b"abcxyz019/.= \n\0\xff", k=count))


def random_path(dice):
    return "/".join(dice.choice(NAMES) for _ in range(dice.choice([1, 1, 1, 2, 2, 3])))


def existing(context):
    found = [os.path.relpath(os.path.join(at, name), context) for at, dirs, names in os.walk(context) for name in dirs + names]
    return sorted(path for path in found if path != "Dockerfile")


def some_path(dice, context):
    """One that is there, mostly: what isn't is asked for as well."""
    there = existing(context)
    return dice.choice(there) if there and dice.random() < 0.7 else random_path(dice)


def random_step(dice, context):
    return dice.choice(STEPS).format(
        p=some_path(dice, context),
        q=some_path(dice, context),
        c=random_path(dice) if dice.random() < 0.03 else dice.choice([*existing(context), "."]),
        n=dice.choice(NAMES),
        m=dice.choice(NAMES),
        i=dice.randrange(1, 4),
    )


def replace_by_directory(dice, path):
    """Of the same mode, with other files."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
    os.mkdir(path)
    with open(os.path.join(path, dice.choice(NAMES)), "wb") as file:
        file.write(random_bytes(dice, 3))


def edit_file(dice, context):
    """One edit; those that can't be (no such file, not a directory) are part of it."""
    path = os.path.join(context, some_path(dice, context))
    try:
        match dice.randrange(14):
            case 0 | 1 | 2:
                path = os.path.join(context, random_path(dice))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(dice.choice([b"", b"x", b"echo hello\n", b"#!/bin/sh\necho script\n", random_bytes(dice, 5000)]))
            case 3 | 4:  # the same size, and the times it had
                status = os.stat(path)
                with open(path, "r+b") as file:
                    file.write(random_bytes(dice, min(1, status.st_size)))
                if dice.random() < 0.7:
                    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            case 5:
                with open(path, "ab") as file:
                    file.write(b"more\n")
            case 6:
                os.chmod(path, dice.choice([0o644, 0o755, 0o600]) | (0o100 if os.path.isdir(path) else 0))
            case 7:
                os.symlink(dice.choice(NAMES), os.path.join(context, random_path(dice)))
            case 8:  # another target
                os.unlink(path) if os.path.islink(path) else None
                os.symlink(dice.choice(NAMES), path)
            case 9:
                os.setxattr(path, "security.capability", seed.capability(dice.randrange(4)))
            case 10:
                os.link(path, os.path.join(context, random_path(dice)))
            case 11:
                os.rename(path, os.path.join(context, random_path(dice)))
            case 12:
                replace_by_directory(dice, path)
            case 13:
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
    except OSError:
        pass


def edit_steps(dice, steps, context):
    """Inserts, removes or exchanges one."""
    at = dice.randrange(len(steps) + 1)
    if len(steps) < 4 or (len(steps) < 14 and dice.random() < 0.5):
        steps.insert(at, random_step(dice, context))
    elif dice.random() < 0.5:
        del steps[at % len(steps)]
    else:
        steps[at % len(steps)] = random_step(dice, context)


def new_sequence(dice, context):
    """An empty context gets a few files, and steps to go with them."""
    shutil.rmtree(context, ignore_errors=True)
    os.mkdir(context)
    for _ in range(12):
        edit_file(dice, context)
    return ["COPY . /c"] + [random_step(dice, context) for _ in range(dice.randrange(4, 11))]


def write_dockerfile(context, steps, other):
    with open(os.path.join(context, "Dockerfile"), "w", encoding="ascii") as file:
        print("FROM bb AS other", "COPY . /c", "RUN mkdir /o", other, "FROM bb", *steps, sep="\n", file=file)
