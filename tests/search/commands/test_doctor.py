"""`xoresnet doctor` on this machine; tests/search/checkup has clusters."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from xoresnet.data.load import load_data
from xoresnet.files.yaml_text import write_yaml

NOWHERE = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.usefixtures("ray")
def test_this_machine_as_json(tmp_path: Path) -> None:
    Path("run").mkdir()
    Path("run/config.yaml").write_text(write_yaml({"command": "search", "data": {"name": "digits"}}))
    result = xoresnet("doctor", "--run", "run", "--json")
    found = result.json
    assert found.keys() == {"address", "cluster", "run", "nodes", "faults"}
    assert (found["address"], found["cluster"]) == (None, None)
    place, free = found["run"], found["run"].pop("free_bytes")
    assert place == {"place": str(tmp_path / "run"), "holds_search": True, "writes": True, "in_use": False}
    assert 0 < free <= shutil.disk_usage(tmp_path).total
    (node,) = found["nodes"]
    assert (node["name"], node["is_driver"], node["cpus"]["present"]) == (socket.gethostname(), True, os.cpu_count())
    assert node["cpus"]["ray"] == 2  # as tests/conftest.py has started it
    assert node["object_store"]["bytes"] > 0
    assert [data["fingerprint"] for data in node["data"]] == [load_data("digits").fingerprint]
    assert result.code == (1 if found["faults"] else 0)
    assert result.err == "examining this machine ...\nstarting Ray on this machine ...\n"
    assert [str(path) for path in sorted(Path().rglob("*"))] == ["run", "run/config.yaml"]


def test_faults_are_sentences_with_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # other tests of this process may have started one
    monkeypatch.setenv("RAY_ADDRESS", NOWHERE)
    result = xoresnet("doctor", "--run", "/proc/none/run", "--data", "folder", "--data-root", "nothing")
    name = socket.gethostname()
    lines = result.out.splitlines()
    assert result.code == 1
    assert lines[0] == f"{name} (this machine, which runs no trials itself)"
    assert f"{name}: /proc/none/run cannot be written: No such file or directory;" in lines
    (silence,) = [line for line in lines if line.startswith(f"{name}: no Ray cluster answers at {NOWHERE}: ")]
    assert lines[lines.index(silence) + 1].endswith("; or unset RAY_ADDRESS to work on this machine alone")
    (missing,) = [line for line in lines if re.match(rf"{name}: there is no folder .*/nothing;$", line)]
    remedy = "  put the data set there, or name its folder with data.root=DIR (here --data-root DIR)"
    assert lines[lines.index(missing) + 1] == remedy
    assert lines[-1] == "3 faults"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--data digts", "there is no data set 'digts'; *; did you mean 'digits'?"),
        ("--data-root x", "--data-root needs --data, for example: xoresnet doctor --data cifar10 --data-root DIR"),
        ("--data folder --data-root s3://x", "root: s3://x is a URL, *"),
        ("run", "Got unexpected extra argument (run) (see xoresnet doctor --help)"),
        ("--addres x", "No such option '--addres'. Did you mean '--address'? (see xoresnet doctor --help)"),
    ],
)
def test_wrong_usage(words: str, message: str) -> None:
    result = xoresnet("doctor", *words.split())
    assert (result.code, result.out) == (2, "")
    last = result._replace(err=result.err.splitlines()[-1])
    assert last.is_refusal(2, message)
