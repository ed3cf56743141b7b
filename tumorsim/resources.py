"""What is at hand where the package runs: its own files, and memory."""

import os
from functools import cache
from pathlib import Path


@cache
def kernels_directory() -> Path:
    """The folder of the ``.cu`` files: inside an installed wheel, else beside the package in a checkout."""
    return _shipped("kernels")


@cache
def configs_directory() -> Path:
    """The folder of the configs to copy: inside an installed wheel, else beside the package in a checkout."""
    return _shipped("configs")


def _shipped(folder: str) -> Path:
    package = Path(__file__).parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder


def available_memory(*, root: Path = Path("/")) -> int:
    """Bytes that this process may still use: what the machine has free, and its control groups allow.

    Reads Linux's /proc/meminfo and cgroups (version 2 and 1) below ``root``; elsewhere the physical memory.
    """
    limits = [_machine_memory(root), *_group_headrooms(root)]
    return max(0, min(limits))


def _machine_memory(root: Path) -> int:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _group_headrooms(root: Path) -> list[int]:
    """Limit less use of every control group this process is in, up to the root of the hierarchy."""
    found = []
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = base / path.strip().lstrip("/")
        for folder in (group, *group.parents):
            found += _headroom(folder, *names)
            if folder == base:
                break
    return found


def _headroom(folder: Path, limit: str, usage: str, cached: str) -> list[int]:
    """Limit − use of one group, not counting file cache that gives way; empty where there is no limit."""
    most, used = (_lines(folder / name)[:1] for name in (limit, usage))
    if not most or not used or not most[0].isdigit():  # "max" in version 2
        return []
    statistics = dict(line.split() for line in _lines(folder / "memory.stat"))
    return [int(most[0]) - int(used[0]) + int(statistics.get(cached, 0))]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
