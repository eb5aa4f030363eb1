"""Ray on this machine: nobody else gets in, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

SESSION = """
import json, os, ray
from xoresnet.search.execution.session import ray_session
with ray_session(None):
    where = ray.get_runtime_context().gcs_address
    print(json.dumps({"address": where, "token": os.environ["RAY_AUTH_TOKEN"]}), flush=True)
    input()
"""
STRANGER = """
import ray, sys
ray.init(address=sys.argv[1], log_to_driver=False)
print(ray.get(ray.remote(lambda: 6 * 7).remote()))
"""


class Session(NamedTuple):
    process: subprocess.Popen[str]
    address: str
    token: str

    def servers(self) -> set[int]:
        """The processes of its node."""
        node = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "own_node"], capture_output=True, text=True, check=True
        ).stdout.strip()
        pids = subprocess.run(["pgrep", "-s", node], capture_output=True, text=True, check=True).stdout
        return {int(pid) for pid in pids.split()}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, **more}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    words = [sys.executable, "-c", SESSION]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        yield Session(process, **json.loads(process.stdout.readline()))
        process.kill()


def test_strangers_run_nothing(session: Session) -> None:
    """Who has the token does, so that it is the token that keeps the others out."""
    tokens = {
        "none": {},
        "disabled": {"RAY_AUTH_MODE": "disabled"},
        "wrong": {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
        "right": {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": session.token},
    }
    strangers = {
        name: subprocess.Popen(
            [sys.executable, "-c", STRANGER, session.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**token),
        )
        for name, token in tokens.items()
    }
    answers = {name: stranger.communicate(timeout=240) for name, stranger in strangers.items()}
    assert answers.pop("right")[0].strip() == "42"
    for out, err in answers.values():
        assert "42" not in out
        assert "InvalidAuthToken" in err


def test_its_token_is_in_no_command_line(session: Session) -> None:
    for server in session.servers():
        with suppress(FileNotFoundError, ProcessLookupError):  # a worker that has ended meanwhile
            assert session.token.encode() not in Path(f"/proc/{server}/cmdline").read_bytes()


def test_it_is_a_session_of_its_own(session: Session) -> None:
    """A signal for the group of the one who started it does not reach it."""
    assert len(session.servers()) >= 3
    for server in session.servers():
        with suppress(ProcessLookupError):  # a worker that has ended meanwhile
            assert os.getsid(server) != os.getsid(session.process.pid)


def test_nothing_is_left_of_it(session: Session) -> None:
    """Even where the process that started it is killed."""
    servers = session.servers()
    session.process.send_signal(signal.SIGKILL)
    session.process.wait()
    end = time.monotonic() + 60
    while any(Path(f"/proc/{server}").exists() for server in servers) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [server for server in servers if Path(f"/proc/{server}").exists()]
