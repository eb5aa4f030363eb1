"""Files between workers and the driver's disk, through Ray: for nodes that do not see the run's folder.

A small actor passes on the requests of workers; a thread of the driver carries them out in the run's folder, because no
other process is sure to see it. Files are copied in blocks, and appear as a whole.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from xoresnet.files.atomic import replaced
from xoresnet.search.folders.mirror import TRAININGS

__all__ = ["carrying", "fetch", "give"]

_BLOCK = 4 * 2**20
"""Bytes in one message."""
_OF_WORKERS = (*TRAININGS, "prior")
"""The folders of a run whose files workers read and write; journals in them are the driver's."""
_AT_ONCE = 10_000
"""Workers that may wait for an answer."""
Answer = tuple[bytes | None, str]
"""What was read, None where there is no such file; and why the request could not be carried out."""


class _Post:
    """The actor: keeps requests until the driver takes them, and workers waiting until it has answered."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[tuple[int, tuple[Any, ...]]] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._numbers = itertools.count()

    async def ask(self, *request: Any) -> Answer:
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._requests.put((number, request))
        try:
            return await self._waiting[number]
        finally:
            del self._waiting[number]

    async def take(self) -> tuple[int, tuple[Any, ...]]:
        return await self._requests.get()

    async def answer(self, number: int, answer: Answer) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(answer)


@contextmanager
def carrying(folder: Path, name: str) -> Iterator[None]:
    """Serve workers that ask for files of a run while the block runs. Ray must be running.

    folder: the run's, of which nothing outside is read or written. name: of the actor, by which workers find it.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    make = ray.remote(_Post).options(
        name=name, num_cpus=0, max_concurrency=_AT_ONCE, scheduling_strategy=here, max_restarts=0
    )
    post: Any = make.remote()
    served = threading.Event()
    thread = threading.Thread(target=_serve, args=(post, folder, served), daemon=True)
    thread.start()
    try:
        yield
    finally:
        served.set()
        with suppress(Exception):  # Ray may be gone already
            ray.kill(post)
        thread.join(timeout=5.0)


def _serve(post: Any, folder: Path, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            number, request = ray.get(post.take.remote())
            post.answer.remote(number, _answer(folder, *request))
        except (RayError, ConnectionError):  # the actor was ended, or Ray is lost, which the search notices itself
            return


def _answer(folder: Path, what: str, name: str, *more: Any) -> Answer:
    """Carry out a request of a worker."""
    try:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] not in _OF_WORKERS or ".." in parts or name.endswith(".journal"):
            return None, f"{name!r} is no file for workers"
        carry_out: Callable[..., bytes | None] = _read if what == "read" else _write
        return carry_out(folder / name, *more), ""
    except Exception as error:  # one worker's request must not end the service for all
        return None, f"{type(error).__name__}: {error}"


def _read(file: Path, start: int) -> bytes | None:
    try:
        with file.open("rb") as source:
            source.seek(start)
            return source.read(_BLOCK)
    except FileNotFoundError:
        return None


def _write(file: Path, key: int, start: int, block: bytes, is_last: bool) -> None:
    """Write a block of a file, which is replaced by all of them after the last one. key: of this copying."""
    parts = file.with_name(f".{file.name}.{key}")  # swept as a partial file where its worker was lost
    with parts.open("r+b" if start else "wb") as sink:
        sink.seek(start)
        sink.write(block)
        sink.truncate()
        if is_last:
            os.fsync(sink.fileno())
    if is_last:
        with replaced(file) as whole:
            parts.replace(whole)


def fetch(courier: str, name: str, target: Path) -> bool:
    """Called by a worker: copy a file of the run to this machine; False if there is none.

    courier: the name of the actor. Raises `OSError`, and what Ray raises.
    """
    post = ray.get_actor(courier)
    block = _asked(post, "read", name, 0)
    if block is None:
        return False
    with replaced(target) as partial, partial.open("wb") as sink:
        while block:
            sink.write(block)
            block = _asked(post, "read", name, sink.tell()) if len(block) == _BLOCK else None
    return True


def give(courier: str, source: Path, name: str) -> None:
    """Called by a worker: copy a file of this machine into the run, whose folders exist. Raises as `fetch`."""
    post, key, start = ray.get_actor(courier), secrets.randbelow(10**12), 0
    with source.open("rb") as file:
        block = file.read(_BLOCK)
        while True:
            following = file.read(_BLOCK)
            _asked(post, "write", name, key, start, block, not following)
            if not following:
                return
            start += len(block)
            block = following


def _asked(post: Any, *request: Any) -> bytes | None:
    answer: Answer = ray.get(post.ask.remote(*request))
    content, fault = answer
    if fault:
        raise OSError(fault)
    return content
