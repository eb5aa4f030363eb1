"""Ray on a machine that is too slow for Ray's own patience, or whose servers fail at their first start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.search.execution.cluster.test_cluster import kill_node, start_node
from xoresnet.search.execution.session import client_session

SLOW = """
import sys, time
from pathlib import Path
if any(word.endswith("dashboard/agent.py") for word in sys.orig_argv):
    starts = Path({starts!r})
    with starts.open("a") as file:
        file.write("x")
    if len(starts.read_text()) <= {slow}:
        time.sleep(60)
"""
FAILING = """
import sys
from pathlib import Path
if "--mode=specific-server" in sys.orig_argv and any(word.endswith("setup_worker.py") for word in sys.orig_argv):
    starts = Path({starts!r})
    with starts.open("a") as file:
        file.write("x")
    if len(starts.read_text()) == 2:
        sys.exit(1)
"""
SEARCH = "from xoresnet.search.cli import run; run()"


@pytest.mark.parametrize(("slow", "code"), [(1, 0), (2, 1)])
def test_ray_is_started_once_more(slow: int, code: int, tmp_path: Path) -> None:
    """One of Ray's servers hangs at its first starts; Ray gives up on it, and on itself."""
    starts = tmp_path / "starts"
    (tmp_path / "sitecustomize.py").write_text(SLOW.format(starts=str(starts), slow=slow))
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    words = ["search", "digits", "budget=1", "epochs=1", "max_concurrent=1", "--run", str(tmp_path / "run")]
    ended = subprocess.run(
        [sys.executable, "-c", SEARCH, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert starts.read_text() == "xx"
    if code:
        assert "its servers did not answer in time, twice; end what else keeps the machine busy" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_server_for_a_client_is_started_once_more(tmp_path: Path) -> None:
    """The first client only knocks, and the second one is the session, whose server fails."""
    starts = tmp_path / "starts"
    (tmp_path / "sitecustomize.py").write_text(FAILING.format(starts=str(starts)))
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    port, client_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as short:  # because sockets lie in it
        words = ["--head", f"--port={port}", f"--temp-dir={short}", f"--ray-client-server-port={client_port}"]
        node = start_node([*words, "--include-dashboard=false"], PYTHONPATH=os.pathsep.join(paths))
        try:
            wait_for_server(client_port)
            with client_session(f"ray://127.0.0.1:{client_port}"):
                assert starts.read_text() == "xxx"
        finally:
            kill_node(node)


def wait_for_server(port: int) -> None:
    """Ray says that it has started before its server for clients listens."""
    end = time.monotonic() + 120
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the server does not listen"
            time.sleep(0.1)
