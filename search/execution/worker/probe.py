"""What a node is asked before it runs trials: its versions, the data set, the URL of the run, its GPU."""

from __future__ import annotations

import importlib.metadata
import platform
import uuid
from collections.abc import Mapping
from typing import NamedTuple, Self

import torch

from xoresnet.data.load import DataSet
from xoresnet.errors import XOResNetError
from xoresnet.files.remote import RemoteError, RemoteFolder
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.worker.trainable import load_data_once  # a node must have all that trials import
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
    url: str | None = None
    """Of the run, to which workers bring their files; None for a folder, to which they come in any case."""
    wants_gpu: bool = False

    @classmethod
    def of(cls, config: SearchConfig, data: DataSet, url: str | None) -> Self:
        """url: of the run, None for one in a folder."""
        return cls(_versions(), config.data.located().model_dump_json(), data.fingerprint, url)


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
        or _url_fault(question)
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


def _url_fault(question: Question) -> str:
    """Why this process cannot bring files to the URL of the run; empty if it can."""
    if question.url is None:
        return ""
    name = f".probe-{uuid.uuid4().hex}"
    try:
        remote = RemoteFolder(question.url)
        remote.put_text("", name)
        remote.remove(name)
    except RemoteError as error:
        return str(error).replace(f"/{name}", "")
    return ""


def _data_fault(question: Question) -> str:
    try:
        data = load_data_once(question.data)
    except XOResNetError as error:
        return str(error)
    if data.fingerprint != question.fingerprint:
        return f"its data set {data.name}, in {data.place}, is another one than here"
    return ""
