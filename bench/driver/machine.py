"""What a figure was taken on, and when."""

import datetime
import os
import platform
from pathlib import Path


def describe(directory):
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "kernel": platform.release().split("-")[0],
        "system": _release(),
        "filesystem": _filesystem(directory),
        "load_before": os.getloadavg()[0],
    }


def _line(file, name):
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _release():
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return "unknown"


def _filesystem(directory):
    """The type of the mount with the longest path above a directory."""
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, this_kind, *_ = line.split()
        above = str(directory).startswith(point.rstrip("/") + "/")
        if above and len(point) > len(best):
            best, kind = point, this_kind
    return kind
