"""Ray as a search needs it: a node of our own or a cluster that runs already, without the user's files on its path."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path

import ray
from ray._private import worker as ray_worker
from ray.exceptions import RayError

from xoresnet.description.user_code import user_modules
from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.own_node import own_node

__all__ = ["check_cluster", "ray_session"]

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of trials whose end nobody waits for any more
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # a search continues from its study
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
_ANSWER_SECONDS = 45.0
"""How long a cluster may take to let us in."""
_OUR_CODE = Path(str(files("xoresnet")))
"""Sent to other machines: whatever they have installed, trials run this code, with all changes that were made to it."""
_KNOCK = "import ray, sys; ray.init(address=sys.argv[1], include_dashboard=False, log_to_driver=False)"


@contextmanager
def ray_session(address: str | None) -> Iterator[bool]:
    """Ray for the block: started on this machine, or joined at the address or `RAY_ADDRESS`, unless it runs already.

    Yields whether its only node is this machine, which has the same packages, files and devices. Raises `UsageError`
    for a malformed address, and `ClusterError` where no cluster answers or lets us in.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if ray.is_initialized():
        names = [node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        yield names == [socket.gethostname()]
        return
    with ExitStack() as stack:
        is_ours = address == "local"
        if is_ours:
            address = stack.enter_context(own_node())
        else:
            check_cluster(address)
        code = user_modules() if is_ours else (*user_modules(), _OUR_CODE)
        _silence(stack)
        _join(stack.enter_context(tempfile.TemporaryDirectory()), address, code)
        stack.callback(ray.shutdown)
        yield is_ours


def _silence(stack: ExitStack) -> None:
    """Keep Ray from printing the logs of nodes that are lost, which it does on stdout whatever `log_to_driver` says."""
    before = ray_worker._worker_logs_enabled  # there is no public way
    ray_worker._worker_logs_enabled = False
    stack.callback(setattr, ray_worker, "_worker_logs_enabled", before)


def _join(folder: str, address: str, code: Sequence[Path]) -> None:
    """Join a cluster with an empty working directory; it must exist as long as the workers, which start in it.

    Workers put the driver's working directory first on their path, where a user's `random.py` would hide Python's.
    code: files and package folders that are sent to the workers, which import them from there.
    """
    before, handler = Path.cwd(), signal.getsignal(signal.SIGTERM)
    os.chdir(folder)
    try:
        ray.init(
            address=address,
            runtime_env={"py_modules": [str(each) for each in code]} if code else None,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        reason = in_one_line(str(error)) or type(error).__name__
        raise ClusterError(f"no Ray cluster answers at {address}: {reason}") from None
    finally:
        os.chdir(before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)  # Ray has set its own
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the bridge reports failed trials


def check_cluster(address: str, seconds: float = _ANSWER_SECONDS) -> None:
    """Join the cluster in another process first, because Ray may wait for ever, or abort the process that joins.

    seconds: how long the cluster may take to let us in. Raises `UsageError` for a malformed address, and `ClusterError`
    with the reason where we are not let in.
    """
    if address != "auto":
        _check_answers(address)
    try:
        knock = subprocess.run(
            [sys.executable, "-P", "-c", _KNOCK, address], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as silence:
        knock = subprocess.CompletedProcess([], 1, "", _text(silence.stderr))
    if knock.returncode == 0:
        return
    if "InvalidAuthToken" in knock.stderr or "AuthenticationError" in knock.stderr:
        raise ClusterError(
            f"the Ray cluster at {address} does not accept our token: set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to "
            "the token with which its nodes were started"
        )
    reasons = [line for line in knock.stderr.splitlines() if line[:1].isalpha() and "Error: " in line]
    reason = reasons[-1].partition("Error: ")[2] if reasons else f"no answer within {seconds:g} s"
    raise ClusterError(f"no Ray cluster answers at {address}: {reason}")


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _check_answers(address: str) -> None:
    """Check that something listens at an address, because Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"address: must be host:port or auto, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a name that is none
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from None
