"""What is wrong with a machine, judged by its facts, and the remedy for each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import floor
from typing import Any, NamedTuple

from xoresnet.files.disk import size_text

__all__ = ["NodeFault", "faults_of_machine", "faults_of_node"]

_SAME = ("torch", "ray")
"""Packages of which each node must have the driver's version, up to what follows a `+`."""
_FEW_FILES = 4096
"""Below that Ray warns of refused connections."""
_LITTLE_DISK = 10**9
"""Bytes that temporary files of Ray and of training processes need at least."""
_MOST_SKEW_SECONDS = 2.0
_UNKNOWN: Mapping[str, tuple[str, str]] = {
    "trial": ("a process for trials cannot be started", "read the messages of its system, and try again"),
    "gpus": ("its GPUs could not be examined", "try torch.zeros(1, device='cuda') in its Python"),
    "run": ("the place of the run could not be examined", "install there what the address needs, and try again"),
    "data": ("its data sets could not be examined", "try xoresnet data there"),
}
Facts = Mapping[str, Any]


class NodeFault(NamedTuple):
    """One thing that is wrong."""

    node: str
    """The machine; empty for the cluster as a whole."""
    what: str
    """A sentence without its end."""
    remedy: str
    """What to do about it: a command, or a clause that begins with a verb."""

    def __str__(self) -> str:
        return f"{self.node}: {self.what}" if self.node else self.what


def faults_of_machine(facts: Facts) -> list[NodeFault]:
    """What is wrong with a machine that runs no trials: the driver of a cluster."""
    return _judged(facts, (_little_disk, _missing_packages, _unknown, _trial, _data))


def faults_of_node(facts: Facts, driver: Facts) -> list[NodeFault]:
    """What is wrong with a machine that is to run trials, which may be the driver itself."""
    if "silent" in facts:
        remedy = "look at its processes and at Ray's logs there, restart its Ray node, or remove it from the cluster"
        return [NodeFault(facts["name"], facts["silent"], remedy)]
    rules = (
        _missing_packages, _unknown, _trial, _cpus, _gpus, _memory, _object_store, _little_disk, _open_files, _clock,
        _data,
    )  # fmt: skip
    return [*_other_versions(facts, driver), *_judged(facts, rules), *_other_data(facts, driver)]


Rule = Callable[[Facts], Iterator[tuple[str, str]]]


def _judged(facts: Facts, rules: tuple[Rule, ...]) -> list[NodeFault]:
    return [NodeFault(facts["name"], *found) for rule in rules for found in rule(facts)]


def _other_versions(facts: Facts, driver: Facts) -> Iterator[NodeFault]:
    for name, version in _compared(driver["versions"]).items():
        other = _compared(facts["versions"]).get(name)
        if version and other and other != version:
            package = "Python" if name == "python" else name
            what = f"{package} is {other} there and {version} here"
            yield NodeFault(facts["name"], what, f"install {package} {version} there, and restart its Ray node")


def _compared(versions: Mapping[str, str | None]) -> dict[str, str | None]:
    """The versions that must agree, as far as they must."""
    python = ".".join((versions.get("python") or "").split(".")[:2])
    return {"python": python, **{name: (versions.get(name) or "").partition("+")[0] for name in _SAME}}


def _missing_packages(facts: Facts) -> Iterator[tuple[str, str]]:
    for name, version in facts["versions"].items():
        if version is None:
            yield f"{name} is not installed", f"install {name} there"


def _unknown(facts: Facts) -> Iterator[tuple[str, str]]:
    for section, why in facts["unknown"].items():
        what, remedy = _UNKNOWN[section]
        yield f"{what}: {why}", remedy


def _trial(facts: Facts) -> Iterator[tuple[str, str]]:
    fault = (facts["trial"] or {}).get("fault")
    if fault:
        yield f"what a trial imports cannot be imported: {fault}", "install there the packages that xoresnet requires"


def _cpus(facts: Facts) -> Iterator[tuple[str, str]]:
    counted, usable = facts["cpus"].get("ray"), facts["cpus"]["usable"]
    if counted and usable and counted > usable:
        what = f"Ray counts {counted:g} CPUs, but processes may use only {usable:g}, so that trials wait for each other"
        yield what, _fewer_trials(facts, max(1, floor(usable)))


