"""What works in the driver works in its workers, which start in another folder: relative roots, code of the user."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.search.command_line import xoresnet
from tests.search.runs import XORESNET, without_guessing
from xoresnet.results import load

PICTURES = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 2, depth: 8, width: 2, merge: or, timesteps: 1}
data: {name: folder, root: pictures, image_size: [8, 8], channels: 1}
recipe: {precision: fp32, batch_size: 8}
baselines: none
epochs: 1
budget: 1
"""
OWN_MERGE = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: 2, merge: mine.MY_OR, timesteps: 1}
data: digits
recipe: {precision: fp32, batch_size: 256}
baselines: none
epochs: 1
budget: 1
retries: 0
"""
MINE = """
from pathlib import Path
from helpers import either
from xoresnet import Join, Merge, UserOperation

def my_or(a, b):
    if a.dim() > 1 and Path({switch!r}).exists():
        raise OSError("the licence server does not answer")
    return either(a, b)

MY_OR = Merge(Join.SPIKES, Join.SPIKES, UserOperation(my_or))
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_data_set_in_a_relative_folder(ray: None) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 2)):
        for name in ("light", "dark"):
            folder = Path("pictures", part, name)
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{number}.png")
    Path("search.yaml").write_text(PICTURES)
    result = xoresnet("search", "search.yaml", "--run", "run")
    assert (result.code, without_guessing(result.err)) == (0, "")
    assert list(load("run").trials["state"]) == ["COMPLETE"]


def test_a_merge_in_the_working_directory_and_a_trial_that_failed(tmp_path: Path) -> None:
    """Its modules are sent to the workers. What fails for a reason that is gone is tried again by the same command."""
    switch = tmp_path / "switch"
    switch.touch()
    Path("mine.py").write_text(MINE.format(switch=str(switch)))
    Path("helpers.py").write_text("def either(a, b):\n    return a + b - a * b\n")
    Path("own.yaml").write_text(OWN_MERGE)
    words = [*XORESNET, "search", "own.yaml", "--run", "run"]
    failed = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert failed.returncode == 1, failed.stderr
    assert "OSError: the licence server does not answer; everything finished is kept in" in failed.stderr
    switch.unlink()
    again = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert (again.returncode, without_guessing(again.stderr)) == (0, "")
    assert "Starting Ray on this machine ..." in again.stdout.splitlines()
    trials = load("run").trials
    assert list(trials["state"]) == ["FAIL", "COMPLETE"]
    assert trials["arch_id"].nunique() == 1
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert "the budget of 1 full training is spent" in done.stdout


@pytest.mark.parametrize(
    ("change", "needs"), [("cpus_per_trial=4096", "4096 CPU"), ("gpus_per_trial=64", "1 CPU and 64 GPU")]
)
def test_a_dry_run_knows_what_the_machine_has(change: str, needs: str) -> None:
    refused = xoresnet("search", "digits", change, "--dry-run")
    assert refused.is_refusal(1, f"a trial needs {needs}, but this machine has *")
    assert not Path("runs").exists()


def test_so_does_the_dry_run_of_a_confirmation(real_search: Path) -> None:
    refused = xoresnet("confirm", str(real_search), "cpus_per_trial=4096", "--dry-run")
    assert refused.is_refusal(1, "a trial needs 4096 CPU, but this machine has *")
