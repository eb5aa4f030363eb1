"""Ray, as a search needs it: started quietly, without the user's files on its path, and measured in trials."""

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
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # the study is what a search goes on from
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
_OWN = {"RAY_AUTH_MODE": "disabled"}
"""Of a Ray on this machine alone; whoever runs a cluster has decided for it."""


@contextmanager
def ray_session(address: str | None) -> Iterator[None]:
    """Ray, started for this search or joined at the address (or at `RAY_ADDRESS`), unless the caller has started it."""
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
    """Workers put the driver's working directory first on their path, and a user's random.py with it; so an empty one.

    They start in it too, so it must last as long as they do.
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
        raise ClusterError(f"there is no Ray cluster at {address}: {str(error).splitlines()[0]}") from None
    finally:
        os.chdir(before)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failed trials are ours to tell of


def _check_answers(address: str) -> None:
    """Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"address: {address!r} is neither host:port nor auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"there is no Ray cluster at {address}: {error}") from None


def resources(config: SearchConfig) -> dict[str, float]:
    """Of one trial, as Ray Tune wants them."""
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = 0.25 if _whole_cluster().get("GPU") else 0.0
    return {"cpu": config.cpus_per_trial, **({"gpu": gpus} if gpus else {})}


def slots(config: SearchConfig) -> int:
    """How many trials fit at once. Raises `ClusterError`, `UsageError` where none does."""
    wanted, there = resources(config), _whole_cluster()
    fit = min(int(there.get(name.upper(), 0) / amount + 1e-9) for name, amount in wanted.items())
    if fit < 1:
        needs = ", ".join(f"{amount:g} {name}" for name, amount in wanted.items())
        has = ", ".join(f"{there.get(name.upper(), 0):g} {name}" for name in wanted)
        raise ClusterError(f"a trial needs {needs}, the machines have {has}")
    return min(fit, config.max_concurrent or fit)


def _whole_cluster() -> dict[str, float]:
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found
