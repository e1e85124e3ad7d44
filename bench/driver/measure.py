"""Runs a command and says how long it took and how much memory it had."""

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """A command did not do what was asked; the text says which and where its output is."""


@dataclass
class Command:
    argv: list
    env: dict = field(default_factory=dict)

    def environment(self):
        return {**os.environ, **self.env}


def run(command, log):
    """Seconds from before the start of the process until it has ended; its output goes to the file `log`."""
    with open(log, "wb") as output, open(os.devnull, "rb") as nothing:
        actions = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                   (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                   (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        environment = command.environment()
        start = time.perf_counter()
        pid = os.posix_spawnp(command.argv[0], command.argv, environment, file_actions=actions)
        try:
            _, status = os.waitpid(pid, 0)
        except BaseException:
            os.kill(pid, 15)
            os.waitpid(pid, 0)
            raise
        seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise Failed(f"exit code {code} of {' '.join(command.argv)}; its output is in {log}")
    return seconds


def quietly(command, log):
    """A command that is not measured."""
    run(command, log)


def peak_exact(command, log):
    """Peak RSS in bytes of the largest process of a command, asked of the kernel when it has ended. GNU time starts it,
    because a child's peak begins with what its parent had when it forked, and time is small."""
    result = Path(str(log) + ".rss")
    run(Command(["/usr/bin/time", "--quiet", "-f", "%M", "-o", str(result), *command.argv], command.env), log)
    return int(result.read_text().split()[-1]) * 1024


def peak_watched(command, log, daemons, whole_tree):
    """Peak RSS in bytes of a command's first process (or the sum over its tree) and of the daemons that work for it."""
    for pid in daemons:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark starts again at what is used now
    environment = command.environment()
    with open(log, "wb") as output:
        process = subprocess.Popen(command.argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        peaks = {}
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, whole_tree, peaks, ended))
        watcher.start()
        try:
            code = process.wait()
        finally:
            ended.set()
            watcher.join()
            process.terminate()  # nothing, unless waiting was interrupted
    if code != 0:
        raise Failed(f"exit code {code} of {' '.join(command.argv)}; its output is in {log}")
    return sum(peaks.values()) + sum(_high_water(pid) for pid in daemons)


def _watch(pid, whole_tree, peaks, ended):
    begin = time.monotonic()
    # often at first, for builds of milliseconds; a long one must not be slowed
    while not ended.wait(0.002 if time.monotonic() - begin < 1 else 0.05):
        for process in _tree(pid) if whole_tree else [pid]:
            peaks[process] = max(peaks.get(process, 0), _high_water(process))


def _tree(pid):
    found = [pid]
    for parent in found:
        found += children(parent)
    return found


def children(pid):
    """The processes that any thread of a process has started."""
    found = []
    with contextlib.suppress(OSError):  # the process has ended meanwhile
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # that thread has
                found += [int(child) for child in task.read_text().split()]
    return found


def _high_water(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # ended meanwhile
    return 0
