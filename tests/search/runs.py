"""Whole searches on real digits, small ones, run as a user runs them: in processes of their own."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

from tests.search.command_line import xoresnet
from xoresnet.description.arch import Arch
from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.records import EpochRecord
from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.study.journal import open_journal

SMALL = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [2, 4, 6, 8], merge: [or, add], timesteps: [1, 2]}
data: digits
recipe: {precision: fp32, batch_size: 128}
sampler: random
epochs: 4
trials: 6
"""
"""To be written to `small.yaml`: 16 networks."""
VARIED = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [4, 8], merge: [or, add], timesteps: [1, 2]}
  recipe: {learning_rate: [0.02, 1.0e+6]}
data: digits
recipe: {precision: fp32, batch_size: 64}
sampler: random
pruner: none
baselines: false
epochs: 2
trials: 3
retries: 0
max_concurrent: 1
seed: 12
"""
"""Three trials are complete, sew-resnet8 among them and or-resnet8 not; others, of the same networks, diverge."""
XORESNET = [sys.executable, "-W", "ignore", "-c", "from xoresnet.search.cli import run; run()"]


def search_words(*more: str) -> list[str]:
    """The command that searches `small.yaml` into `run`."""
    return [*XORESNET, "search", "small.yaml", "--run", "run", *more]


def stop_search(folder: Path, begun: Callable[[], bool], number: signal.Signals = signal.SIGKILL, *more: str) -> str:
    """Search `small.yaml` in another process, and send it a signal as soon as `begun` holds; returns its stderr."""
    process = subprocess.Popen(
        search_words(*more),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 240
    while process.poll() is None and not begun() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), errors
    return errors


def status(folder: Path) -> dict[str, Any]:
    """What `xoresnet status` says of the search in `run`."""
    result = xoresnet("status", str(folder / "run"), "--json")
    assert result.code == 0, result.err
    return dict(result.json)


def reported(folder: Path) -> int:
    """How many epochs the journal has."""
    journal = folder / "run" / "study.journal"
    return journal.read_text().count('"report:') if journal.exists() else 0


def add_pruned(folder: Path) -> None:
    """A pruned trial, of a network that was not tried; that is written into the journal alone."""
    study = optuna.load_study(study_name="run", storage=open_journal(folder / JOURNAL))
    kept = study.trials[0].user_attrs
    arch = Arch.from_json(kept["arch"]).replace(width=8, merge="or", timesteps=1)
    attrs = {"arch": arch.to_json(indent=None), "arch_id": arch.arch_id, "recipe": kept["recipe"]}
    study.add_trial(create_trial(state=TrialState.PRUNED, user_attrs=attrs))


def drive(bridge: TrialBridge, epochs: int = 3) -> None:
    """Carry out a search with figures made up from each trial's number, in this process and without Ray."""
    while (config := bridge.next_config("only")) is not None:
        number = config["number"]
        for epoch in range(1, epochs + 1):
            record = {field.name: float(number) for field in fields(EpochRecord) if field.name != "layers"}
            accuracy, spikes = epoch / (epoch + number + 1), (1e4 if number % 2 else 1e3) / (number + 1)
            record |= {"epoch": epoch, "val_accuracy": accuracy, "spikes_per_sample": spikes}
            where = {"hostname": "here", "pid": 7, "node_id": "n", "timestamp": 1_700_000_000 + epoch}
            last = {"layers": json.dumps(_LAYERS)} if epoch == epochs else {}
            if bridge.on_report("only", {**record, **where, **last}) is Verdict.STOP:
                break
        bridge.on_end("only")


_LAYERS = [
    LayerCounts("stem.conv", "conv", 0.0, 0.0, 0.0, 10.0, 46.0, math.nan)._asdict(),
    LayerCounts("stem.neuron", "neuron", 5.0, 0.0, 0.0, 0.0, 0.0, 0.25)._asdict(),
]
