"""Tables of a run, as the study has it."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import TrialState

from tests.search.runs import drive
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.measures.records import EpochRecord
from xoresnet.results.tables.columns import HISTORY, LAYERS, TRIALS
from xoresnet.results.tables.loading import load
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import plan_search
from xoresnet.search.pruning.reports import reports
from xoresnet.search.run import SearchRun
from xoresnet.search.study.front import front_of
from xoresnet.search.study.trials import TrialRecord

FIELDS: dict[str, Any] = {
    "space": {
        "arch": {
            "input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8, 16], "merge": ["or", "add"],
            "timesteps": [1, 2, 4], "neuron": {"kind": ["lif", "if"], "tau": [1.5, 2.0]},
        }
    },
    "epochs": 3, "budget": 8, "baselines": False,
}  # fmt: skip


def begun(path: Path, **changes: Any) -> SearchRun:
    config = SearchConfig.from_dict({**FIELDS, **changes})
    folder = RunFolder(path)
    with folder.opened(config):
        return SearchRun(plan_search(config), folder)


@pytest.fixture
def run(tmp_path: Path) -> SearchRun:
    return begun(tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "stopped"),
    [({}, "PAUSED"), ({"strategy": "promotion"}, "PAUSED"), ({"pruner": {"min_trials": 2}}, "PRUNED")],
)
def test_all_values_are_the_studys(changes: dict[str, Any], stopped: str, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", **changes)
    run.bridge.next_config("runs")
    drive(run.bridge)
    run.frames.write()
    loaded = load(run.folder.path)
    trials = {
        trial.number: trial
        for trial in run.study.trials
        if "arch_id" in trial.user_attrs and "duplicate_of" not in trial.user_attrs
    }
    assert list(loaded.trials["trial_id"]) == list(trials)
    assert set(loaded.trials["state"]) == {"COMPLETE", "RUNNING", stopped}
    figures = [field.name for field in fields(EpochRecord) if field.name not in ("epoch", "layers")]
    for row in loaded.trials.to_dict("records"):
        trial = trials[row["trial_id"]]
        arch = Arch.from_json(trial.user_attrs["arch"])
        recipe = json.loads(trial.user_attrs["recipe"])
        assert row["arch_id"] == arch.arch_id
        assert row["state"] == TrialRecord(trial).state_name
        assert row["params_count"] == params_count(arch)
        assert row["seed"] == recipe["seed"]
        reported = reports(trial)
        assert row["epochs_trained"] == max(reported, default=0)
        if reported:
            assert [row["val_accuracy"], row["spikes_per_sample"]] == reported[max(reported)]
            assert row["train_seconds"] == trial.number * len(reported)
            assert row["worker"] == "here:7"
        assert [row["config.merge"], row["config.width"]] == [arch.merge, arch.width]
        assert [row["config.neuron.kind"], row["config.neuron.tau"]] == [arch.neuron.kind, arch.neuron.tau]
        assert row["config.recipe.learning_rate"] == recipe["learning_rate"]
        if trial.datetime_start is not None:
            assert row["started"].timestamp() == pytest.approx(trial.datetime_start.timestamp(), abs=0.001)
        assert pd.isna(row["ended"]) == (trial.datetime_complete is None)
        history = loaded.history[loaded.history["trial_id"] == trial.number]
        assert list(history["epoch"]) == list(reported)
        for epoch, record in history.set_index("epoch")[figures].iterrows():
            assert dict(record) == {name: trial.user_attrs[f"record:{epoch}"][name] for name in figures}
        layers = loaded.layers[loaded.layers["trial_id"] == trial.number]
        assert len(layers) == (2 if trial.state == TrialState.COMPLETE else 0)
    front = [trial.number for trial in front_of(run.study)]
    assert list(loaded.front["trial_id"]) == front
    assert list(pd.read_csv(run.folder.path / "front.csv")["trial_id"]) == front


def test_types_are_the_same_from_the_first_trial_to_the_last(run: SearchRun) -> None:
    seen = []
    run.bridge.observers.append(lambda trial: seen.append(run.frames.frames()))
    seen.append(run.frames.frames())
    drive(run.bridge)
    assert len(seen) > 12
    for frames in seen:
        for frame, columns in zip(frames, (TRIALS, HISTORY, LAYERS), strict=True):
            assert {name: str(kind) for name, kind in frame.dtypes.items()} == dict(columns)


def test_a_search_that_has_not_begun(run: SearchRun) -> None:
    loaded = load(run.folder.path)  # nothing was written yet
    run.frames.write()
    again = load(run.folder.path)
    for tables in (loaded, again):
        assert len(tables.trials) == len(tables.history) == len(tables.layers) == len(tables.front) == 0
        assert dict(tables.objectives) == {"val_accuracy": "max", "spikes_per_sample": "min"}
    pd.testing.assert_frame_equal(loaded.trials, again.trials)


def test_of_failed_trials_the_reason_stays(tmp_path: Path) -> None:
    run = begun(tmp_path / "run", retries=0)
    run.bridge.next_config("a")
    run.bridge.on_report("a", {"failure": "diverged <b>here</b>"})
    run.bridge.on_end("a")
    run.frames.write()
    (row,) = load(run.folder.path).trials.to_dict("records")
    assert (row["state"], row["reason"], row["epochs_trained"]) == ("FAIL", "diverged <b>here</b>", 0)
    assert np.isnan(row["val_accuracy"])
    assert not row["is_pareto"]


def test_times_are_utc_wherever_the_driver_is(run: SearchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    before = pd.Timestamp.now("UTC").floor("ms")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        drive(run.bridge)
        run.bridge.finish()
        trials = run.frames.frames().trials
    finally:
        monkeypatch.undo()
        time.tzset()
    assert trials["started"].between(before, pd.Timestamp.now("UTC")).all()
    assert (trials["ended"] >= trials["started"]).all()


def test_a_search_goes_on_where_its_tables_cannot_be_written(run: SearchRun) -> None:
    (run.folder.path / "trials.parquet").mkdir()
    drive(run.bridge)
    assert "budget of 8 full trainings" in run.bridge.ended
    assert not run.bridge.failed
    (told,) = run.bridge.errors
    assert told.startswith("tables: IsADirectoryError: ")
