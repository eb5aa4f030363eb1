"""A whole search that all trackers follow, with pauses and a resume: each trial is one run, each epoch there once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from tests.search.command_line import Result, xoresnet
from tests.search.execution.trackers.reading import Curve, Mlflow, Wandb, tensorboard_curve
from xoresnet.results import load

pytestmark = pytest.mark.filterwarnings("ignore")
PAUSING = """
space:
  arch:
    {input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: [2, 4], merge: [or, add], timesteps: 1}
data: digits
recipe: {precision: fp32, batch_size: 128}
epochs: 3
budget: 2
strategy: promotion
baselines: none
max_concurrent: 1
"""
OWN = """
from ray.tune import Callback
from ray.tune.logger import LoggerCallback

class Broken(LoggerCallback):
    def log_trial_result(self, iteration, trial, result):
        raise OSError(f"no room for {trial}")

class Plain(Callback):
    seen = []

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.seen.append((trial.config["number"], result["epoch"]))
        raise ValueError("a plain one")
"""
LOGGERS = (
    "loggers=[tensorboard, mlflow, wandb, ray.tune.logger.JsonLoggerCallback, own_loggers.Broken, own_loggers.Plain]"
)


class Followed(NamedTuple):
    """A search that was resumed with a larger budget; what it runs does not depend on the time that anything takes."""

    run: Path
    first: Result
    second: Result


@pytest.fixture(scope="module")
def followed(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("followed")
    (folder / "small.yaml").write_text(PAUSING)
    (folder / "own_loggers.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        patch.setenv("WANDB_MODE", "offline")
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_")) and name != "WANDB_MODE"]:
            patch.delenv(name)
        words = ["search", "small.yaml", "--run", "run", LOGGERS]
        first = xoresnet(*words)
        second = xoresnet(*words, "budget=3")
        yield Followed(folder / "run", first, second)


def curves(run: Path) -> dict[int, Curve]:
    """What the search itself has recorded."""
    history: pd.DataFrame = load(run).history
    return {
        int(str(number)): dict(zip(trial["epoch"], trial["val_accuracy"].round(5), strict=True))
        for number, trial in history.groupby("trial_id")
    }


def test_the_search_goes_on(followed: Followed) -> None:
    """Whatever the users' loggers raise; each is noted once, and the working directory is as it was."""
    assert (followed.first.code, followed.second.code) == (0, 0)
    for session in (followed.first, followed.second):
        notes = sorted(line for line in session.err.splitlines() if line.startswith("error: "))
        assert len(notes) == 2, notes
        assert re.fullmatch(
            r"error: the logger Broken raised OSError: no room for trial \d; the trials went on", notes[0]
        )
        assert notes[1] == "error: the logger Plain raised ValueError: a plain one; the trials went on"
    assert {path.name for path in followed.run.parent.iterdir()} <= {
        "small.yaml",
        "own_loggers.py",
        "run",
        "__pycache__",
    }
    files = [len(list(folder.glob("events*"))) for folder in (followed.run / "tensorboard").iterdir()]
    assert max(files) > 1, "no trial was paused and went on"


def test_tensorboard_has_each_epoch_once(followed: Followed) -> None:
    expected = {f"trial-{number:04d}": curve for number, curve in curves(followed.run).items()}
    assert {path.name: tensorboard_curve(path) for path in (followed.run / "tensorboard").iterdir()} == expected


def test_mlflow_has_one_run_for_each_trial(followed: Followed) -> None:
    store = Mlflow.of(followed.run)
    (parent,) = store.parents
    assert (parent.info.run_name, parent.info.status) == ("run", "FINISHED")
    assert {run.data.tags["mlflow.parentRunId"] for run in store.children.values()} == {parent.info.run_id}
    found = {int(run.data.tags["xoresnet.trial"]): store.curve(run) for run in store.children.values()}
    assert found == curves(followed.run)
    trials = load(followed.run).trials.set_index("trial_id")
    for name, run in store.children.items():
        trial = trials.loc[int(name.removeprefix("trial "))]
        assert run.data.tags["xoresnet.state"] == trial["state"]
        assert (run.data.params["arch_id"], run.data.params["merge"]) == (trial["arch_id"], trial["config.merge"])
        assert run.data.params["recipe.batch_size"] == "128"
        assert "layers" not in run.data.metrics
        assert {"val_accuracy", "spikes_per_sample", "train_seconds"} <= set(run.data.metrics)
        assert "pid" not in run.data.metrics


def test_wandb_has_one_run_for_each_trial(followed: Followed) -> None:
    runs = Wandb(followed.run)
    assert len(runs.groups) == 1
    assert {int(runs.names[id].removeprefix("trial ")): curve for id, curve in runs.curves.items()} == curves(  # noqa: A001
        followed.run
    )


def test_a_logger_of_rays_has_one_folder_for_each_trial(followed: Followed) -> None:
    folders = sorted((followed.run / "JsonLoggerCallback").iterdir())
    found = {}
    for folder in folders:
        lines = [json.loads(line) for line in (folder / "result.json").read_text().splitlines()]
        found[folder.name] = {line["training_iteration"]: round(line["val_accuracy"], 5) for line in lines}
        assert len(lines) == len(found[folder.name])
        assert json.loads((folder / "params.json").read_text())["depth"] == 8
    trials = load(followed.run).trials
    for number, continued in trials.set_index("trial_id")["rescues"].dropna().items():
        inherited = curves(followed.run)[int(continued)]  # logged as part of the trial that this one continues
        found[f"trial-{number:04d}"] |= inherited
    assert found == {f"trial-{number:04d}": curve for number, curve in curves(followed.run).items()}


def test_a_plain_callback_sees_rays_trials(followed: Followed) -> None:
    import own_loggers  # type: ignore[import-not-found]

    assert {number for number, _ in own_loggers.Plain.seen} == set(curves(followed.run))


def test_the_confirmation_is_followed_where_it_is_asked_to(followed: Followed) -> None:
    words = ["confirm", str(followed.run), "--seeds=1", "--pick=knee", "max_concurrent=1"]
    assert xoresnet(*words, "loggers=[tensorboard]").code == 0
    folder = followed.run / "tensorboard/confirmed-0000"
    assert set(tensorboard_curve(folder)) == {1, 2, 3}
    assert set(tensorboard_curve(folder, "test_accuracy")) == {3}
