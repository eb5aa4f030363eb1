"""Whole searches on real digits in a real Ray: killed at any moment, they go on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, reported, status, stop_search
from xoresnet import load_model
from xoresnet.description.arch import Arch
from xoresnet.results import load
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.opening import look_at_study

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]
STOPS = [(3, signal.SIGINT), (6, signal.SIGTERM), (9, signal.SIGKILL)]
"""After how many reports, and how."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    Path("search.py").write_text("raise RuntimeError('a file of the user')\n")  # breaks nothing


def test_stopped_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """The same search, stopped by one signal after the other."""
    before: dict[str, Any] = {"front": []}
    for count, number in STOPS:
        check_stop(tmp_path, count, number)
        after = status(tmp_path)
        check_kept(before, after)
        before = after
    check_others_are_refused(tmp_path)
    assert xoresnet("search", "small.yaml", "--run", "run").code == 0
    check_end(before, tmp_path)


def check_stop(folder: Path, count: int, number: signal.Signals) -> None:
    """Stopped when so many reports are in, it says how to go on, if it can, and its tables are whole."""
    errors = stop_search(folder, lambda: reported(folder) >= count, number)
    if number != signal.SIGKILL:
        assert "to resume: xoresnet search small.yaml --run run" in errors
    now = status(folder)
    assert now["finished"] < 6
    if (folder / "run" / "trials.parquet").exists():
        assert len(load(folder / "run").trials) >= now["finished"]  # whole, whenever it was killed


def check_kept(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What was on record is as it was."""
    known = {trial["trial_id"]: trial for trial in after["front"]}
    for trial in before["front"]:
        assert known.get(trial["trial_id"], trial) == trial


def check_others_are_refused(folder: Path) -> None:
    with claimed(folder / "run"):
        second = xoresnet("search", "small.yaml", "--run", "run")
    assert (second.code, second.err.count("another process is working")) == (1, 1)
    changed = xoresnet("search", "small.yaml", "epochs=2", "--run", "run")
    assert changed.code == 1
    assert "holds another search: epochs was 4, is 2" in changed.err


def check_end(before: dict[str, Any], folder: Path) -> None:
    after = status(folder)
    assert (after["finished"], after["failed"], after["running"]) == (6, 0, [])
    assert after["complete"] + after["pruned"] == 6
    check_kept(before, after)
    for trial in after["front"]:
        (place,) = (folder / "run" / "trials").glob(f"{trial['trial_id']:04d}-*")
        assert Arch.load(place / "arch.json").arch_id == trial["arch_id"]
        model = load_model(f"{folder / 'run'}:{trial['trial_id']}")
        assert model.config is not None
        assert model.config.figures["val_accuracy"] == trial["val_accuracy"]
    check_tables(folder / "run")


def check_tables(folder: Path) -> None:
    """They hold what the study does, value for value."""
    found = load(folder)
    saved = RunFolder(folder).saved_config()
    assert saved is not None
    study = look_at_study(saved, folder)
    assert study is not None
    trials = {trial.number: trial for trial in study.trials if trial.user_attrs.get("arch_id")}
    trials = {number: trial for number, trial in trials.items() if "duplicate_of" not in trial.user_attrs}
    assert list(found.trials["trial_id"]) == list(trials)
    for row in found.trials.to_dict("records"):
        trial = trials[row["trial_id"]]
        last = reports(trial)[row["epochs_trained"]]
        assert (row["state"], row["arch_id"]) == (trial.state.name, trial.user_attrs["arch_id"])
        assert [row["val_accuracy"], row["spikes_per_sample"]] == last
    for row in found.history.to_dict("records"):
        record = trials[row["trial_id"]].user_attrs[f"record:{row['epoch']}"]
        assert {name: row[name] for name in record if name in row} == {
            name: value for name, value in record.items() if name in row
        }
    complete = {number for number, trial in trials.items() if trial.state.name == "COMPLETE"}
    assert set(found.layers["trial_id"]) == complete
