"""A cluster whose only node that runs trials is lost and replaced, as machines that are rented by the hour are."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.search.execution.cluster.test_cluster import TOKEN, kill_node, search, start_node, wait
from tests.search.runs import reported, status


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
