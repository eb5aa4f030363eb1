"""Ray as a search needs it: a node of our own or a cluster that runs already, without the user's files on its path."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import ray
from ray._private import worker as ray_worker
from ray.exceptions import RayError

from xoresnet.description.user_code import user_modules
from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.addresses import check_cluster_address
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.own_node import own_node

__all__ = [
    "TOKEN_REMEDY",
    "VERSIONS_REMEDY",
    "check_address",
    "check_cluster",
    "check_wait",
    "client_session",
    "lets_in_strangers",
    "ray_session",
    "token_remedy",
    "wait_notice",
]

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
_RETRY_SECONDS = 1.0
_OUR_CODE = Path(str(files("xoresnet")))
"""Sent to other machines: whatever they have installed, trials run this code, with all changes that were made to it."""
TOKEN_REMEDY = "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to the token with which its nodes were started"
VERSIONS_REMEDY = "install the same versions of both on all machines"
_VERSION = re.compile(r"^\s*(?:Ray|Python): (\S+)$", re.MULTILINE)
_NO_SERVER = re.compile("Starting Ray client server failed|Proxy failed to Connect|Initialization failure from server")
"""What a head says that could not start the server that each client gets: it was busy, and may start a second one."""
_KNOCK = "import ray, sys; ray.init(address=sys.argv[1], include_dashboard=False, log_to_driver=False)"


class _UselessWaitError(ClusterError):
    """A fault of the cluster that stays however long one waits."""


@contextmanager
def ray_session(address: str | None, wait: WaitForNodes | None = None) -> Iterator[bool]:
    """Ray for the block: started on this machine, or joined at the address or `RAY_ADDRESS`, unless it runs already.

    wait: how long to wait for the cluster. Yields whether its only node is this machine, which has the same packages,
    files and devices. Raises `UsageError` for a malformed address, and `ClusterError` where no cluster answers or lets
    us in.
    """
    address = _address(address)
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
            _wait_for_cluster(address, wait)
        code = user_modules() if is_ours else (*user_modules(), _OUR_CODE)
        _silence(stack)
        _join(stack.enter_context(tempfile.TemporaryDirectory()), address, code)
        stack.callback(ray.shutdown)
        yield is_ours


@contextmanager
def client_session(address: str) -> Iterator[None]:
    """Ray Client for the block, with our code on the other side. address: `ray://HOST:PORT`.

    Raises `UsageError` for a malformed address, and `ClusterError` where no cluster answers or lets us in.
    """
    if find_spec("grpc") is None:
        raise ClusterError(f"{address} needs Ray Client: pip install 'ray[client]=={ray.__version__}'")
    check_cluster(address)
    with ExitStack() as stack:
        _silence(stack)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        code = (*user_modules(), _OUR_CODE)
        try:
            _join(folder, address, code)
        except ClusterError as error:
            if not _NO_SERVER.search(str(error)):
                raise
            _join(folder, address, code)
        stack.callback(ray.shutdown)
        yield


def token_remedy() -> str:
    """What to do where a cluster refuses us; Ray sends a token only in its mode for tokens."""
    is_on = os.environ.get("RAY_AUTH_MODE") == "token"
    return TOKEN_REMEDY if is_on else f"set RAY_AUTH_MODE=token, and {TOKEN_REMEDY}"


def check_address(address: str | None) -> None:
    """Raises `UsageError` for Ray Client, through which Ray Tune cannot be driven; the commands never get here."""
    if _address(address).startswith("ray://"):
        raise UsageError(
            f"address: {_address(address)} works with the commands search, confirm and ablate, which then run on the "
            "cluster's head; in Python, run on a machine of the cluster with address=HOST:PORT"
        )


def wait_notice(address: str | None) -> str:
    """A sentence for the user before `ray_session`, which may take a minute; empty where Ray runs here already."""
    where = _address(address)
    if where != "local":
        return f"Joining the Ray cluster at {where} ..."
    return "" if ray.is_initialized() else "Starting Ray on this machine ..."


def check_wait(address: str | None, wait: WaitForNodes | None) -> None:
    """Raises `UsageError` for a wait for nodes on this machine alone. address: of the configuration."""
    if wait is not None and _address(address) == "local":
        raise UsageError("waiting for nodes has no effect without a Ray cluster; add address=HOST:PORT")


def _address(address: str | None) -> str:
    return address or os.environ.get("RAY_ADDRESS") or "local"


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


def _wait_for_cluster(address: str, wait: WaitForNodes | None) -> None:
    """As `check_cluster`, and again and again while the search waits for nodes: the head may be about to start."""
    while True:
        try:
            return check_cluster(address)
        except _UselessWaitError:
            raise
        except ClusterError:
            if wait is None or wait.is_over:
                raise
        time.sleep(_RETRY_SECONDS)


def check_cluster(address: str, seconds: float = _ANSWER_SECONDS) -> None:
    """Join the cluster in another process first, because Ray may wait for ever, or abort the process that joins.

    seconds: how long the cluster may take to let us in. Raises `UsageError` for a malformed address, and `ClusterError`
    with the reason where we are not let in.
    """
    if address != "auto":
        _check_answers(address)
    knock = _knock(address, seconds, os.environ)
    if _NO_SERVER.search(knock.stderr):
        knock = _knock(address, seconds, os.environ)
    if knock.returncode == 0:
        return
    if _is_refused(knock):
        sent = os.environ.get("RAY_AUTH_MODE") == "token"
        what = "does not accept our token" if sent else "asks for a token, and none was sent"
        raise _UselessWaitError(f"the Ray cluster at {address} {what}: {token_remedy()}")
    if "Version mismatch" in knock.stderr:
        raise _UselessWaitError(f"{_other_versions(address, knock.stderr)}: {VERSIONS_REMEDY}")
    reasons = [line for line in knock.stderr.splitlines() if line[:1].isalpha() and "Error: " in line]
    reason = reasons[-1].partition("Error: ")[2] if reasons else f"no answer within {seconds:g} s"
    if address.startswith("ray://") and "timeout" in reason:  # which is also what comes of a wrong token
        reason += "; if its nodes were started with a token, set RAY_AUTH_TOKEN to it"
    raise ClusterError(f"no Ray cluster answers at {address}: {reason}")


def lets_in_strangers(address: str, seconds: float = _ANSWER_SECONDS) -> bool | None:
    """Whether the cluster lets in a process without a token; None if it does not answer in time."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    knock = _knock(address, seconds, {**environment, "RAY_AUTH_MODE": "disabled"})
    return True if knock.returncode == 0 else False if _is_refused(knock) else None


def _knock(address: str, seconds: float, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Join the cluster in another process, with this environment."""
    try:
        return subprocess.run(
            [sys.executable, "-P", "-c", _KNOCK, address], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds, check=False, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as silence:
        return subprocess.CompletedProcess([], 1, "", _text(silence.stderr))


def _is_refused(knock: subprocess.CompletedProcess[str]) -> bool:
    return "InvalidAuthToken" in knock.stderr or "AuthenticationError" in knock.stderr


def _other_versions(address: str, errors: str) -> str:
    """A sentence from Ray's message, which has the versions of the cluster in lines of their own, then ours."""
    ray_there, python_there, ray_here, python_here = _VERSION.findall(errors)[-4:]
    there, here = f"Ray {ray_there} and Python {python_there}", f"Ray {ray_here} and Python {python_here}"
    return f"the cluster at {address} runs {there}, but this process runs {here}"


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _check_answers(address: str) -> None:
    """Check that something listens at an address, because Ray itself would try for many minutes."""
    try:
        host, _, port = check_cluster_address(address).removeprefix("ray://").rpartition(":")
    except UsageError as error:
        raise UsageError(f"address: {error}") from None
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a name that is none
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from None
