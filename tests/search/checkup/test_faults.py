"""Which facts are faults, and what is said of them: the facts of this machine, changed one at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from xoresnet.search.checkup.faults import NodeFault, faults_of_machine, faults_of_node

GPU = {"name": "NVIDIA H200", "memory_bytes": 150_000_000_000, "free_bytes": 149_000_000_000, "fault": ""}
SOUND: dict[str, Any] = {
    "name": "gpu-2",
    "node_id": "ab12",
    "is_driver": False,
    "versions": {"python": "3.11.7", "xoresnet": "1.0", "torch": "2.14.1+cu130", "ray": "2.60.0", "optuna": "5.0.0"},
    "cpus": {"present": 8, "usable": 8, "ray": 8.0},
    "memory": {"total_bytes": 32_000_000_000, "available_bytes": 30_000_000_000},
    "shared_memory": {"total_bytes": 16_000_000_000, "free_bytes": 16_000_000_000},
    "temp": {"folder": "/tmp", "total_bytes": 10**12, "free_bytes": 10**11},
    "open_files": 65_536,
    "trial": {"fault": "", "memory_bytes": 500_000_000},
    "gpus": {"devices": [GPU], "fault": "", "ray": 1.0},
    "run": None,
    "data": [{"name": "digits", "place": "/data/digits", "fingerprint": "07b1becbbf", "fault": ""}],
    "unknown": {},
    "object_store": {"folder": "/dev/shm", "bytes": 10 * 2**30},
    "clock_skew_seconds": 0.01,
    "inexact": 0.01,
}
DRIVER = {**deepcopy(SOUND), "name": "here", "node_id": None, "is_driver": True}


def changed(path: str, value: Any) -> dict[str, Any]:
    facts = deepcopy(SOUND)
    *parts, last = path.split("/")
    inner = facts
    for part in parts:
        inner = inner[part]
    inner[last] = value
    return facts


def test_a_sound_machine() -> None:
    assert faults_of_node(SOUND, DRIVER) == []
    assert faults_of_machine(DRIVER) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("versions/torch", "2.14.1"),
        ("versions/python", "3.11.9"),
        ("versions/optuna", "5.1.0"),
        ("cpus/ray", 4.0),
        ("gpus/devices", None),
        ("clock_skew_seconds", -1.9),
        ("clock_skew_seconds", None),
        ("memory/available_bytes", None),
        ("open_files", None),
        ("object_store/folder", None),
        ("data", []),
    ],
)
def test_what_is_no_fault(path: str, value: Any) -> None:
    facts = changed("gpus", None) if path == "gpus/devices" else changed(path, value)
    assert faults_of_node(facts, DRIVER) == []


@pytest.mark.parametrize(
    ("path", "value", "what", "remedy"),
    [
        (
            "versions/torch",
            "2.13.0",
            "torch is 2.13.0 there and 2.14.1 here",
            "install torch 2.14.1 there, and restart its Ray node",
        ),
        (
            "versions/python",
            "3.12.1",
            "Python is 3.12 there and 3.11 here",
            "install Python 3.11 there, and restart its Ray node",
        ),
        ("versions/optuna", None, "optuna is not installed", "install optuna there"),
        (
            "cpus/usable",
            2.5,
            "Ray counts 8 CPUs, but processes may use only 2.5, so that trials wait for each other",
            "start its Ray node with --num-cpus=2, or set a larger cpus_per_trial",
        ),
        (
            "memory/available_bytes",
            1_600_000_000,
            "1.6 GB of memory are available, but 8 trials at once take 4.0 GB before they train",
            "start its Ray node with --num-cpus=3, or set a larger cpus_per_trial, or end other programs",
        ),
        (
            "object_store/folder",
            "/tmp/ray",
            "Ray keeps its objects in /tmp/ray instead of /dev/shm, which was too small when the node started",
            "start its container with --shm-size=11.0gb, or free /dev/shm, and restart its Ray node",
        ),
        (
            "temp/free_bytes",
            5_000_000,
            "only 5.0 MB are free in /tmp, where temporary files are written",
            "free 1.0 GB there, or set TMPDIR and Ray's --temp-dir to another disk",
        ),
        (
            "open_files",
            1024,
            "a process may open only 1,024 files, and Ray opens some for every worker",
            "run ulimit -n 65536 (or change /etc/security/limits.conf) before Ray is started there",
        ),
        (
            "clock_skew_seconds",
            -3.0,
            "its clock is 3.0 s behind this machine's",
            "let both machines set their clocks by NTP (timedatectl set-ntp true)",
        ),
        (
            "trial/fault",
            "ImportError: no",
            "what a trial imports cannot be imported: ImportError: no",
            "install there the packages that xoresnet requires",
        ),
        ("gpus/ray", 0.0, "torch finds 1 GPU, but Ray counts 0", "start its Ray node with --num-gpus=1"),
        (
            "gpus/devices",
            [{**GPU, "fault": "no kernel image"}],
            "GPU 0 cannot be used: no kernel image",
            "install a torch that was built for this GPU and its driver, or set gpus_per_trial=0",
        ),
        (
            "gpus",
            {"devices": [], "fault": "Found no NVIDIA driver", "ray": 2.0},
            "Ray counts 2 GPUs, but torch finds none: Found no NVIDIA driver",
            "install a torch that was built for its GPU, and the GPU's driver, or set gpus_per_trial=0",
        ),
        (
            "unknown",
            {"gpus": "its process was ended by SIGSEGV"},
            "its GPUs could not be examined: its process was ended by SIGSEGV",
            "try torch.zeros(1, device='cuda') in its Python",
        ),
        (
            "data",
            [{**SOUND["data"][0], "fingerprint": "0000000000"}],
            "its data set digits, in /data/digits, is another one than here",
            "replace it by a copy of /data/digits of this machine",
        ),
        (
            "data",
            [{**SOUND["data"][0], "fingerprint": None, "fault": "it is damaged; to fetch it: xoresnet data digits"}],
            "it is damaged",
            "to fetch it: xoresnet data digits",
        ),
    ],
)
def test_what_is_wrong(path: str, value: Any, what: str, remedy: str) -> None:
    assert faults_of_node(changed(path, value), DRIVER) == [NodeFault("gpu-2", what, remedy)]


def test_a_node_that_is_silent() -> None:
    (fault,) = faults_of_node({"name": "gpu-2", "silent": "it did not answer within 180 s"}, DRIVER)
    assert str(fault) == "gpu-2: it did not answer within 180 s"


def test_a_driver_needs_less() -> None:
    """It runs no trials itself: its limits and its GPUs do not count, but its packages and its data sets do."""
    assert faults_of_machine({**DRIVER, "open_files": 100, "clock_skew_seconds": 100.0}) == []
    assert [fault.what for fault in faults_of_machine({**DRIVER, "trial": {"fault": "x"}})] == [
        "what a trial imports cannot be imported: x"
    ]
