"""A real search with paused networks through all its states: killed, resumed, evicted, extended, exhausted."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from optuna.study import Study

from tests.search.command_line import xoresnet
from tests.search.runs import reported, stop_search
from xoresnet.results import load
from xoresnet.search.study.current import current_run
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.trials import own_trials

PAUSING = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [2, 4, 6, 8], merge: [or, add], timesteps: 1}
data: digits
recipe: {precision: fp32, batch_size: 64}
epochs: 4
budget: 2.5
max_concurrent: 1
cost: epochs
seed: 3
"""
"""8 networks; which of them pause does not depend on the time that anything takes."""
EPOCHS = 4


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PAUSING)


def study_of(folder: Path) -> Study:
    return read_search(folder / "run").study


def paused_in(folder: Path) -> list[int]:
    """The numbers of the paused trials."""
    journal = folder / "run" / "study.journal"
    if not journal.exists() or '"paused_at"' not in journal.read_text():
        return []
    return [trial.number for trial in own_trials(study_of(folder)) if trial.paused_at]


def checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "run" / "trials").glob("*/checkpoint.safetensors"))


def search(*more: str) -> dict[str, Any]:
    result = xoresnet("search", "small.yaml", "--run", "run", "--json", *more)
    assert result.code == 0, result.err
    # the Ray that all tests share prints a line when a worker dies; that of a search of its own is silent
    return dict(json.loads(result.out[result.out.index("{\n") :]))


def check_tables(trials: pd.DataFrame, history: pd.DataFrame, budget: float) -> None:
    """Each network is one trial, or one that continues another; each epoch was trained once, and within the budget."""
    continued = set(trials["rescues"].dropna())
    lives = trials[~trials["trial_id"].isin(continued)]
    assert lives["arch_id"].is_unique
    assert (
        history.groupby("trial_id")["epoch"].agg(lambda epochs: list(epochs) == list(range(1, len(epochs) + 1)))
    ).all()
    assert lives["epochs_trained"].sum() <= budget * EPOCHS
    assert not (lives["is_pareto"] & (lives["state"] != "COMPLETE")).any()


def test_through_all_its_states(ray: None, tmp_path: Path) -> None:
    # killed while networks are paused: they are paused still, and every reader says so
    stop_search(tmp_path, lambda: len(paused_in(tmp_path)) >= 2, signal.SIGKILL)
    paused = paused_in(tmp_path)
    assert len(paused) >= 2
    status = xoresnet("status", "run", "--json").json
    assert (status["searching"], status["paused"]) == (False, len(paused))
    now = current_run("run").run  # the tables may be older than the journal
    assert set(now.trials["state"]) >= {"PAUSED"}
    before = now.history

    # resumed: nothing is trained twice, the budget holds, and what is not complete is told PRUNED
    ended = search()
    trials, history = load("run").trials, load("run").history
    check_tables(trials, history, 2.5)
    assert set(trials["state"]) == {"COMPLETE", "PRUNED"}
    same = before.merge(history, on=["trial_id", "epoch"], suffixes=("", "_later"))
    assert len(same) == len(before)
    assert (same["val_accuracy"] == same["val_accuracy_later"]).all()
    assert "budget of 2.5 full trainings" in ended["ended"]
    stopped = (trials["state"] == "PRUNED").sum()
    assert len(checkpoints(tmp_path)) == stopped > 2

    # another strategy is refused, with the difference
    changed = xoresnet("search", "small.yaml", "--run", "run", "strategy=promotion", "cost=seconds")
    assert changed.code == 2
    assert "holds another search: " in changed.err
    assert "strategy was freeze-thaw, is promotion" in changed.err

    # a larger budget lets them go on; only two keep their checkpoints, and a worker dies on the way
    killer = threading.Thread(target=kill_a_worker, args=(tmp_path, reported(tmp_path) + 3), daemon=True)
    killer.start()
    search("budget=4", "keep_paused=2", "max_concurrent=2")
    killer.join(1)
    trials = load("run").trials
    check_tables(trials, load("run").history, 4)

    # and the largest completes everything there is
    ended = search("budget=40", "keep_paused=2", "max_concurrent=2")
    trials = load("run").trials
    lives = trials[~trials["trial_id"].isin(set(trials["rescues"].dropna()))]
    assert trials["rescues"].notna().any()
    assert list(lives["state"]) == ["COMPLETE"] * 8
    assert ended["ended"] == "every configuration of the space has been tried"
    assert checkpoints(tmp_path) == []
    assert xoresnet("report", "run").code == 0


def kill_a_worker(folder: Path, after: int) -> None:
    """End the worker of a running trial once so many epochs were reported, as the kernel would for lack of memory."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        time.sleep(0.05)
        if reported(folder) < after:
            continue
        for trial in own_trials(study_of(folder)):
            pid = trial.last_metrics.get("pid")
            if trial.is_running and pid is not None and int(pid) != os.getpid() and trial.last_step < EPOCHS:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                return
