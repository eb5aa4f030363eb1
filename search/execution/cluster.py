"""Ray as a search needs it: started quietly, without the user's files on its path, and measured in trials."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.config import SearchConfig

__all__ = ["ray_session", "resources", "slots"]

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # a search continues from its study
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
_OWN = {"RAY_AUTH_MODE": "disabled"}
"""For a Ray on this machine alone; those who run a cluster decide about its authentication."""


@contextmanager
def ray_session(address: str | None) -> Iterator[None]:
    """Ray for the block: started on this machine, or joined at the address or `RAY_ADDRESS`, unless it runs already.

    Raises `UsageError` for a malformed address, `ClusterError` where no cluster answers.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    for name, value in {**_QUIET, **(_OWN if address == "local" else {})}.items():
        os.environ.setdefault(name, value)
    if ray.is_initialized():
        yield
        return
    with tempfile.TemporaryDirectory() as empty:
        _init_within(empty, address)
        try:
            yield
        finally:
            ray.shutdown()


def _init_within(folder: str, address: str) -> None:
    """Start Ray with an empty working directory; it must exist as long as the workers, which start in it.

    Workers put the driver's working directory first on their path, where a user's `random.py` would hide Python's.
    """
    if address not in ("local", "auto"):
        _check_answers(address)
    before = Path.cwd()
    os.chdir(folder)
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        if address == "local":
            raise
        raise ClusterError(f"no Ray cluster answers at {address}: {str(error).splitlines()[0]}") from None
    finally:
        os.chdir(before)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the bridge reports failed trials


def _check_answers(address: str) -> None:
    """Check that something listens at an address, because Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"address: must be host:port or auto, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from None


def resources(config: SearchConfig) -> dict[str, float]:
    """The resources of one trial in Ray Tune's terms."""
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = 0.25 if _whole_cluster().get("GPU") else 0.0
    return {"cpu": config.cpus_per_trial, **({"gpu": gpus} if gpus else {})}


def slots(config: SearchConfig) -> int:
    """How many trials run at once. Raises `ClusterError` if not even one fits."""
    wanted, available = resources(config), _whole_cluster()
    fit = min(int(available.get(name.upper(), 0) / amount + 1e-9) for name, amount in wanted.items())
    if fit < 1:
        needs = ", ".join(f"{amount:g} {name}" for name, amount in wanted.items())
        has = ", ".join(f"{available.get(name.upper(), 0):g} {name}" for name in wanted)
        raise ClusterError(f"a trial needs {needs}, but the cluster has {has}")
    return min(fit, config.max_concurrent or fit)


def _whole_cluster() -> dict[str, float]:
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return total
