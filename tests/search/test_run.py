"""Whole searches on real digits in a real Ray: killed at any moment, they go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xoresnet.arch import Arch
from xoresnet.search.claim import claimed

COMMAND = "from xoresnet.search.cli import run; run()"
SPACE = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [4, 8, 12, 16], merge: [or, add], timesteps: [3, 4]}
data: digits
recipe: {precision: fp32, batch_size: 128}
sampler: random
epochs: 8
"""


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-c", COMMAND, "search", "small.yaml", "--run", "run", *words]


def status(folder: Path) -> dict[str, Any]:
    words = [sys.executable, "-c", COMMAND, "status", "run", "--json"]
    found = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return dict(json.loads(found.stdout))


def reported(folder: Path) -> int:
    """How many epochs the journal has."""
    journal = folder / "run" / "study.journal"
    return journal.read_text().count('"report:') if journal.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_moment_it_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPACE)
    (tmp_path / "search.py").write_text("raise RuntimeError('a file of the user')\n")  # breaks nothing
    process = subprocess.Popen(
        command("trials=12"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    for _ in range(1200):
        if reported(tmp_path) >= 10 or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert "to go on: xoresnet search small.yaml trials=12 --run run" in errors
    before = status(tmp_path)
    assert before["finished"] < 12
    with claimed(tmp_path / "run", "searching"):
        second = subprocess.run(command("trials=12"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr.count("another process is searching")) == (1, 1)
    changed = subprocess.run(command("epochs=2"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert changed.returncode == 2
    assert "holds another search: epochs was 8, is 2" in changed.stderr
    subprocess.run(command("trials=12"), cwd=tmp_path, capture_output=True, check=True, timeout=300)
    after = status(tmp_path)
    assert (after["finished"], after["failed"], after["running"]) == (12, 0, [])
    assert after["complete"] + after["pruned"] == 12
    known = {trial["trial_id"]: trial for trial in after["front"]}
    for trial in before["front"]:  # what was on record is as it was
        assert known.get(trial["trial_id"], trial) == trial
    for trial in after["front"]:
        (folder,) = (tmp_path / "run" / "trials").glob(f"{trial['trial_id']:04d}-*")
        assert Arch.load(folder / "arch.json").arch_id == trial["arch_id"]
        assert (folder / "weights.safetensors").exists()
