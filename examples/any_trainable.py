"""Multi-objective pruning in any Ray Tune experiment, with a training function and a space of your own.

    python examples/any_trainable.py

The study is written to a journal while the trials run. You can kill the program at any moment and run it again: it
resumes, until 30 trials are finished in total.
"""

import logging
import os
from pathlib import Path

import optuna
import ray
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ray import tune

from xoresnet.search import Objective, ParetoPruner, TrialBridge, run_trials, tune_config

EPOCHS = 8


def space(trial: optuna.Trial) -> dict[str, float | int]:
    return {
        "width": trial.suggest_int("width", 8, 256, log=True),
        "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
    }


def train(config: dict[str, float | int]) -> None:
    """A stand-in for training: wide models are more accurate and cost more, and some learning rates are better."""
    quality = 1 / (1 + 10 * abs(config["rate"] - 0.01))
    for epoch in range(1, EPOCHS + 1):
        accuracy = quality * (1 - 1 / config["width"]) * (1 - 0.5**epoch)
        tune.report({"epoch": epoch, "accuracy": accuracy, "cost": config["width"] ** 2})


def main() -> None:
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = Path("runs/any_trainable").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="any_trainable",
        storage=JournalStorage(JournalFileBackend(str(folder / "study.journal"))),
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=ParetoPruner(max_steps=EPOCHS),
    )
    objectives = [Objective(metric="accuracy", direction="max"), Objective(metric="cost", direction="min")]
    bridge = TrialBridge(study, space, objectives, trials=30, max_step=EPOCHS)
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    def make_tuner(max_concurrent: int) -> tune.Tuner:
        return tune.Tuner(
            train,
            tune_config=tune_config(bridge, max_concurrent=max_concurrent),
            run_config=tune.RunConfig(name="ray", storage_path=str(folder), verbose=0),
        )

    run_trials(bridge, make_tuner, max_concurrent=2)
    print(f"ended: {bridge.ended}")
    for trial in sorted(study.best_trials, key=lambda trial: trial.values[1]):
        print(f"#{trial.number}: accuracy {trial.values[0]:.3f}, cost {trial.values[1]:.0f}, {trial.params}")


if __name__ == "__main__":
    main()
