"""The right to write to a run at a URL: one driver has it at a time, on whichever machine.

Object stores have no locks. A lease is a small file that its driver writes again every few seconds; a lease that has
not been renewed for some time belongs to a driver that is gone. Times are those of the store, so that the clocks of
machines may differ.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xoresnet.errors import RunError
from xoresnet.files.remote import RemoteError, RemoteFolder

__all__ = ["Lease", "is_leased"]

_FILE = ".lease.json"
_RENEW_SECONDS = 10.0
_LEASE_SECONDS = 45.0
"""A lease that was not renewed for so long has ended."""
_LOOK_SECONDS = 2.0


class Lease:
    """The lease of this process on the run in a folder at a URL, from `take` to `release`."""

    def __init__(self, remote: RemoteFolder) -> None:
        self._remote, self._machine = remote, _machine()
        self._renewed = 0.0
        self.lost = ""
        """A sentence where another driver has taken over; empty while this one may write."""
        self._id = uuid.uuid4().hex
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def take(self, on_wait: Callable[[str], None] = lambda sentence: None) -> None:
        """Wait until no other driver has a lease. Raises `RunError` if one renews its own, `RemoteError`.

        on_wait: called with a sentence before a wait that may take `_LEASE_SECONDS`.
        """
        first: tuple[Any, ...] | None = None
        began = time.monotonic()
        while (other := self._other()) is not None:
            stamp = other.get("id"), other.get("renewal")
            if stamp != (first or stamp):
                raise RunError(self._sentence(other))
            if self._age() > _LEASE_SECONDS or time.monotonic() - began > _LEASE_SECONDS:
                break
            if first is None:
                on_wait(self._wait_sentence(other))
            first = first or stamp
            time.sleep(_LOOK_SECONDS)
        self._write(0)
        time.sleep(2 * _LOOK_SECONDS)
        rival = self._other()  # another driver may have waited for the same moment
        if rival is not None:
            raise RunError(self._sentence(rival))
        self._thread.start()

    @property
    def holds(self) -> bool:
        """Whether this driver may still write: no other one has taken over, and none could have done so by now."""
        return not self.lost and time.monotonic() - self._renewed < _LEASE_SECONDS

    def _sentence(self, other: Mapping[str, Any]) -> str:
        who = f"{other.get('pid')} on {other.get('host')}"
        return f"another process is working in {self._remote.shown}: {who}; wait for its end, or stop it"

    def _wait_sentence(self, other: Mapping[str, Any]) -> str:
        who = f"Process {other.get('pid')} on {other.get('host')} was the last to work in {self._remote.shown}"
        return f"{who}: waiting {_LEASE_SECONDS:g} s at most to see whether it still runs ..."

    def release(self) -> None:
        """Give the lease back; no error where that is not possible, because it ends by itself."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        with suppress(RemoteError):
            if self._other() is None:
                self._remote.remove(_FILE)

    def _renew(self) -> None:
        renewal = 0
        while not self._ended.wait(_RENEW_SECONDS):
            renewal += 1
            with suppress(RunError):  # a store that is away for a while: the next renewal may succeed
                other = self._other()
                if other is not None:
                    where = f"process {other.get('pid')} on {other.get('host')}"
                    self.lost = f"{where} has taken over the run in {self._remote.shown}"
                    return
                self._write(renewal)

    def _other(self) -> dict[str, Any] | None:
        """The lease of another driver that may still live; None if there is none."""
        try:
            lease = json.loads(self._remote.read(_FILE) or b"{}")
        except ValueError:
            return None
        if not isinstance(lease, dict) or not lease.get("id") or lease["id"] == self._id:
            return None
        is_here = lease.get("machine") is not None and lease["machine"] == self._machine
        return None if is_here and _is_gone(lease.get("pid")) else lease

    def _age(self) -> float:
        """How many seconds ago the other lease was renewed, by the clock of the store; 0 where it tells no time."""
        mark = f".clock-{self._id}"
        try:
            self._remote.put_text("", mark)
            now, then = (self._modified(name) for name in (mark, _FILE))
        finally:
            with suppress(RemoteError):
                self._remote.remove(mark)
        return 0.0 if now is None or then is None else (now - then).total_seconds()

    def _modified(self, name: str) -> datetime | None:
        file = self._remote.file(name)
        return None if file is None else file.modified

    def _write(self, renewal: int) -> None:
        where = {"host": socket.gethostname(), "machine": self._machine, "pid": os.getpid()}
        began = time.monotonic()
        self._remote.put_text(json.dumps({"id": self._id, **where, "renewal": renewal}), _FILE)
        self._renewed = began


def is_leased(remote: RemoteFolder) -> bool:
    """Whether a driver works at a URL, as far as the clock of this machine can tell. Nothing is written there."""
    lease = remote.file(_FILE)
    if lease is None or Lease(remote)._other() is None:
        return False
    return lease.modified is None or (datetime.now(UTC) - lease.modified).total_seconds() < 2 * _LEASE_SECONDS


def _machine() -> str | None:
    """What processes have in common that can see each other's numbers; None where that cannot be known.

    A host name does not tell: containers and virtual machines often share one.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _is_gone(pid: Any) -> bool:
    """Whether no process of this machine has this number, other than this one."""
    if not isinstance(pid, int) or pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
