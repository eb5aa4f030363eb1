"""Examinations on a terminal of 80 columns: nothing is cut, and nothing is wider."""

from __future__ import annotations

from contextlib import redirect_stdout
from typing import Any

import pytest

from tests.search.checkup.test_faults import DRIVER, SOUND
from tests.search.views.test_search import lines_on, on_a_terminal
from xoresnet.search.checkup.checkup import Checkup
from xoresnet.search.checkup.faults import NodeFault
from xoresnet.search.views.checkup import print_checkup

RUN = {"place": "/shared/run", "holds_search": True, "writes": True, "in_use": True, "free_bytes": 5 * 10**9}
FAULT = NodeFault("gpu-2", "its clock is 3.0 s behind this machine's", "let both machines set their clocks by NTP")


def drawn(monkeypatch: pytest.MonkeyPatch, *nodes: dict[str, Any], **fields: Any) -> list[str]:
    defaults: dict[str, Any] = {"address": "head:6379", "cluster": {"asks_for_token": True}, "run": None, "faults": []}
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen:
        print_checkup(Checkup(**{**defaults, **fields}, nodes=[DRIVER, *nodes]))
    return lines_on(screen)


def test_everything_is_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    node = {**SOUND, "run": {"sees": True, "writes": True, "fault": ""}}
    lines = drawn(monkeypatch, node, run=RUN, faults=[FAULT])
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for words in (
        "here (this machine, which runs no trials itself) versions python 3.11.7, xoresnet 1.0, torch 2.14.1+cu130, ",
        "gpu-2 versions python 3.11.7, ",
        "CPUs 8 usable of 8; Ray counts 8",
        "GPUs NVIDIA H200 (149.0 GB free of 150.0 GB); Ray counts 1",
        "memory 30.0 GB available of 32.0 GB; a trial takes 500.0 MB before it trains",
        "object store 10.7 GB in /dev/shm; 16.0 GB free of 16.0 GB in /dev/shm",
        "temporary files 100.0 GB free in /tmp",
        "open files 65,536 for each process",
        "clock +0.01 s from this machine's",
        "data sets digits (07b1becbbf)",
        "data sets digits (07b1becbbf) run can be read and written",
        "cluster head:6379, asks for a token",
        "run /shared/run holds a search; another process is working there; can be written from here; 5.0 GB free",
        "gpu-2: its clock is 3.0 s behind this machine's; let both machines set their clocks by NTP 1 fault",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("sees", "writes", "words"), [(False, None, "cannot be read"), (True, False, "can be read"), (True, True, "*")]
)
def test_the_url_of_the_run(sees: bool, writes: bool, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node = {**SOUND, "run": {"sees": sees, "writes": writes, "fault": ""}}
    lines = drawn(monkeypatch, node)
    assert f"  run              {words.replace('*', 'can be read and written')}" in lines


def test_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = dict.fromkeys(("trial", "gpus", "data", "clock_skew_seconds", "open_files", "shared_memory"))
    store, memory = {"folder": None, "bytes": None}, {"total_bytes": None, "available_bytes": None}
    node = {
        **SOUND,
        **unknown,
        "object_store": store,
        "memory": memory,
        "cpus": {"present": 8, "usable": None, "ray": 8},
    }
    silent = {"name": "gpu-3", "is_driver": False, "silent": "it did not answer within 180 s"}
    lines = drawn(monkeypatch, node, silent, cluster={"asks_for_token": None})
    assert [line for line in lines[lines.index("gpu-2") :] if "nknown" in line or "180 s" in line] == [
        "  CPUs             unknown usable of 8; Ray counts 8",
        "  GPUs             unknown",
        "  memory           unknown available of unknown",
        "  object store     unknown",
        "  clock            unknown",
        "  data sets        unknown",
        "  state  it did not answer within 180 s",
    ]
    assert lines[-2:] == ["nothing is wrong", ""]


def test_a_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(monkeypatch, address=None, cluster=None)
    assert lines[0] == "here (this machine)"
    assert not [line for line in lines if line.startswith("  cluster")]
