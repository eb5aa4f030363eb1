"""What may end a search from outside: a signal, the loss of Ray's head node, or of the run's folder.

Ray ends in order while its servers live; without them it waits, and a minute later it aborts the process that holds
the study. So a thread looks after both, interrupts the main thread, and speaks the last words if that does not help.
"""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import ray

__all__ = ["Lifeline"]

_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 6.0
"""How long the main thread may take to end once it has been interrupted."""
_MISSES = 5
"""After so many seconds without an answer a server counts as lost."""


class Lifeline:
    """Watches over a search, or over several runs of trials that belong together."""

    def __init__(self, folder: Path, on_stuck: Callable[[], None] | None = None) -> None:
        """folder: the run's, which exists. on_stuck: called in another thread, in place of an end in order, where the
        main thread does not come back from Ray; it should not return.
        """
        self.folder, self._on_stuck = folder, on_stuck
        self._identity = _identity(folder)
        self.lost = ""
        """What the search lost, as a sentence; empty while it has everything."""
        self.is_folder_gone = False
        """Whether the folder is no longer where it was."""
        self.signal = 0
        """The number of the first signal that asked the search to end; 0 without."""
        self._interrupted: float | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs, in the main thread; SIGTERM interrupts it as SIGINT does. Ray must be running."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended, ours, _servers()), daemon=True)
        handled = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        woken = -1
        try:
            # the thread learns of signals even while the main thread is deep in Ray and handles none
            woken = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            signal.signal(signal.SIGTERM, _interrupt)
            thread.start()
            yield
        finally:
            signal.set_wakeup_fd(woken)  # first, because the number of a closed socket may become that of a file
            for number, handler in handled.items():  # Ray Tune leaves its own for SIGINT behind
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            ended.set()
            if thread.is_alive():
                theirs.send(b"\0")
                thread.join()
            ours.close()
            theirs.close()

    def lose(self, what: str) -> None:
        """End the run because it has lost something that it cannot go on without; what: a sentence."""
        self.lost = self.lost or what
        self._interrupted = self._interrupted or time.monotonic()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def check_folder(self) -> bool:
        """Whether the folder is where it was; if not, the search has lost it."""
        try:
            is_here = _identity(self.folder) == self._identity
        except OSError:  # a file server that does not answer for a while
            is_here = True
        if not self.lost and not is_here:
            self.is_folder_gone = True
            self.lost = f"the run's folder {self.folder} was moved or deleted while the search was running"
        return not self.is_folder_gone

    def _watch(self, ended: threading.Event, signals: socket.socket, servers: list[_Server]) -> None:
        misses = 0
        while True:
            self._hear(signals)
            if ended.is_set():
                return
            if self._interrupted is None:
                misses = 0 if all(server.answers() for server in servers) else misses + 1
                if self.check_folder() and misses >= _MISSES:
                    self.lose("Ray's head node is lost")
                elif self.lost:
                    self.lose(self.lost)
            elif time.monotonic() - self._interrupted > _GRACE_SECONDS and self._on_stuck is not None:
                self._on_stuck()
                return

    def _hear(self, signals: socket.socket) -> None:
        """Wait for a signal, for a second at most."""
        readable, _, _ = select.select([signals], [], [], _LOOK_SECONDS)
        for number in signals.recv(64) if readable else b"":
            if number in (signal.SIGINT, signal.SIGTERM) and not self.lost:
                self.signal = self.signal or number
                self._interrupted = self._interrupted or time.monotonic()


class _Server:
    """A server of Ray that must be there as long as this process: its head's, and that of this machine's node."""

    def __init__(self, family: socket.AddressFamily, address: str | tuple[str, int]) -> None:
        self._family, self._address = family, address

    def answers(self) -> bool:
        with socket.socket(self._family) as knock:
            knock.settimeout(2.0)
            try:
                knock.connect(self._address)
            except OSError:
                return False
        return True


def _servers() -> list[_Server]:
    context = ray.get_runtime_context()
    host, _, port = str(context.gcs_address).rpartition(":")
    head = _Server(socket.AF_INET6 if ":" in host else socket.AF_INET, (host.strip("[]"), int(port)))
    ours = [node for node in ray.nodes() if node["NodeID"] == context.get_node_id()]  # type: ignore[no-untyped-call]
    return [head, *(_Server(socket.AF_UNIX, node["RayletSocketName"]) for node in ours)]


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)
