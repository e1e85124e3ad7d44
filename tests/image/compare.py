#!/usr/bin/env python3
"""Compares one image as several builders made it: compare.py EXCEPTIONS NAME=ROOT,CONFIG...

ROOT is a directory with the image's files, CONFIG a JSON file with the object `config` of its configuration. Says each
difference that EXCEPTIONS doesn't allow, and each exception that nothing needed any more. Times are not compared."""

import hashlib
import json
import os
import stat
import sys


def read_exceptions(path):
    """{(builder, "entry" or "config", name)}: the words before the reason."""
    with open(path) as file:
        lines = [line.split(None, 3) for line in file if line.strip() and not line.startswith("#")]
    short = [line for line in lines if len(line) < 4]
    if short:
        sys.exit(f"{path}: an exception needs BUILDER KIND NAME REASON: {short[0]}")
    return {tuple(line[:3]) for line in lines}


def content(path, status):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return f"{status.st_size} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    return str(status.st_rdev) if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode) else ""


def xattrs(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    # What the kernel's overlay notes for itself is no part of an image.
    return {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names if "overlay." not in name}


def read_entries(root):
    """{path: what it is}; a hard link names the first path of its file."""
    entries, first = {}, {}
    for directory, directories, files in os.walk(os.fsencode(root)):
        directories.sort()
        for name in [b"."] * (directory == os.fsencode(root)) + sorted(directories + files):
            path = os.path.normpath(os.path.join(directory, name))
            status = os.lstat(path)
            shown = "/" + os.fsdecode(os.path.relpath(path, os.fsencode(root))).removeprefix(".")
            link = first.setdefault((status.st_dev, status.st_ino), shown) if status.st_nlink > 1 and not stat.S_ISDIR(
                status.st_mode) else shown
            entries[shown] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, content(path, status),
                              xattrs(path), "" if link == shown else f"hard link to {link}")
    return entries


def read_config(path):
    """{key or key.subkey: value}; what isn't set is left out: some builders write it as null, some not at all."""
    with open(path) as file:
        config = json.load(file)
    flat = {}
    for key, value in config.items():
        if key == "Env":
            value = sorted(value)  # buildah appends a variable that is set again, the others leave it at its place
        parts = {f"{key}.{name}": part for name, part in value.items()} if isinstance(value, dict) else {key: value}
        flat.update({name: part for name, part in parts.items() if part not in (None, "", False, [], 0)})
    return flat


def differences(kind, images, exceptions, used):
    """images: {builder: {name: value}}"""
    for name in sorted(set().union(*images.values())):
        values = {builder: image.get(name) for builder, image in images.items()}
        excepted = {builder: values.pop(builder) for builder in images if (builder, kind, name) in exceptions}
        for builder, value in excepted.items():
            if any(value != other for other in values.values()):
                used.add((builder, kind, name))
        if any(value != next(iter(values.values())) for value in values.values()):
            yield "\n".join([f"{kind} {name}"] + [f"  {builder:10} {value}" for builder, value in values.items()])


def main():
    exceptions = read_exceptions(sys.argv[1])
    entries, configs, used = {}, {}, set()
    for argument in sys.argv[2:]:
        builder, files = argument.split("=", 1)
        root, config = files.split(",", 1)
        entries[builder], configs[builder] = read_entries(root), read_config(config)
    found = [*differences("entry", entries, exceptions, used), *differences("config", configs, exceptions, used)]
    unused = [" ".join(exception) for exception in sorted(exceptions - used)]
    print("\n".join(found + [f"exception that nothing needs: {one}" for one in unused]))
    print(f"{len(next(iter(entries.values())))} entries, {len(found)} differences, {len(unused)} unused exceptions")
    sys.exit(1 if found or unused else 0)


if __name__ == "__main__":
    main()
