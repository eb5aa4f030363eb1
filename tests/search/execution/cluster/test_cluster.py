"""A real cluster of three Ray nodes on this machine."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ports import free_port
from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, reported, search_words, status

NODE = [
    sys.executable, "-m", "ray.scripts.scripts", "start", "--block",
    "--disable-usage-stats", "--object-store-memory=100000000", "--node-ip-address=127.0.0.1",
]  # fmt: skip


TOKEN = secrets.token_hex(32)


class Cluster(NamedTuple):
    address: str
    head: subprocess.Popen[str]
    join: Callable[[], subprocess.Popen[str]]
    """Start another node of one CPU, with a broken xoresnet."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A node of one CPU, and another one with a broken safetensors."""
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # short: sockets lie in it
        broken = {name: Path(folder, f"broken-{name}") for name in ("xoresnet", "safetensors")}
        for name, place in broken.items():
            (place / name).mkdir(parents=True)
            (place / name / "__init__.py").write_text(f"raise ImportError('{name} is broken on this node')\n")
        started = []

        def join(name: str) -> subprocess.Popen[str]:
            started.append(start_node([f"--address=127.0.0.1:{port}"], PYTHONPATH=str(broken[name])))
            return started[-1]

        try:
            started += [start_node(["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"])]
            join("safetensors")
            yield Cluster(f"127.0.0.1:{port}", started[0], partial(join, "xoresnet"))
        finally:
            for node in reversed(started):
                kill_node(node)


def start_node(words: list[str], cpus: int = 1, **more: str) -> subprocess.Popen[str]:
    """A node that has joined."""
    node = subprocess.Popen(
        [*NODE, f"--num-cpus={cpus}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        env={**os.environ, **more},
    )
    assert node.stdout is not None
    lines = []
    for line in node.stdout:
        lines.append(line)
        if "Ray runtime started" in line:
            return node
    raise AssertionError("".join(lines))


def kill_node(node: subprocess.Popen[str]) -> None:
    """All of its processes at once, as when a machine loses power."""
    if node.poll() is None:
        os.killpg(node.pid, signal.SIGKILL)
        node.communicate()


def nodes(folder: Path) -> set[str]:
    """Where epochs were trained so far."""
    ids = set()
    for line in (folder / "run" / "study.journal").read_text().splitlines():
        attrs = json.loads(line).get("user_attr") or {}
        ids |= {value["node_id"] for name, value in attrs.items() if name.startswith("record:")}
    return ids


def search(folder: Path, address: str, *more: str) -> subprocess.Popen[str]:
    (folder / "small.yaml").write_text(SMALL)
    words = search_words("epochs=20", "pruner=none", "--address", address, *more)
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait(driver: subprocess.Popen[str], until: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while driver.poll() is None and time.monotonic() < end and not until():
        time.sleep(0.05)
    assert until(), driver.communicate()[1] if driver.poll() is not None else "it takes too long"


def test_machines_come_and_are_lost_and_no_trial(cluster: Cluster, tmp_path: Path) -> None:
    driver = search(tmp_path, cluster.address, "budget=6")
    wait(driver, lambda: bool(reported(tmp_path)))
    assert len(status(tmp_path)["running"]) == 1
    second = cluster.join()
    wait(driver, lambda: len(nodes(tmp_path)) == 2)
    wait(driver, lambda: len(status(tmp_path)["running"]) == 2)  # one of them may just have ended
    before = status(tmp_path)
    kill_node(second)
    _, errors = driver.communicate(timeout=240)
    assert driver.returncode == 0, errors
    (broken,) = [line for line in errors.splitlines() if "runs no trial: " in line]
    assert broken.endswith("ImportError: safetensors is broken on this node")
    after = status(tmp_path)
    assert (after["finished"], after["failed"], after["running"]) == (6, 0, [])
    assert len(nodes(tmp_path)) == 2  # the second with our xoresnet, and not the broken one
    known = {trial["trial_id"]: trial for trial in after["front"]}
    for trial in before["front"]:
        assert known.get(trial["trial_id"], trial) == trial
    # then the head, which holds the cluster together
    count = reported(tmp_path)
    driver = search(tmp_path, cluster.address, "budget=8")
    wait(driver, lambda: reported(tmp_path) > count)
    kill_node(cluster.head)
    _, errors = driver.communicate(timeout=45)  # Ray itself would abort the driver after 60 s
    assert driver.returncode == 1, errors
    assert f"error: Ray's head node is lost; everything finished is kept in {tmp_path}/run; to resume: " in errors
    assert "Traceback" not in errors
    assert status(tmp_path)["finished"] >= 6


def test_what_is_said_before_the_first_trial(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after a wait without an end."""
    too_large = search(tmp_path, cluster.address, "cpus_per_trial=2", "--run=a")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    stranger = search(tmp_path, cluster.address, "--run=b")
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name)
    without = search(tmp_path, cluster.address, "--run=c")
    _, errors = too_large.communicate(timeout=240)
    here = socket.gethostname()
    assert re.fullmatch(f"error: a trial needs 2 CPU, but {here} has 1 CPU(, {here} has 1 CPU)*\n", errors), errors
    remedy = "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to the token with which its nodes were started"
    for driver, what in (
        (stranger, "does not accept our token: "),
        (without, "asks for a token, and none was sent: set RAY_AUTH_MODE=token, and "),
    ):
        _, errors = driver.communicate(timeout=240)
        assert driver.returncode == 1, errors
        assert errors == f"error: the Ray cluster at {cluster.address} {what}{remedy}\n"


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
