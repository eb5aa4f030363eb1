"""Everything that one machine tells of itself: run on this machine, or as a task on a node of a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from xoresnet.search.checkup import worker
from xoresnet.search.checkup.machine import machine_facts
from xoresnet.search.checkup.worker import SECTIONS, Question

__all__ = ["examine_node", "glance"]

_PLASMA = b"--plasma_directory="
"""Raylet's argument, on its command line, that names the folder of its object store."""


def examine_node(question: Question) -> dict[str, Any]:
    """The facts of this machine, as plain values.

    Under `trial`, `gpus`, `run` and `data` is what a worker process has answered, None if it could not; then `unknown`
    has the reason, by the section's name.
    """
    answers, end = _ask_worker(question)
    facts: dict[str, Any] = {**machine_facts(question.temp_folder), **dict.fromkeys(SECTIONS), "unknown": {}}
    for name in SECTIONS:
        line = answers.get(name, {"error": end})
        facts[name] = line.get("value")
        if "error" in line:
            facts["unknown"][name] = line["error"]
    return facts


def _ask_worker(question: Question) -> tuple[dict[str, dict[str, Any]], str]:
    """The lines of its answer, by section, and how it ended."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", worker.__name__], input=json.dumps(question).encode(), check=False,
            capture_output=True, timeout=question.seconds,
        )  # fmt: skip
        out, end = done.stdout, _end(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as late:
        out, end = late.stdout or b"", f"it did not answer within {question.seconds:g} s"
    except OSError as error:
        out, end = b"", f"a process cannot be started: {error.strerror}"
    lines = [json.loads(line) for line in out.splitlines() if line.endswith(b"}")]
    return {line["section"]: line for line in lines}, end


def _end(code: int, errors: bytes) -> str:
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    return last[0][:500] if last else f"its process ended with exit code {code}"


def glance() -> dict[str, Any]:
    """What only a task of Ray can see: this machine's time, and the folder of the node's object store, if known."""
    return {"time": time.time(), "object_store": _object_store_folder()}


def _object_store_folder() -> str | None:
    """From the command line of the node's raylet, which has started this process; None if it cannot be read."""
    process = os.getppid()
    for _ in range(3):
        try:
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        folders = [word.removeprefix(_PLASMA) for word in words if word.startswith(_PLASMA)]
        if folders:
            return folders[0].decode(errors="replace")
        process = int(status.rpartition(")")[2].split()[1])  # its parent
    return None
