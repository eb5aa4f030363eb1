"""Addresses at which no cluster is, or none that lets us in."""

from __future__ import annotations

import platform
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray
from ray._private.utils import check_version_info

from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.execution.session import _other_versions, check_cluster, wait_notice


@contextmanager
def silence() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def web_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("other", [silence, web_server])
def test_what_is_no_cluster(other: type[Iterator[int]]) -> None:
    """Ray itself would wait for ever."""
    began = time.monotonic()
    with other() as port, pytest.raises(ClusterError, match=f"^no Ray cluster answers at 127.0.0.1:{port}: "):
        check_cluster(f"127.0.0.1:{port}", seconds=8)
    assert time.monotonic() - began < 60


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ClusterError, match=f"^no Ray cluster answers at 127.0.0.1:{port}: .*refused"):
        check_cluster(f"127.0.0.1:{port}")


def test_a_name_that_is_none() -> None:
    with pytest.raises(ClusterError, match=r"^no Ray cluster answers at head\.\.lab:6379: "):
        check_cluster("head..lab:6379")


@pytest.mark.parametrize("address", ["nowhere", "here:", ":port", "local host"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match=f"^address: must be HOST:PORT, ray://HOST:PORT or auto, got '{address}'$"):
        check_cluster(address)


def test_what_may_take_a_minute_is_told() -> None:
    assert wait_notice("head.lab:6379") == "Joining the Ray cluster at head.lab:6379 ..."
    assert wait_notice(None) == ("" if ray.is_initialized() else "Starting Ray on this machine ...")


def test_another_version() -> None:
    """Ray's own message, as it refuses a driver."""
    cluster = {"ray_version": "2.59.0", "python_version": "3.10.1"}
    with pytest.raises(RuntimeError) as refusal:
        check_version_info(cluster, "node 127.0.0.1")
    errors = f"Traceback (most recent call last):\n  ...\nRuntimeError: {refusal.value}"
    here = f"Ray {ray.__version__} and Python {platform.python_version()}"
    assert _other_versions("head:6379", errors) == (
        f"the cluster at head:6379 runs Ray 2.59.0 and Python 3.10.1, but this process runs {here}"
    )
