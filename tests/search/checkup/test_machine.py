"""What the operating system tells, compared with what Python and the system say themselves."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ray
import torch

from tests.small_disk import small_disk
from xoresnet.search.checkup.machine import cpu_quota, machine_facts, memory_quota

RESTRICTED = """
import json, os, resource
from xoresnet.search.checkup.machine import machine_facts
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
print(json.dumps(machine_facts()))
"""


def test_this_machine(tmp_path: Path) -> None:
    facts = machine_facts(str(tmp_path))
    assert facts["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert facts["versions"]["ray"] == ray.__version__
    assert facts["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["cpus"]["present"] == os.cpu_count()
    assert 0 < facts["cpus"]["usable"] <= len(os.sched_getaffinity(0))
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < facts["memory"]["available_bytes"] < facts["memory"]["total_bytes"] <= installed
    assert facts["shared_memory"]["total_bytes"] == shutil.disk_usage("/dev/shm").total
    assert facts["temp"]["folder"] == str(tmp_path)
    assert facts["temp"]["total_bytes"] == shutil.disk_usage(tmp_path).total


def test_a_process_that_may_use_less() -> None:
    """One CPU by its affinity, and as many open files as its hard limit allows, to which Ray raises the other."""
    done = subprocess.run([sys.executable, "-c", RESTRICTED], capture_output=True, check=True)
    facts = json.loads(done.stdout)
    assert facts["cpus"]["usable"] <= 1 <= facts["cpus"]["present"]
    assert facts["open_files"] == 300
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert machine_facts()["open_files"] in (soft, hard, 65_536, None)


def test_the_disk_of_temporary_files(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        disk.fill(leave=2**20)
        assert machine_facts(str(disk.path))["temp"] == {
            "folder": str(disk.path),
            "total_bytes": 4 * 2**20,
            "free_bytes": disk.free(),
        }
    assert machine_facts(str(tmp_path / "nowhere"))["temp"]["free_bytes"] is None


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu_max": "150000 100000\n"}, 1.5),
        ({"cpu_max": "max 100000\n"}, None),
        ({"cpu_cfs_quota_us": "400000\n", "cpu_cfs_period_us": "100000\n"}, 4.0),
        ({"cpu_cfs_quota_us": "-1\n", "cpu_cfs_period_us": "100000\n"}, None),
        ({"cpu_max": "torn"}, None),
        ({}, None),
    ],
)
def test_quotas_of_cpus(files: dict[str, str], cpus: float | None, tmp_path: Path) -> None:
    """Of control groups of version 2 and 1; the smallest of those that are within each other holds."""
    inner = group(tmp_path / "a", **files)
    assert cpu_quota([inner]) == cpus
    outer = group(tmp_path, cpu_max="100000 50000")
    assert cpu_quota([inner, outer]) == min(2.0, cpus or 2.0)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"memory_max": "1000", "memory_current": "700", "memory_stat": "anon 1\ninactive_file 200\n"}, [(1000, 500)]),
        ({"memory_max": "max", "memory_current": "700"}, []),
        ({"memory_limit_in_bytes": "1000", "memory_usage_in_bytes": "700"}, [(1000, 700)]),
        ({"memory_limit_in_bytes": str(2**63 - 4096), "memory_usage_in_bytes": "700"}, []),
        ({}, []),
    ],
)
def test_quotas_of_memory(files: dict[str, Any], quota: list[tuple[int, int]], tmp_path: Path) -> None:
    assert list(memory_quota([group(tmp_path, **files)])) == quota
