"""The store that all begin with, WORK/seed: it has the image "bb", of busybox and a few tools of this machine."""

import os
import shutil
import struct
import subprocess

TOOLS = ["make", "getfattr", "setfattr", "find", "cp"]  # what busybox hasn't, or has with times in whole seconds


def capability(bit):
    """The one attribute that layers keep: a file's capabilities (linux/capability.h, VFS_CAP_REVISION_2)."""
    return struct.pack("<IIIII", 0x02000001, 1 << bit, 0, 0, 0)


def copy_with_libraries(tool, directory):
    """A program of this machine, with what it is linked to."""
    program = shutil.which(tool)
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    for path in [program, *libraries]:
        target = directory + (os.path.join("/bin", tool) if path == program else path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.realpath(path), target)


def make(program, work):
    """The store that all begin with: an image of busybox and a few tools."""
    directory = os.path.join(work, "base")
    os.makedirs(os.path.join(directory, "root/bin"))
    os.makedirs(os.path.join(directory, "root/etc"))
    os.makedirs(os.path.join(directory, "root/tmp"))
    os.chmod(os.path.join(directory, "root/tmp"), 0o1777)
    shutil.copy("/bin/busybox", os.path.join(directory, "root/bin"))
    for tool in TOOLS:
        copy_with_libraries(tool, os.path.join(directory, "root"))
    with open(os.path.join(directory, "Dockerfile"), "w", encoding="ascii") as file:
        file.write('FROM scratch\nCOPY root /\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n')
        file.write("RUN echo 'u:x:9:9::/:/bin/sh' >/etc/passwd\n")
    subprocess.run([program, "--root", os.path.join(work, "seed"), "build", "-q", "-t", "bb", directory], check=True, stdout=2)
