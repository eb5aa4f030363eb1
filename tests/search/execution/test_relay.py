"""What runs on the head for Ray Client; the connection itself is in `test_cluster_docs.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import SMALL
from xoresnet.errors import ClusterError
from xoresnet.search.execution import relay
from xoresnet.search.execution.session import client_session

ADDRESS = "ray://head:10001"


def finish(runner: Any) -> tuple[list[tuple[str, bool]], int]:
    """All that it prints, and its exit code."""
    lines: list[tuple[str, bool]] = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        more, code = runner.read()
        lines += more
        if code is not None:
            return lines, code
    raise AssertionError(lines)


@pytest.mark.usefixtures("ray")
def test_a_command_runs_with_the_files_that_were_sent(tmp_path: Path) -> None:
    runner = relay._Runner()
    words = ["search", "my/small.yaml", "--run", str(tmp_path / "run"), "--address", ADDRESS, "--dry-run"]
    runner.start(ADDRESS, words, {"my/small.yaml": SMALL.encode()})
    lines, code = finish(runner)
    assert code == 0, lines
    printed = "".join(text for text, is_error in lines if not is_error)
    assert "\naddress: " in printed
    assert "ray://" not in printed
    assert "The space has 8 networks." in printed


@pytest.mark.usefixtures("ray")
def test_errors_come_from_stderr() -> None:
    runner = relay._Runner()
    runner.start(ADDRESS, ["search", "digits", "budgt=3"], {})
    lines, code = finish(runner)
    assert code == 2
    (line,) = lines
    assert line[1]
    assert line[0].startswith("error: ")


def test_a_command_ends_in_order_when_its_parent_is_gone(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    child = (
        "import os, pathlib, signal, sys, time\n"
        "from xoresnet.search.execution.relay import end_with\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(ended)!r}).touch(), sys.exit()))\n"
        "end_with(os.getppid())\n"
        "print('ready', flush=True)\n"
        "time.sleep(120)\n"
    )
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid)\n"
    )
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True)
    end = time.monotonic() + 60
    while not ended.exists() and time.monotonic() < end:
        time.sleep(0.1)
    if not ended.exists():
        os.kill(int(done.stdout), signal.SIGKILL)
    assert ended.exists()


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["search", "digits", "--address", ADDRESS], "runs/digits"),
        (["search", "digits", "--run", "mine", "--address", ADDRESS], "mine"),
        (["search", "digits", "--run", "mine", f"address={ADDRESS}"], "mine"),
        (["confirm", "mine", f"address={ADDRESS}"], "mine"),
    ],
)
def test_a_run_that_means_something_else_there(words: list[str], run: str) -> None:
    result = xoresnet(*words)
    rule = f"with {ADDRESS}, the run must be a URL or an absolute path on the cluster's head"
    assert result.is_refusal(2, f"{run} is a folder of this machine; {rule}")


def test_without_ray_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xoresnet.search.execution.session.find_spec", lambda name: None)
    with pytest.raises(ClusterError, match=r"^ray://head:10001 needs Ray Client: pip install 'ray\[client\]=="):
        client_session(ADDRESS).__enter__()


@pytest.mark.usefixtures("ray")
def test_ctrl_c_is_passed_on(tmp_path: Path) -> None:
    """Ray's workers ignore SIGINT and block it, as this process does here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner = relay._Runner()
        runner.start(ADDRESS, ["search", "digits", "--run", str(tmp_path / "run"), "epochs=90", "budget=500"], {})
        while not any("a budget of 500" in text for text, _ in runner.read()[0]):
            assert runner._process.poll() is None
        runner.send(signal.SIGINT)
        lines, code = finish(runner)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
    assert code == 128 + signal.SIGINT, lines
    assert "error: interrupted; " in lines[-1][0]
    assert lines[-1][1]
