"""A real cluster of two Ray nodes on this machine, with GPUs that are only said to be there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, reported, search_words, status

NODE = [
    sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--num-gpus=1",
    "--disable-usage-stats", "--object-store-memory=100000000", "--node-ip-address=127.0.0.1",
]  # fmt: skip


class Cluster(NamedTuple):
    address: str
    second: subprocess.Popen[bytes]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # short: sockets lie in it
        words = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        head = _start(words)
        _wait_for(port)
        second = _start([f"--address=127.0.0.1:{port}"])
        try:
            yield Cluster(f"127.0.0.1:{port}", second)
        finally:
            for node in (second, head):
                _kill(node)


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*NODE, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)


def _kill(node: subprocess.Popen[bytes]) -> None:
    """All of its processes at once, as when a machine loses power."""
    if node.poll() is None:
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the first node does not come up")


def nodes(folder: Path) -> set[str]:
    """Where epochs were trained so far."""
    found = set()
    for line in (folder / "run" / "study.journal").read_text().splitlines():
        attrs = json.loads(line).get("user_attr") or {}
        found |= {value["node_id"] for name, value in attrs.items() if name.startswith("record:")}
    return found


def test_a_machine_is_lost_and_no_trial(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    words = search_words("trials=3", "epochs=20", "pruner=none", "gpus_per_trial=0.5", "--address", cluster.address)
    driver = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 240
    while driver.poll() is None and time.monotonic() < end and not (reported(tmp_path) and len(nodes(tmp_path)) == 2):
        time.sleep(0.05)
    before = status(tmp_path)
    assert len(before["running"]) == 2  # one on each node
    _kill(cluster.second)
    _, errors = driver.communicate(timeout=240)
    assert driver.returncode == 0, errors
    after = status(tmp_path)
    assert (after["finished"], after["failed"], after["running"]) == (3, 0, [])
    known = {trial["trial_id"]: trial for trial in after["front"]}
    for trial in before["front"]:
        assert known.get(trial["trial_id"], trial) == trial


def test_an_address_where_nobody_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # other tests of this process may have started one
    (tmp_path / "small.yaml").write_text(SMALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        result = xoresnet("search", str(tmp_path / "small.yaml"), "--run", str(tmp_path / "run"), "--address", address)
    assert result.code == 1
    assert f"error: no Ray cluster answers at {address}" in result.err
    assert "Traceback" not in result.err
