"""An S3-compatible server on this machine, in a process of its own; clients find it by their usual variables."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow.fs as fs

from tests.ports import free_port

__all__ = ["s3_server", "variables"]


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server that is empty at first."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def variables(address: str) -> dict[str, str]:
    """The environment of a client."""
    key = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {**key, "AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "us-east-1"}


def make_bucket(address: str) -> str:
    """The URL of an empty bucket."""
    name, host = f"lab-{uuid.uuid4().hex[:8]}", address.removeprefix("http://")
    system = fs.S3FileSystem(
        access_key="someone",
        secret_key="secret",
        endpoint_override=host,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    system.create_dir(name)
    return f"s3://{name}"


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not start")
