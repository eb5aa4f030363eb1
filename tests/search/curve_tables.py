"""Small tables of learning curves, and studies whose trials are read from functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import Trial

from xoresnet.search.pruning.reports import report, should_prune
from xoresnet.search.strategy.lifecycle import ask, last_step, pause
from xoresnet.search.strategy.pruner import FreezeThawPruner, PausingPruner
from xoresnet.search.strategy.sampler import FreezeThawSampler, PausingSampler

EPOCHS = 9


def made_table(
    seed: int = 0, networks: int = 40, epochs: int = EPOCHS, dead: float = 0.1, *, has_seconds: bool = False
) -> pd.DataFrame:
    """Curves that rise to a ceiling; larger networks start slowly, end more accurate and spike more."""
    rng = np.random.default_rng(seed)
    options = [
        (depth, merge, steps)
        for depth in (8, 14, 20)
        for merge in ("add", "or", "oa", "iand")
        for steps in (1, 2, 4, 8)
    ]
    chosen = [options[place] for place in rng.permutation(len(options))[:networks]]
    rows = []
    for label, (depth, merge, steps) in enumerate(chosen):
        size = depth / 20 + steps / 8
        ceiling, is_dead = 0.6 + 0.15 * size + rng.normal(0, 0.02), rng.random() < dead
        for epoch in range(1, epochs + 1):
            grown = (ceiling - 0.1) * (1 - np.exp(-epoch / (0.5 + size)))
            rows.append(
                {
                    "network": label,
                    "epoch": epoch,
                    "config.depth": depth,
                    "config.merge": merge,
                    "config.timesteps": steps,
                    "val_accuracy": 0.1 if is_dead else 0.1 + grown + rng.normal(0, 0.003),
                    "spikes_per_sample": float(is_dead)
                    + 100 * depth * steps * (1 + np.exp(-epoch)) * rng.lognormal(0, 0.02),
                }
            )
            if has_seconds:
                rows[-1]["seconds"] = float(rng.exponential(size))
    return pd.DataFrame(rows)


Curve = Callable[[dict[str, Any], int], Sequence[float]]
"""The objectives of parameters after an epoch."""


def curve(params: dict[str, Any], epoch: int) -> list[float]:
    quality = (
        0.9 - 0.4 / params["depth"] - (0.2 if params["kind"] == "b" else 0.05 * abs(np.log(params.get("rate", 1.0))))
    )
    return [float(quality * (1 - 0.6**epoch)), 10.0 * params["depth"] * (2 if params["kind"] == "b" else 3)]


def suggested(trial: Trial) -> dict[str, Any]:
    """A space with a conditional parameter: the rate matters for one kind only."""
    params = {"depth": trial.suggest_int("depth", 2, 30), "kind": trial.suggest_categorical("kind", ["a", "b"])}
    if params["kind"] == "a":
        params["rate"] = trial.suggest_float("rate", 0.1, 10, log=True)
    return params


def made_study(
    sampler: PausingSampler | None = None,
    pruner: PausingPruner | None = None,
    storage: BaseStorage | None = None,
    directions: Sequence[str] = ("maximize", "minimize"),
    budget: float = 8,
) -> Study:
    return optuna.create_study(
        study_name="made",
        storage=storage,
        load_if_exists=True,
        directions=list(directions),
        sampler=sampler or FreezeThawSampler(max_steps=EPOCHS, budget=budget),
        pruner=pruner or FreezeThawPruner(max_steps=EPOCHS),
    )


def run_one(study: Study, curve: Curve = curve, most: int = EPOCHS) -> Trial | None:
    """Train what `ask` hands out until it pauses or ends; stops after `most` epochs as a killed process would."""
    trial = ask(study)
    if trial is None:
        return None
    params = suggested(trial)
    begun = last_step(trial)
    for epoch in range(begun + 1, EPOCHS + 1):
        if epoch > begun + most:
            return trial
        values = curve(params, epoch)
        report(trial, values, epoch)
        if should_prune(trial):
            pause(trial)
            return trial
    study.tell(trial, values)
    return trial


def run_all(study: Study, curve: Curve = curve) -> int:
    """Run until nothing is left; returns how many stretches were trained."""
    count = 0
    while run_one(study, curve) is not None:
        count += 1
    return count
