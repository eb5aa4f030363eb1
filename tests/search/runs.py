"""Whole searches on real digits, small ones, run as a user runs them: in processes of their own."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState, create_trial

from tests.search.command_line import xoresnet
from xoresnet.description.arch import Arch
from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.records import EpochRecord
from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.journal import open_journal

SMALL = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [2, 4], merge: [or, add], timesteps: [1, 2]}
data: digits
recipe: {precision: fp32, batch_size: 128}
epochs: 3
budget: 6
"""
"""To be written to `small.yaml`: 8 networks, of which some are paused after the first epoch."""
VARIED = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [4, 8], merge: [or, add], timesteps: [1, 2]}
  recipe: {learning_rate: [0.02, 1.0e+6]}
data: digits
recipe: {precision: fp32, batch_size: 64}
sampler: random
pruner: none
baselines: none
epochs: 2
budget: 3
retries: 0
max_concurrent: 1
seed: 12
"""
"""Three trials are complete, sew-resnet8 among them and or-resnet8 not; others, of the same networks, diverge."""
XORESNET = [sys.executable, "-P", "-W", "ignore", "-c", "from xoresnet.search.cli import run; run()"]


def search_words(*more: str) -> list[str]:
    """The command that searches `small.yaml` into `run`."""
    return [*XORESNET, "search", "small.yaml", "--run", "run", *more]


class Ended(NamedTuple):
    """A search that something put an end to."""

    code: int
    errors: str
    seconds: float
    """From then on."""


def stop_search(folder: Path, begun: Callable[[], bool], number: signal.Signals = signal.SIGKILL, *more: str) -> str:
    """Search `small.yaml` in another process, and send it a signal as soon as `begun` holds; returns its stderr."""
    ended = end_search(folder, begun, lambda process: process.send_signal(number), *more)
    assert ended.code == (-number if number == signal.SIGKILL else 128 + number), ended.errors
    return ended.errors


def end_search(
    folder: Path, begun: Callable[[], bool], how: Callable[[subprocess.Popen[str]], object], *more: str
) -> Ended:
    """Search `small.yaml` in another process, the first of its group, and put an end to it as soon as `begun` holds."""
    process = subprocess.Popen(
        search_words(*more),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 400
    while process.poll() is None and not begun() and time.monotonic() < end:
        time.sleep(0.02)
    servers = ray_servers(process.pid)
    how(process)
    began = time.monotonic()
    _, errors = process.communicate(timeout=90)
    ended = Ended(process.returncode, errors, time.monotonic() - began)
    end = time.monotonic() + 60
    while (left := [server for server in servers if _lives(server)]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left, "servers of Ray are left"
    return ended


def ray_servers(driver: int) -> list[int]:
    """The processes of the Ray node that this process started, the first of their group first."""
    node = _pids("pgrep", "-P", str(driver), "-f", "own_node")
    return [*node, *(pid for first in node for pid in _pids("pgrep", "-s", str(first)) if pid != first)]


def _pids(*words: str) -> list[int]:
    return [int(pid) for pid in subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


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
            if last and "folder" in config:
                leave_weights(config)
            if bridge.on_report("only", {**record, **where, **last}) is Verdict.STOP:
                break
        bridge.on_end("only")


def leave_weights(config: Mapping[str, Any]) -> None:
    """As the trainable does before its last report."""
    TrialFolder(Path(config["folder"])).weights.write_bytes(b"weights")


_LAYERS = [
    LayerCounts("stem.conv", "conv", 0.0, 0.0, 0.0, 10.0, 46.0, math.nan)._asdict(),
    LayerCounts("stem.neuron", "neuron", 5.0, 0.0, 0.0, 0.0, 0.0, 0.25)._asdict(),
]


def without_guessing(errors: str) -> str:
    """What a command said on stderr, apart from that networks as small as these learned nothing."""
    return "".join(line for line in errors.splitlines(keepends=True) if "clearly better than guessing" not in line)
