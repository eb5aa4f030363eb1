"""What the operating system tells about a machine: versions, CPUs, memory, disks and limits. Imports nothing heavy.

Every value is None where it cannot be found out.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from xoresnet.version import __version__

__all__ = ["cpu_quota", "group_folders", "machine_facts", "memory_quota"]

_PACKAGES = ("torch", "ray", "optuna")
_GROUPS = Path("/sys/fs/cgroup")
_SHARED_MEMORY = Path("/dev/shm")
_NO_LIMIT = 2**60
"""Version 1 of control groups writes a number near 2^63 for no limit."""


def machine_facts(temp_folder: str | None = None) -> dict[str, Any]:
    """Plain values, in bytes where a name says so.

    temp_folder: where temporary files are written; None for Python's own folder.
    """
    folder = temp_folder or tempfile.gettempdir()
    return {
        "versions": _versions(),
        "cpus": {"present": os.cpu_count(), "usable": _usable_cpus()},
        "memory": _memory(),
        "shared_memory": _space(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        "temp": {"folder": folder, **_space(Path(folder))},
        "open_files": _open_files(),
    }


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version(), "xoresnet": __version__}
    for package in _PACKAGES:
        versions[package] = None
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _usable_cpus() -> float | None:
    """How many CPUs this process may use at once: those of its affinity, or less by the quota of its control groups."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cpu_quota(group_folders("cpu"))
    return min((number for number in (present, quota) if number is not None), default=None)


def _memory() -> dict[str, int | None]:
    """The memory of the machine, or of the container in which this process is, and how much of it is available."""
    total, available = _meminfo("MemTotal"), _meminfo("MemAvailable")
    for limit, used in memory_quota(group_folders("memory")):
        total = limit if total is None else min(total, limit)
        available = limit - used if available is None else max(0, min(available, limit - used))
    return {"total_bytes": total, "available_bytes": available}


def _meminfo(name: str) -> int | None:
    match = re.search(rf"^{name}:\s+(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _space(folder: Path) -> dict[str, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return {"total_bytes": None, "free_bytes": None}
    return {"total_bytes": usage.total, "free_bytes": usage.free}


def _open_files() -> int | None:
    """How many files a process may have open; None for any number. Ray raises the limit as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard):
        return None
    return max(soft, min(hard, 65_536))


def group_folders(controller: str) -> list[Path]:
    """The control groups (Linux) of this process that may limit it, innermost first: those of version 2 and 1."""
    folders: list[Path] = []
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        number, names, path = line.split(":", 2)
        if number != "0" and controller not in names.split(","):
            continue
        mount = _GROUPS if number == "0" else _GROUPS / controller
        inner = mount / path.lstrip("/")  # which a container may not see; then the mount itself is its group
        folders += [folder for folder in (inner, *inner.parents) if folder.is_relative_to(mount)]
    return folders


def cpu_quota(groups: Iterable[Path]) -> float | None:
    """The smallest quota of control groups, in CPUs; None for no quota."""
    return min(_cpu_quotas(groups), default=None)


def _cpu_quotas(groups: Iterable[Path]) -> Iterator[float]:
    for group in groups:
        words = _text(group / "cpu.max").split() or [
            *_text(group / "cpu.cfs_quota_us").split(),
            *_text(group / "cpu.cfs_period_us").split(),
        ]
        quota, period = _numbers(words) or (-1, 1)
        if quota > 0 and period > 0:
            yield quota / period


def memory_quota(groups: Iterable[Path]) -> Iterator[tuple[int, int]]:
    """For each control group with a limit: the limit and what is in use, in bytes; caches that may be freed are not."""
    for group in groups:
        for limit_file, used_file, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            numbers = _numbers([_text(group / limit_file), _text(group / used_file)])
            if numbers is not None and numbers[0] < _NO_LIMIT:
                freeable = re.search(rf"^{cache} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
                yield numbers[0], max(0, numbers[1] - (int(freeable[1]) if freeable else 0))


def _numbers(words: Sequence[str]) -> tuple[int, int] | None:
    """Two whole numbers; None for other words, such as `max`."""
    try:
        first, second = map(int, words)
    except ValueError:
        return None
    return first, second


def _text(file: Path) -> str:
    """Empty if the file cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
