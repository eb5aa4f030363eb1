"""Completion in the shell, asked for as the shells do, through environment variables of the program itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-c", "from xoresnet.search.cli import run; run()")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for run in ("runs/digits", "runs/shapes", "elsewhere/mine"):
        Path(run).mkdir(parents=True)
        Path(run, "config.yaml").touch()
    Path("runs/no-run").mkdir()
    Path("own.yaml").touch()


def completed(words: str) -> list[str]:
    """What is offered for the last word; `<dir>` and `<file>` where the shell looks for some itself."""
    number = str(len(words.split(" ")) - 1)
    answer = subprocess.run(
        PROGRAM,
        env={**os.environ, "_XORESNET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": number},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stderr == ""
    offered = [line.split(",", 1) for line in answer.stdout.splitlines()]
    return [value if kind == "plain" else f"<{kind}>" for kind, value in offered]


RUNS = ["<dir>", "runs/digits", "runs/shapes"]
DATA_SETS = [
    "cifar10", "cifar10-dvs", "cifar100", "digits", "dvs128-gesture", "events-folder", "fashion-mnist", "folder",
    "mini-imagenet", "n-mnist",
]  # fmt: skip
PRESETS = [
    "<file>",
    "cifar",
    "digits",
    "dvs128-gesture",
    "fashion-mnist",
    "fashion-mnist-small",
    "mini-imagenet",
    "n-mnist",
]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("xoresnet fr", ["front"]),
        ("xoresnet front --min", ["--min-accuracy"]),
        *((f"xoresnet {name} ", RUNS) for name in ("confirm", "export", "front", "predict", "repair", "report")),
        ("xoresnet status runs/d", ["<dir>", "runs/digits"]),
        ("xoresnet status sha", ["<dir>", "runs/shapes"]),
        ("xoresnet status elsewhere/", ["<dir>"]),
        ("xoresnet search --run runs/", RUNS),
        ("xoresnet search ", PRESETS),
        ("xoresnet space ", PRESETS),
        ("xoresnet search own", ["<file>"]),
        ("xoresnet data ", DATA_SETS),
        ("xoresnet data f", ["fashion-mnist", "folder"]),
        ("xoresnet data --data-root ", ["<dir>"]),
        ("xoresnet train ", ["<file>", *RUNS[1:]]),
        ("xoresnet train xoresnet1", ["<file>", *(f"xoresnet{depth}" for depth in (10, 11, 14, 18, 101, 110, 152))]),
        ("xoresnet train xoresnet8 --data c", ["cifar10", "cifar10-dvs", "cifar100"]),
        ("xoresnet ablate runs/", ["<file>", *RUNS[1:]]),
        ("xoresnet predict runs/digits ", ["<file>"]),
    ],
)
def test_what_is_offered(words: str, offered: list[str]) -> None:
    assert completed(words) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_in_bash(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "xoresnet"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from xoresnet.search.cli import run; run()" "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(_XORESNET_COMPLETE=bash_source xoresnet)"
        compopt() { :; }  # which works only while a word is completed
        COMP_WORDS=(xoresnet front runs/) COMP_CWORD=2
        _xoresnet_completion xoresnet
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    answer = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout == "runs/digits runs/shapes\n"
