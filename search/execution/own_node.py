"""A Ray node of our own on this machine: `own_node` starts it, as a process that runs this module.

It is a session of processes apart from ours, so that a signal for our process group reaches us alone and Ray's servers
are still there while a search ends in order. It ends with us, however we end. It lets in only processes that know its
token.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from xoresnet.errors import ClusterError

__all__ = ["own_node"]

_START_SECONDS = 90.0
_ADDRESS = "address"
"""The file in the node's folder that holds its address."""


@contextmanager
def own_node() -> Iterator[str]:
    """Start a node with all CPUs and GPUs of this machine; its address, `host:port`, as long as the block runs.

    Ray gives its servers a few seconds to start, which is too little where their files are read for the first time or
    the machine is busy; it is then started once more. Raises `ClusterError` if it does not start.
    """
    with _token(), ExitStack() as stack:
        try:
            address = stack.enter_context(_started_node())
        except _TooSlowError:
            address = stack.enter_context(_started_node())
        yield address


class _TooSlowError(ClusterError):
    """Ray has not waited long enough for its own servers."""


@contextmanager
def _started_node() -> Iterator[str]:
    with _folder() as folder:
        log = Path(folder, "start.log")
        with log.open("wb") as output:
            node = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, folder, str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield _wait_for_address(Path(folder, _ADDRESS), node, log)
        finally:
            _end(node)


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder with a short path, because sockets lie in it, and their paths may have about 100 characters."""
    short = os.environ.get("RAY_TMPDIR") or ("/tmp" if Path("/tmp").is_dir() else None)
    return tempfile.TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True)


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
    if "timed out during startup" in reason:
        busy = "its servers did not answer in time, twice; end what else keeps the machine busy, and try again"
        raise _TooSlowError(f"Ray cannot be started on this machine: {busy}")
    raise ClusterError(f"Ray cannot be started on this machine: {reason}")


def _end(node: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(node.pid, signal.SIGKILL)  # its workers end by themselves when their raylet is gone
    node.wait()


def _run(folder: str, parent: int) -> None:
    """Run Ray's servers, as children of this process, until the process that started us is gone.

    Not by `ray start`, which also starts a server at a fixed port, and ends with it if another node has that port.
    """
    import ray  # only here, because the process that starts this one has its own

    ray.init(
        address="local", _temp_dir=folder, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )
    address = Path(folder, _ADDRESS)
    address.with_suffix(".partial").write_text(ray.get_runtime_context().gcs_address, encoding="utf-8")
    address.with_suffix(".partial").replace(address)
    while os.getppid() == parent:
        time.sleep(0.5)
    shutil.rmtree(folder, ignore_errors=True)  # which the process that is gone would have done
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _run(sys.argv[1], int(sys.argv[2]))
