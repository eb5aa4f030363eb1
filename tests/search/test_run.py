"""Whole searches on real digits in a real Ray: killed at any moment, they go on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from tests.search.runs import SMALL, end_search, ray_servers, reported, status
from xoresnet import load_model
from xoresnet.description.arch import Arch
from xoresnet.results import load
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import JOURNAL, RunFolder
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.trials import TrialRecord

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]
Process = subprocess.Popen[str]


def terminate_group(process: Process) -> None:
    """As `timeout` and terminals do."""
    os.killpg(process.pid, signal.SIGTERM)


def terminate_all(process: Process) -> None:
    """As service managers and containers do: Ray's servers end at the same moment."""
    for pid in [*ray_servers(process.pid), process.pid]:
        os.kill(pid, signal.SIGTERM)


def kill(process: Process) -> None:
    process.kill()


def kill_ray(process: Process) -> None:
    """Its head node and all else of it, as when a machine loses power."""
    os.killpg(ray_servers(process.pid)[0], signal.SIGKILL)


def move_folder(process: Process) -> None:
    Path("run").rename("moved")


RESUME = "to resume: xoresnet search small.yaml --run run"
STOPS = [
    (0, terminate_group, 143, f"interrupted; everything finished is kept in */run; {RESUME}"),  # while Ray starts
    (2, terminate_all, 143, f"interrupted; everything finished is kept in */run; {RESUME}"),
    (5, kill, -9, None),
    (8, kill_ray, 1, f"Ray's head node is lost; everything finished is kept in */run; {RESUME}"),
    (10, move_folder, 1, "the run's folder */run was moved or deleted while the search was running; if it was *"),
]
"""After how many reports, how, with which exit code, and what is said."""
IN_TIME = 50
"""Seconds; Ray itself would abort the process a minute after it has lost its head node."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # small batches, so that an epoch takes much longer than to see in the journal that one has ended
    small = SMALL.replace("batch_size: 128", "batch_size: 32")
    Path("small.yaml").write_text(small + "max_concurrent: 1\n")  # a worker takes longer to start than to train
    for name in ("search", "random", "ray"):
        Path(f"{name}.py").write_text("raise RuntimeError('a file of the user')\n")  # breaks nothing


def test_stopped_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """The same search, stopped in one way after the other; tests/exhaustive has Ctrl-C and other moments."""
    before: dict[str, Any] = {"front": []}
    for stop in STOPS:
        check_stop(tmp_path, *stop)
        after = status(tmp_path)
        check_kept(before, after)
        before = after
    check_others_are_refused(tmp_path)
    assert xoresnet("search", "small.yaml", "--run", "run").code == 0
    check_end(before, tmp_path)


def is_open(folder: Path) -> bool:
    """Whether the search has its study, and Ray is started next."""
    journal = folder / "run" / JOURNAL
    return journal.exists() and '"enqueued"' in journal.read_text(encoding="utf-8")


def check_stop(folder: Path, count: int, how: Callable[[Process], None], code: int, sentence: str | None) -> None:
    """It says in time how to go on, if it can, and its tables are whole."""
    enough = max(count, reported(folder) + 1)  # so that it has begun, however much was reported before
    ended = end_search(folder, lambda: reported(folder) >= enough if count else is_open(folder), how)
    assert (ended.code, ended.seconds < IN_TIME) == (code, True), ended
    *others, last = ended.errors.splitlines() or [""]
    assert sentence is None or (fnmatchcase(last, f"error: {sentence}") and not others), ended.errors
    if how is move_folder:
        assert not Path("run").exists()  # nothing was made in its place
        Path("moved").rename("run")
    now = status(folder)
    assert now["spent"] < 6
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
    assert changed.code == 2
    assert "holds another search: epochs was 3, is 2" in changed.err


def check_end(before: dict[str, Any], folder: Path) -> None:
    after = status(folder)
    assert 5 < after["spent"] <= 6
    assert (after["paused"], after["failed"], after["running"]) == (0, 0, [])
    assert after["complete"] + after["pruned"] == after["finished"] <= 8
    assert after["complete"] >= 4  # how many more depends on what an epoch of each network takes
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
    run = load(folder)
    saved = RunFolder(folder).saved_config()
    assert saved is not None
    study = look_at_study(saved, folder)
    assert study is not None
    trials = {trial.number: trial for trial in study.trials if trial.user_attrs.get("arch_id")}
    trials = {number: trial for number, trial in trials.items() if "duplicate_of" not in trial.user_attrs}
    assert list(run.trials["trial_id"]) == list(trials)
    for row in run.trials.to_dict("records"):
        trial = trials[row["trial_id"]]
        last = reports(trial)[row["epochs_trained"]]
        assert (row["state"], row["arch_id"]) == (TrialRecord(trial).state_name, trial.user_attrs["arch_id"])
        assert [row["val_accuracy"], row["spikes_per_sample"]] == last
    for row in run.history.to_dict("records"):
        record = trials[row["trial_id"]].user_attrs[f"record:{row['epoch']}"]
        assert {name: row[name] for name in record if name in row} == {
            name: value for name, value in record.items() if name in row
        }
    complete = {number for number, trial in trials.items() if trial.state.name == "COMPLETE"}
    assert set(run.layers["trial_id"]) == complete
