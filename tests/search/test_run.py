"""Whole searches on real digits in a real Ray: killed at any moment, they go on."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.search.runs import SMALL, reported, search_words, status
from xoresnet.arch import Arch
from xoresnet.search.claim import claimed


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_moment_it_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "search.py").write_text("raise RuntimeError('a file of the user')\n")  # breaks nothing
    process = subprocess.Popen(
        search_words("trials=12"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
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
        second = subprocess.run(search_words("trials=12"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr.count("another process is searching")) == (1, 1)
    changed = subprocess.run(search_words("epochs=2"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert changed.returncode == 2
    assert "holds another search: epochs was 8, is 2" in changed.stderr
    subprocess.run(search_words("trials=12"), cwd=tmp_path, capture_output=True, check=True, timeout=300)
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
