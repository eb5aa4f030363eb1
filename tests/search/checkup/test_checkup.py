"""Examinations of real clusters on this machine, one of whose nodes is broken, as a user runs them."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.ports import free_port
from tests.search.execution.cluster.test_cluster import kill_node, start_node
from tests.search.runs import XORESNET
from xoresnet.data.load import load_data
from xoresnet.files.yaml_text import write_yaml
from xoresnet.search.execution.session import TOKEN_REMEDY

TOKEN = secrets.token_hex(32)
WITH_TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
STRANGE = """
import resource, time
now = time.time
time.time = lambda: now() + 100
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
"""
"""Run by each Python process of the broken node: another clock, and few open files."""


class Answer(NamedTuple):
    code: int
    found: dict[str, Any]
    errors: str

    def what(self, name: str) -> list[str]:
        return [fault["what"] for fault in self.found["faults"] if fault["node"] == name]


class Doctor:
    """`xoresnet doctor --json`, in a process of its own."""

    def __init__(self, *words: str, environment: Mapping[str, str] = WITH_TOKEN) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        self._process = subprocess.Popen(
            [*XORESNET, "doctor", "--json", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, **environment},
        )

    def answer(self) -> Answer:
        out, errors = self._process.communicate(timeout=300)
        assert "Traceback" not in errors, errors
        return Answer(self._process.returncode, json.loads(out), errors)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A node that is sound, but for one thing, and one that is not; its address."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # short: sockets lie in it
        broken, port = Path(folder, "broken"), free_port()
        (broken / "safetensors").mkdir(parents=True)
        (broken / "safetensors" / "__init__.py").write_text("raise ImportError('it is broken')")
        (broken / "sitecustomize.py").write_text(STRANGE)
        first = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        second = [f"--address=127.0.0.1:{port}", "--num-gpus=1", f"--plasma-directory={broken}"]
        started = []
        try:
            started.append(start_node(first, **WITH_TOKEN))
            started.append(start_node(second, cpus=1000, PYTHONPATH=str(broken), **WITH_TOKEN))
            yield f"127.0.0.1:{port}"
        finally:
            for node in reversed(started):
                kill_node(node)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a search of digits."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(write_yaml({"command": "search", "data": {"name": "digits"}}))
    return tmp_path / "run"


def test_a_cluster_with_a_broken_node(cluster: str, run: Path) -> None:
    wrong = Doctor("--address", cluster, environment={**WITH_TOKEN, "RAY_AUTH_TOKEN": "0" * 64})
    right = Doctor("--address", cluster, f"--run=local://{run}").answer()

    here, sound, broken = right.found["nodes"]
    if broken["cpus"]["ray"] == 1:
        sound, broken = broken, sound
    assert right.code == 1
    assert right.found["cluster"] == {"asks_for_token": True}
    assert (sound["cpus"]["ray"], broken["cpus"]["ray"], broken["gpus"]["ray"]) == (1, 1000, 1)
    assert right.what(here["name"]) == right.what(sound["name"]) == []
    assert abs(sound["clock_skew_seconds"]) < 5
    fingerprint = load_data("digits").fingerprint
    for node in right.found["nodes"]:
        assert [data["fingerprint"] for data in node["data"]] == [fingerprint]
    assert sound["run"] == broken["run"] == {"sees": True, "writes": True, "fault": ""}
    assert (right.found["run"]["holds_search"], right.found["run"]["writes"]) == (True, True)
    assert [path.name for path in run.iterdir()] == ["config.yaml"]

    imports, cpus, *gpu_or_memory, store, files, clock = right.what(broken["name"])
    assert imports == "what a trial imports cannot be imported: ImportError: it is broken"
    assert cpus.startswith("Ray counts 1000 CPUs, but processes may use only ")
    assert any(what.startswith("Ray counts 1 GPU, but torch finds none: ") for what in gpu_or_memory)
    assert any(" of memory are available, but 1000 trials at once take " in what for what in gpu_or_memory)
    assert store.startswith(f"Ray keeps its objects in {broken['object_store']['folder']} instead of /dev/shm")
    assert files == "a process may open only 1,024 files, and Ray opens some for every worker"
    ahead = re.fullmatch(r"its clock is ([\d.]+) s ahead of this machine's", clock)
    assert ahead is not None, clock
    assert abs(float(ahead[1]) - 100) < 5  # it is measured more or less exactly, as nodes answer sooner or later

    refused = wrong.answer()
    (fault,) = refused.found["faults"]
    what = f"the Ray cluster at {cluster} does not accept our token"
    assert fault == {"node": socket.gethostname(), "what": what, "remedy": TOKEN_REMEDY}
    assert (refused.code, refused.found["cluster"], len(refused.found["nodes"])) == (1, None, 1)


def test_nodes_that_do_not_answer(cluster: str) -> None:
    """Nobody waits for them: each is a fault."""
    code = (
        "from xoresnet.search.checkup import cluster, worker\n"
        "from xoresnet.search.execution.session import ray_session\n"
        "cluster._START_SECONDS = 0.0\n"
        f"with ray_session({cluster!r}):\n"
        "    print(list(cluster.ask_all(cluster.nodes_of_ray(), worker.Question(0)).values()))\n"
    )
    done = subprocess.run([*XORESNET[:-1], code], env={**os.environ, **WITH_TOKEN}, capture_output=True, text=True)
    assert done.stdout.strip() == str([{"silent": "it did not answer within 0 s"}] * 2), done.stderr


def test_a_cluster_that_lets_in_everybody() -> None:
    """At `RAY_ADDRESS`; the files of a store in the memory of one process are not shared."""
    disabled, address = {"RAY_AUTH_MODE": "disabled"}, f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port = address.rpartition(":")[2]
        head = start_node(["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"], **disabled)
        try:
            answer = Doctor("--run=memory://run", environment={**disabled, "RAY_ADDRESS": address}).answer()
        finally:
            kill_node(head)
    assert answer.found["cluster"] == {"asks_for_token": False}
    assert answer.what("") == [f"the cluster at {address} lets in everybody who reaches its port, and runs their code"]
    node = answer.found["nodes"][1]
    assert answer.what(node["name"]) == ["what other machines write at memory://run does not arrive"]
    assert node["run"]["sees"] is False
