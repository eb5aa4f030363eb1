"""Clusters: whose only node that runs trials is lost and replaced, as rented machines are; and with several drivers."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.search.command_line import xoresnet
from tests.search.execution.cluster.test_cluster import TOKEN, Cluster, cluster, kill_node, search, start_node, wait
from tests.search.runs import SMALL, XORESNET, reported, search_words, status, without_guessing

__all__ = ["cluster"]  # a fixture


def test_trials_go_on_on_the_node_that_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        joined = [f"--address=127.0.0.1:{port}"]
        head = start_node(["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"], cpus=0)
        nodes = [head, start_node(joined)]
        try:
            driver = search(tmp_path, f"127.0.0.1:{port}", "budget=2")
            wait(driver, lambda: reported(tmp_path) > 2)
            kill_node(nodes[1])
            time.sleep(20)  # the trial is tried again, and waits
            nodes.append(start_node(joined))
            _, errors = driver.communicate(timeout=240)
            assert driver.returncode == 0, errors
            assert (status(tmp_path)["finished"], status(tmp_path)["failed"]) == (2, 0)
        finally:
            for node in reversed(nodes):
                kill_node(node)


def test_two_searches_and_a_confirmation_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """Each finds what it would find alone: three drivers, and two CPUs on which one trial runs at a time."""
    cluster.join()
    (tmp_path / "small.yaml").write_text(SMALL)
    exact = ("epochs=2", "budget=2", "max_concurrent=1", "cost=epochs", "--address", cluster.address)

    def begin(name: str) -> subprocess.Popen[str]:
        words = search_words(*exact, f"--run={name}")
        return subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    finish(begin("alone"))
    confirm = [*XORESNET, "confirm", "alone", "--seeds=1", "--epochs=1", f"address={cluster.address}", "--json"]
    with subprocess.Popen(confirm, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as confirms:
        for driver in [begin(name) for name in ("one", "two")]:
            finish(driver)
        output, errors = confirms.communicate(timeout=240)
    assert confirms.returncode == 0, errors
    alone, one, two = (front(tmp_path / name) for name in ("alone", "one", "two"))
    assert alone == one == two
    assert {row["arch_id"] for row in json.loads(output)["networks"]} == {arch_id for _, arch_id, *_ in alone}


def front(run: Path) -> list[tuple[Any, ...]]:
    columns = ("trial_id", "arch_id", "val_accuracy", "spikes_per_sample")
    return [tuple(row[name] for name in columns) for row in xoresnet("front", str(run), "--json").json]


def finish(driver: subprocess.Popen[str]) -> None:
    _, errors = driver.communicate(timeout=240)
    told = without_guessing(errors).splitlines()
    assert (driver.returncode, [line for line in told if "runs no trial: " not in line]) == (0, [])
