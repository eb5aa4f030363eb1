"""What a node is asked before it runs trials: its versions, the data set, the run's folder, its GPU."""

from __future__ import annotations

import importlib.metadata
import platform
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import torch

from xoresnet.data.load import DataSet
from xoresnet.errors import XOResNetError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.trainable import load_data_once  # a node must have all that trials import
from xoresnet.search.folders.run import MARKER
from xoresnet.search.folders.trial import ARRIVAL_SECONDS
from xoresnet.version import __version__

__all__ = ["Question", "device_fault", "examine"]

_SAME = ("torch", "ray")
"""Packages of which each node must have the driver's version, up to what follows a `+`."""


class Question(NamedTuple):
    """What the driver has, for a node to compare."""

    versions: Mapping[str, str]
    data: str
    """A `DataSpec` in JSON."""
    fingerprint: str
    marker: str
    """The path of a file in the run's folder."""
    content: str
    """Of that file."""
    wants_gpu: bool = False

    @classmethod
    def of(cls, config: SearchConfig, data: DataSet, run: Path) -> Self:
        """run: the run's folder."""
        spec = config.data.located().model_dump_json()
        marker, content = run / MARKER, uuid.uuid4().hex
        marker.write_text(content, encoding="utf-8")
        return cls(_versions(), spec, data.fingerprint, str(marker), content)


def examine(question: Question) -> str:
    """Why trials cannot run in this process as in the driver; empty if they can."""
    mine = _versions()
    different = [
        f"{name} is {mine.get(name, 'missing')} there and {version} here"
        for name, version in question.versions.items()
        if mine.get(name) != version
    ]
    return (
        "; ".join(different)
        or _folder_fault(question)
        or _data_fault(question)
        or (device_fault() if question.wants_gpu else "")
    )


def device_fault() -> str:
    """Why this process cannot train on a GPU although Ray has given it one; empty if it can."""
    try:
        torch.zeros(1, device="cuda")
    except (RuntimeError, AssertionError) as error:  # the latter if torch was built without CUDA
        return f"Ray counts a GPU there, but torch finds none: {(str(error).splitlines() or [type(error).__name__])[0]}"
    return ""


def _versions() -> dict[str, str]:
    python = ".".join(platform.python_version_tuple()[:2])
    installed = {"Python": python, "xoresnet": __version__}  # the code's own, which may have been sent here
    for package in _SAME:
        try:
            installed[package] = importlib.metadata.version(package).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def _folder_fault(question: Question) -> str:
    marker, until = Path(question.marker), time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < until:
        with suppress(OSError):
            if marker.read_text(encoding="utf-8") == question.content:
                return ""
        time.sleep(0.2)
    return f"it does not see the run's folder {marker.parent}"


def _data_fault(question: Question) -> str:
    try:
        data = load_data_once(question.data)
    except XOResNetError as error:
        return str(error)
    if data.fingerprint != question.fingerprint:
        return f"its data set {data.name}, in {data.place}, is another one than here"
    return ""
