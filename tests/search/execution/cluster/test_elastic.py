"""A cluster that changes while a search runs: four nodes with eight GPUs each, of which Ray is told, and one more."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pytest

from tests.ports import free_port
from tests.search.execution.cluster.elastic_driver import AT_ONCE, DIES, NEEDS_MORE, open_study
from tests.search.execution.cluster.test_cluster import kill_node, start_node
from xoresnet.search.study.attributes import GIVEN_BACK, GPU_SHARE, RETRIED

ROOT = Path(__file__).parents[4]
TRIALS = 64
DRAIN = (
    "import sys, time, ray; from ray._raylet import GcsClient; from ray.core.generated import autoscaler_pb2 as pb; "
    "print(GcsClient(address=sys.argv[1]).drain_node(sys.argv[2], pb.DrainNodeReason.Value("
    "'DRAIN_NODE_REASON_PREEMPTION'), 'spot', int(time.time() * 1000) + 120_000))"
)
"""As a cloud announces that it takes a machine back."""


class Cluster(NamedTuple):
    address: str
    processes: list[subprocess.Popen[str]]
    """The head first."""

    def join(self) -> str:
        """Start a node on which two trials run at once, by its CPUs; returns its id."""
        process = start_node([f"--address={self.address}", "--num-gpus=8"], cpus=2)
        self.processes.append(process)
        return node_id_of(process)

    def kill(self, node_id: str) -> None:
        """As when a machine loses power."""
        kill_node(next(process for process in self.processes if node_id_of(process) == node_id))


def node_id_of(node: subprocess.Popen[str]) -> str:
    """From the command line of the raylet; empty for a node that is not there any more."""
    words = subprocess.run(["pgrep", "-g", str(node.pid), "-a", "raylet"], capture_output=True, text=True, check=False)
    found = re.search(r"--node_id=(\w+)", words.stdout)
    return found[1] if found else ""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # short: sockets lie in it
        head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        cluster = Cluster(f"127.0.0.1:{port}", [])
        try:
            cluster.processes.append(start_node(head, cpus=0))
            yield cluster
        finally:
            for node in reversed(cluster.processes):
                kill_node(node)


def records(folder: Path) -> list[dict[str, Any]]:
    """What trials have reported so far, and which trial did."""
    journal = folder / "study.journal"
    found = []
    for line in journal.read_text().splitlines() if journal.exists() else ():
        entry = json.loads(line)
        attributes = entry.get("user_attr") or {}
        found += [
            {**value, "trial": entry["trial_id"]} for name, value in attributes.items() if name.startswith("record:")
        ]
    return found


def wait(driver: subprocess.Popen[str], until: Callable[[], bool]) -> None:
    end = time.monotonic() + 400
    while driver.poll() is None and time.monotonic() < end and not until():
        time.sleep(0.1)
    assert until(), driver.communicate()[1] if driver.poll() is not None else "it takes too long"


def waiting(folder: Path, first: int) -> set[str]:
    """The nodes on which two trials wait in their second epoch, of those from the trial of this number on."""
    latest = {record["trial"]: record for record in records(folder) if record["trial"] >= first}
    running = Counter(record["node_id"] for record in latest.values() if record["epoch"] == 1)
    return {node_id for node_id, trials in running.items() if trials == 2}


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """How many spans of time overlap at most."""
    ends = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    now = most = 0
    for _, change in ends:
        now += change
        most = max(most, now)
    return most


def drain(address: str, node_id: str) -> None:
    words = [sys.executable, "-W", "ignore", "-c", DRAIN, address, node_id]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith("(True")


def test_nodes_leave_and_join_and_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    before = [cluster.join() for _ in range(4)]
    words = [sys.executable, "-W", "ignore", "-m", "tests.search.execution.cluster.elastic_driver"]
    with subprocess.Popen(
        [*words, cluster.address, str(tmp_path), str(TRIALS)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as driver:  # fmt: skip
        try:
            wait(driver, lambda: len(waiting(tmp_path, 0)) == 4)
            lost = min(waiting(tmp_path, 0))
            cluster.kill(lost)
            wait(driver, lambda: (tmp_path / "study.journal").read_text().count(GIVEN_BACK) == 2)
            (tmp_path / "lost").touch()
            wait(driver, lambda: bool(waiting(tmp_path, AT_ONCE) - {lost}))
            leaves = min(waiting(tmp_path, AT_ONCE) - {lost})
            drain(cluster.address, leaves)
            wait(driver, (tmp_path / "seen").exists)
            announced = time.time()
            (tmp_path / "announced").touch()
            new = cluster.join()
            wait(driver, lambda: any(record["node_id"] == new for record in records(tmp_path)))
            (tmp_path / "joined").touch()
            output, errors = driver.communicate(timeout=400)
        finally:
            driver.kill()
    assert driver.returncode == 0, errors
    study = open_study(tmp_path)
    check_end(json.loads(output.splitlines()[-1]), study)
    check_given_back(study, tmp_path)
    check_places([*before, new], records(tmp_path))
    after = Counter(r["trial"] for r in records(tmp_path) if r["node_id"] == leaves and r["began"] > announced)
    assert set(after.values()) <= {1}


def check_end(outcome: dict[str, Any], study: optuna.Study) -> None:
    assert outcome["ended"] == f"the budget of {TRIALS} full trainings is spent"
    assert (outcome["spent"], outcome["errors"]) == (TRIALS, [])
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * TRIALS
    # only the trial whose worker died by itself has used a retry
    assert [trial.number for trial in study.trials if RETRIED in trial.user_attrs] == [DIES]
    shares = {trial.number: trial.user_attrs[GPU_SHARE] for trial in study.trials if GPU_SHARE in trial.user_attrs}
    assert shares == {NEEDS_MORE: 0.5}
    sentence = f"trial {NEEDS_MORE} ran out of GPU memory with 0.25 of a GPU; it is tried again with 0.5"
    assert sentence in outcome["notices"]


def check_given_back(study: optuna.Study, folder: Path) -> None:
    """Who was told in time to leave has trained no epoch twice."""
    reasons: Counter[str] = Counter()
    for trial in study.trials:
        given_back = [reason.rpartition(" ")[2] for _, reason in trial.user_attrs.get(GIVEN_BACK, ())]
        reasons.update(given_back)
        assert (folder / f"{trial.number}.log").read_text() == "1234" or "lost" in given_back
    assert reasons["lost"] == 2
    assert reasons["leave"] >= 2  # trials that were to begin there, too, move after their first epoch


def check_places(node_ids: list[str], reported: list[dict[str, Any]]) -> None:
    assert {record["node_id"] for record in reported} == {*node_ids}
    for node_id in node_ids:
        spans = [(record["began"], record["ended"]) for record in reported if record["node_id"] == node_id]
        assert most_at_once(spans) <= 2
    assert all(record["gpu"] for record in reported)
