"""Freeze-thaw in any Ray Tune experiment, with a training function and a space of your own.

    python examples/any_trainable.py [BUDGET]

The budget is the cost of so many full trainings. The study is written to a journal while the trials run. You can kill
the program at any moment and run it again: it continues until the budget is spent. With a larger budget, it resumes
the trials that promise most.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ray import tune

from xoresnet.search import FreezeThawPruner, FreezeThawSampler, Objective, TrialBridge, run_trials, tune_config

EPOCHS = 9
FOLDER = Path("runs/any_trainable").absolute()


def space(trial: optuna.Trial) -> dict[str, Any]:
    """The configuration for the training function; called in this process, again whenever a trial goes on."""
    return {
        "width": trial.suggest_int("width", 8, 256, log=True),
        "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        "folder": str(folder_of(trial)),
    }


def folder_of(trial: optuna.Trial) -> Path:
    """The folder for a trial's checkpoint, made if there is none."""
    folder = FOLDER / "trials" / str(trial.number)
    continued = trial.user_attrs.get("rescues")  # the end of the search was told to that trial, which this one resumes
    if continued is not None and (FOLDER / "trials" / str(continued)).exists():
        (FOLDER / "trials" / str(continued)).rename(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def train(config: dict[str, Any]) -> None:
    """A stand-in for training: wide models are more accurate and cost more, and some learning rates are better.

    A trial that was paused or interrupted is called again and continues from its checkpoint.
    """
    file = Path(config["folder"], "checkpoint.json")
    state = json.loads(file.read_text()) if file.exists() else {"epoch": 0, "gap": 1.0}
    if state["epoch"]:
        tune.report(metrics(config, state))  # the program may have died before; what is reported twice counts once
    while state["epoch"] < EPOCHS:
        state = {"epoch": state["epoch"] + 1, "gap": state["gap"] / 2}
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(state))
        partial.replace(file)  # before the report, which may be the last thing that runs
        tune.report(metrics(config, state))


def metrics(config: dict[str, Any], state: dict[str, Any]) -> dict[str, float]:
    quality = 1 / (1 + 10 * abs(config["rate"] - 0.01))
    accuracy = quality * (1 - 1 / config["width"]) * (1 - state["gap"])
    return {"epoch": state["epoch"], "accuracy": accuracy, "cost": config["width"] ** 2}


def main(budget: float) -> None:
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="any_trainable",
        storage=JournalStorage(JournalFileBackend(str(FOLDER / "study.journal"))),
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=FreezeThawSampler(max_steps=EPOCHS, budget=budget),
        pruner=FreezeThawPruner(max_steps=EPOCHS),
    )
    objectives = [Objective(metric="accuracy", direction="max"), Objective(metric="cost", direction="min")]
    bridge = TrialBridge(study, space, objectives, budget=budget, max_step=EPOCHS)
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    def make_tuner(max_concurrent: int) -> tune.Tuner:
        return tune.Tuner(
            train,
            tune_config=tune_config(bridge, max_concurrent=max_concurrent),
            run_config=tune.RunConfig(name="ray", storage_path=str(FOLDER), verbose=0),
        )

    run_trials(bridge, make_tuner, max_concurrent=2)
    if bridge.ended and not bridge.failed:  # not if it was interrupted
        bridge.finish()
    print(f"ended: {bridge.ended}")
    for trial in sorted(study.best_trials, key=lambda trial: trial.values[1]):
        width, rate = trial.params["width"], trial.params["rate"]
        print(f"#{trial.number}: accuracy {trial.values[0]:.3f}, cost {trial.values[1]:.0f}, {width=}, {rate=:.4f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
