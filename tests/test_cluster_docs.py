"""What docs/cluster.md shows, run as written on two nodes of this machine, except for what needs a cluster."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import ROOT, run_here
from tests.ports import free_port
from tests.search.execution.cluster.test_cluster import kill_node, start_node
from tests.search.runs import XORESNET

PAGE = "docs/cluster.md"
LESS = {"search": ["budget=2", "epochs=1"], "confirm": ["--epochs=1", "--seeds=1"]}
"""What commands are given besides, so that they take seconds."""
ELSEWHERE = {
    "sbatch examples/cluster/slurm.sh",  # in test_cluster_examples.py
    "squeue --me",
    "xoresnet status ~/runs/cifar",
    "docker build -t REGISTRY/xoresnet:1 -f examples/cluster/Dockerfile .",
    "docker push REGISTRY/xoresnet:1",
    "kubectl create secret generic object-storage --from-env-file=keys.env",
    "kubectl apply -f examples/cluster/rayjob.yaml",
    "kubectl get rayjob xoresnet",
    "kubectl logs -f job/xoresnet",
    "ray job submit --address http://HEAD:8265 -- xoresnet search cifar budget=200 --run s3://BUCKET/runs/cifar",
    "pip install 'ray[default]==2.60.0' boto3",
    "ray up examples/cluster/aws.yaml",
    "ray exec examples/cluster/aws.yaml --tmux 'xoresnet search ...'",
    "ray attach examples/cluster/aws.yaml --tmux",
    "ray down examples/cluster/aws.yaml",
}
"""What cannot run here."""


class Reader:
    """A user at one machine, who does what the page shows."""

    def __init__(self, folder: Path, short: Path, environment: pytest.MonkeyPatch) -> None:
        self._folder, self._short, self._environment = folder, short, environment
        self.port, self.client_port = free_port(), free_port()
        self.nodes: list[subprocess.Popen[str]] = []
        self.searches: list[subprocess.Popen[str]] = []
        self.ran: list[str] = []

    def do(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        if " ".join(words[:2]) == "ray start":
            self._start_node(self._here(words[2:]))
        elif words[0] == "export":
            self._environment.setenv(*words[1].split("="))
        elif words[0] == "ray":
            subprocess.run([sys.executable, "-m", "ray.scripts.scripts", *words[1:]], check=True, capture_output=True)
        else:
            self._run(self._here(words))
        self.ran.append(line)

    def _here(self, words: list[str]) -> list[str]:
        places = {
            "HEAD:6379": f"127.0.0.1:{self.port}",
            "HEAD:10001": f"127.0.0.1:{self.client_port}",
            "--port=6379": f"--port={self.port}",
            "/shared": str(self._folder),
        }
        pattern = re.compile("|".join(map(re.escape, places)))
        return [pattern.sub(lambda place: places[place.group()], word) for word in words]

    def _start_node(self, words: list[str]) -> None:
        more = [
            f"--ray-client-server-port={self.client_port}",
            f"--temp-dir={self._short}",
            "--include-dashboard=false",
        ]
        self.nodes.append(start_node([*words, *(more if "--head" in words else [])]))

    def _run(self, words: list[str]) -> None:
        """A command of xoresnet; one with `&` goes on while the next ones run."""
        command, *rest = words[1:]
        small = [word.replace("budget=41", "budget=3") for word in rest if word != "&"]
        less = [word for word in LESS.get(command, []) if not word.startswith("budget") or "budget=3" not in small]
        search = subprocess.Popen(
            [*XORESNET, command, *small, *less], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.searches.append(search)
        if "&" not in rest:
            self.wait()

    def wait(self) -> None:
        """Until all commands have ended, and well."""
        for search in self.searches:
            output, _ = search.communicate(timeout=240)
            assert search.returncode == 0, output
        self.searches = []

    def leave(self) -> None:
        for process in (*self.searches, *reversed(self.nodes)):
            if process in self.searches:
                process.kill()
            else:
                kill_node(process)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # where the token is
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as short:  # because sockets lie in it
        reader = Reader(tmp_path, Path(short), monkeypatch)
        yield reader
        reader.leave()


def blocks() -> list[tuple[str, str]]:
    return re.findall(r"```(bash|python)\n(.*?)```", (ROOT / PAGE).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_what_the_page_shows(reader: Reader, tmp_path: Path) -> None:
    not_run = set()
    for language, block in blocks():
        if language == "python":
            run_here(block)
            continue
        for line in filter(None, block.splitlines()):
            known = re.sub("(?<=xoresnet search )(?=cifar --address auto).*(?=')", "...", line)
            if known in ELSEWHERE:
                not_run.add(known)
            elif line not in reader.ran:  # the token is made once
                reader.do(line)
    reader.wait()
    assert not_run == ELSEWHERE
    assert len(reader.ran) == 12
    runs = {path.parent.name for path in (tmp_path / "runs").glob("*/study.journal")}
    assert runs == {"digits", "first", "second"}
    environment = json.loads((tmp_path / "runs" / "digits" / "environment.json").read_text())
    assert environment


def test_every_file_that_the_page_names_is_there() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    linked = {name.partition("#")[0] for name in re.findall(r"\]\(([^)]+)\)", text) if "://" not in name}
    assert len(linked - {""}) >= 5
    assert [name for name in linked if not (ROOT / "docs" / name).exists()] == []
    shown = set(re.findall(r"examples/cluster/[\w.]+", text))
    assert [name for name in shown if not (ROOT / name).exists()] == []


def test_every_place_that_the_page_points_to_is_there() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
