"""Ray Client: a command that was given an address `ray://HOST:PORT` runs on the head of that cluster instead.

Ray Tune cannot be driven through Ray Client: its driver would be pickled and sent. So the client sends the command, and
an actor on the head runs it there, with the client's code, and returns what it prints.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import ray
from ray.exceptions import RayError

from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.execution.session import client_session
from xoresnet.search.interrupts import Terminated

__all__ = ["Line", "end_with", "run_on_head"]

_HEAD = {"node:__internal_head__": 0.001}
"""Ray's own resource of the head node."""
_READ_SECONDS = 1.0
_RESUMES = re.compile(r"(?<=; to resume: ).*")


class Line(NamedTuple):
    """What the command has printed."""

    text: str
    """With its line feed."""
    is_error: bool
    """Whether on stderr."""


def run_on_head(address: str, words: Sequence[str], run: str, command: str, on_line: Callable[[Line], None]) -> int:
    """Run `xoresnet WORDS` on the head of a cluster; returns its exit code.

    address: `ray://HOST:PORT`, in place of which the words get the address that the cluster has there. words: the YAML
    files among them are sent, too. run: of the run, which must mean the same there. command: what resumes it from here.
    on_line: called with each line. SIGINT and SIGTERM are passed on; the command there ends as after SIGTERM if this
    process or the connection ends.
    Raises `UsageError` for a run that means something else there, and `ClusterError` if no cluster answers or the
    connection is lost.
    """
    if "://" not in run and not Path(run).is_absolute():
        raise UsageError(
            f"{run} is a folder of this machine; with {address}, the run must be a URL or an absolute path on the "
            "cluster's head"
        )
    named = [word for word in words if word.endswith((".yaml", ".yml")) and Path(word).is_file()]
    files = {word: Path(word).read_bytes() for word in named}
    with client_session(address):
        try:
            runner: Any = ray.remote(_Runner).options(num_cpus=0, max_restarts=0, resources=_HEAD).remote()
            ray.get(runner.start.remote(address, list(words), files))
            return _follow(runner, lambda line: on_line(line._replace(text=_RESUMES.sub(lambda _: command, line.text))))
        except (RayError, ConnectionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ClusterError(
                f"the connection to {address} is lost ({reason}); what runs there ends by itself; to resume: {command}"
            ) from None


def _follow(runner: Any, on_line: Callable[[Line], None]) -> int:
    """Pass on what the command prints until it ends; returns its exit code."""
    interrupted = False
    while True:
        try:
            lines, code = ray.get(runner.read.remote())
            for text, is_error in lines:
                on_line(Line(text, is_error))
            if code is not None:
                return int(code)
        except KeyboardInterrupt as interrupt:
            if interrupted:
                raise
            interrupted = True
            runner.send.remote(int(signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT))


class _Runner:
    """On the head: runs one command, and keeps what it prints until it is read."""

    def __init__(self) -> None:
        self._printed: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._readers: list[threading.Thread] = []
        self._folder = tempfile.TemporaryDirectory(prefix="xoresnet-")

    def start(self, client_address: str, words: list[str], files: dict[str, bytes]) -> None:
        """As `run_on_head`."""
        places = {name: Path(self._folder.name, Path(name).name) for name in files}
        for name, content in files.items():
            places[name].write_bytes(content)
        address = ray.get_runtime_context().gcs_address
        words = [str(places.get(word, word)).replace(client_address, address) for word in words]
        code = f"from {__name__} import end_with; end_with({os.getpid()}); from xoresnet.search.cli import run; run()"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", code, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder.name,
            start_new_session=True,
            env=_environment(),
        )
        for stream, is_error in ((self._process.stdout, False), (self._process.stderr, True)):
            assert stream is not None  # by the arguments above
            self._readers.append(threading.Thread(target=self._keep, args=(stream, is_error), daemon=True))
            self._readers[-1].start()

    def read(self) -> tuple[list[tuple[str, bool]], int | None]:
        """What was printed since the last call, after a second at most, and the exit code once all of it was read."""
        lines: list[Line] = []
        until = time.monotonic() + _READ_SECONDS
        while not lines and time.monotonic() < until and not self._has_ended():
            try:
                lines.append(self._printed.get(timeout=0.1))
            except queue.Empty:
                continue
        has_ended = self._has_ended()
        while not self._printed.empty():
            lines.append(self._printed.get())
        if has_ended:
            self._folder.cleanup()
        return [(line.text, line.is_error) for line in lines], self._process.returncode if has_ended else None

    def send(self, number: int) -> None:
        """Send a signal to the command."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _has_ended(self) -> bool:
        return self._process.poll() is not None and not any(reader.is_alive() for reader in self._readers)

    def _keep(self, stream: IO[str], is_error: bool) -> None:
        with stream:
            for text in stream:
                self._printed.put(Line(text, is_error))


def _environment() -> dict[str, str]:
    """For the command: the code that was sent here, and nothing of this actor's own part in a Ray job."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_JOB", "RAY_CLIENT"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}


def end_with(parent: int) -> None:
    """Let this process end in order, as after SIGTERM, once its parent has gone; and let SIGINT interrupt it."""
    # Ray's workers ignore and block it, and so do their children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_READ_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