def _fewer_trials(facts: Facts, number: int) -> str:
    """How to have only so many trials at once on a machine."""
    if facts["is_driver"]:
        return f"set max_concurrent={number}, or a larger cpus_per_trial"
    return f"start its Ray node with --num-cpus={number}, or set a larger cpus_per_trial"


def _gpus(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts["gpus"] is None:
        return
    devices, counted = facts["gpus"]["devices"], facts["gpus"].get("ray")
    for number, device in enumerate(devices):
        if device["fault"]:
            remedy = "install a torch that was built for this GPU and its driver, or set gpus_per_trial=0"
            yield f"GPU {number} cannot be used: {device['fault']}", remedy
    if counted and not devices:
        remedy = "install a torch that was built for its GPU, and the GPU's driver, or set gpus_per_trial=0"
        yield f"Ray counts {_gpu_count(counted)}, but torch finds none: {facts['gpus']['fault']}", remedy
    elif counted is not None and len(devices) != counted:
        what = f"torch finds {_gpu_count(len(devices))}, but Ray counts {counted:g}"
        yield what, f"start its Ray node with --num-gpus={len(devices)}"


def _gpu_count(number: float) -> str:
    return f"{number:g} GPU{'' if number == 1 else 's'}"


def _memory(facts: Facts) -> Iterator[tuple[str, str]]:
    """Each CPU runs a trial, and the first thing that a trial takes is what it imports."""
    available, each = facts["memory"]["available_bytes"], (facts["trial"] or {}).get("memory_bytes")
    trials = int(facts["cpus"].get("ray") or facts["cpus"]["usable"] or 1)
    if available is None or not each or available >= trials * each:
        return
    needed = f"{trials} trials at once take {size_text(trials * each)} before they train"
    what = f"{size_text(available)} of memory are available, but {needed}"
    yield what, f"{_fewer_trials(facts, max(1, available // each))}, or end other programs"


def _object_store(facts: Facts) -> Iterator[tuple[str, str]]:
    folder, size = facts["object_store"]["folder"], facts["object_store"]["bytes"]
    if folder is not None and not folder.startswith("/dev/shm"):
        room = f"{max(1.0, 1.1 * (size or 0) / 2**30):.1f}gb"
        what = f"Ray keeps its objects in {folder} instead of /dev/shm, which was too small when the node started"
        yield what, f"start its container with --shm-size={room}, or free /dev/shm, and restart its Ray node"


def _little_disk(facts: Facts) -> Iterator[tuple[str, str]]:
    free = facts["temp"]["free_bytes"]
    if free is not None and free < _LITTLE_DISK:
        what = f"only {size_text(free)} are free in {facts['temp']['folder']}, where temporary files are written"
        yield what, f"free {size_text(_LITTLE_DISK)} there, or set TMPDIR and Ray's --temp-dir to another disk"


def _open_files(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts["open_files"] is not None and facts["open_files"] < _FEW_FILES:
        what = f"a process may open only {facts['open_files']:,} files, and Ray opens some for every worker"
        yield what, "run ulimit -n 65536 (or change /etc/security/limits.conf) before Ray is started there"


def _clock(facts: Facts) -> Iterator[tuple[str, str]]:
    skew, inexact = facts.get("clock_skew_seconds"), facts.get("inexact", 0.0)
    if skew is not None and abs(skew) - inexact > _MOST_SKEW_SECONDS:
        what = f"its clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        yield what, "let both machines set their clocks by NTP (timedatectl set-ntp true)"


def _data(facts: Facts) -> Iterator[tuple[str, str]]:
    for data in facts["data"] or ():
        if data["fault"]:
            what, _, command = data["fault"].partition("; to ")
            other = "replace it by a copy of the data set that trains elsewhere"
            if what.startswith("there is no folder"):
                other = "put the data set there, or name its folder with data.root=DIR (here --data-root DIR)"
            yield what, f"to {command}" if command else other


def _other_data(facts: Facts, driver: Facts) -> Iterator[NodeFault]:
    mine = {data["name"]: data for data in driver["data"] or () if data["fingerprint"]}
    for data in facts["data"] or ():
        other = mine.get(data["name"])
        if other and data["fingerprint"] and data["fingerprint"] != other["fingerprint"]:
            what = f"its data set {data['name']}, in {data['place']}, is another one than here"
            yield NodeFault(facts["name"], what, f"replace it by a copy of {other['place']} of this machine")
