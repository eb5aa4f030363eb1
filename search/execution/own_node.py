"""A Ray node of our own on this machine: `own_node` starts it, as a process that runs this module.

It is a session of processes apart from ours, so that a signal for our process group reaches us alone and Ray's servers
are still there while a search ends in order. It ends with us, however we end. It listens on the loopback interface, and
only to processes that know its token.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xoresnet.errors import ClusterError

__all__ = ["own_node"]

_START_SECONDS = 90.0
_ADDRESS = "ray_current_cluster"
"""The file in Ray's folder that holds the address of its head."""


@contextmanager
def own_node() -> Iterator[str]:
    """Start a node with all CPUs and GPUs of this machine; its address, `host:port`, as long as the block runs.

    Raises `ClusterError` if Ray does not start.
    """
    with _token(), tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "start.log")
        with log.open("wb") as output:
            node = subprocess.Popen(
                [sys.executable, "-m", __name__, folder],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield _wait_for_address(Path(folder, _ADDRESS), node, log)
        finally:
            _end(node)


@contextmanager
def _token() -> Iterator[None]:
    """Let this process and those that it starts speak to Ray with a token."""
    before = os.environ.get("RAY_AUTH_MODE")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # one for each process, because Ray reads it once
    _set_auth_mode("token")
    try:
        yield
    finally:
        _set_auth_mode(before)


def _set_auth_mode(mode: str | None) -> None:
    # read the environment when it was imported; there is no public way to make it read again
    from ray._raylet import Config  # type: ignore[attr-defined]

    os.environ.pop("RAY_AUTH_MODE", None)
    if mode is not None:
        os.environ["RAY_AUTH_MODE"] = mode
    Config.initialize("")


def _wait_for_address(file: Path, node: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and node.poll() is None:
        with suppress(FileNotFoundError):
            if address := file.read_text(encoding="utf-8").strip():
                return address
        time.sleep(0.05)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"no answer within {_START_SECONDS:g} s"
    raise ClusterError(f"Ray cannot be started on this machine: {reason}")


def _end(node: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(node.pid, signal.SIGKILL)  # its workers end by themselves when their raylet is gone
    node.wait()


def _run(folder: str) -> None:
    """Run Ray's servers in this process and its children until the process that started us is gone."""
    from ray.scripts.scripts import cli  # only here, because it is slow to import

    parent = os.getppid()

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=end_with_parent, daemon=True).start()
    options = ["--port=0", "--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats"]
    cli(["start", "--head", "--block", f"--temp-dir={folder}", *options])


if __name__ == "__main__":
    _run(sys.argv[1])
