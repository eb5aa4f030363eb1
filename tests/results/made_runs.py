"""Runs made up for the tests, in memory and as folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.files.yaml_text import write_yaml
from xoresnet.measures.records import MEASURED
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.run import Run
from xoresnet.results.tables.columns import CONFIRMED, HISTORY, LAYERS, PREDICTED, TRIALS, typed
from xoresnet.results.tables.files import write_parquet

START = pd.Timestamp("2026-01-02 03:04", tz="UTC")
OBJECTIVES = {"val_accuracy": "max", "spikes_per_sample": "min"}


def config_of(objectives: Mapping[str, str] = OBJECTIVES, **more: Any) -> dict[str, Any]:
    listed = [{"metric": metric, "direction": direction} for metric, direction in objectives.items()]
    return {"budget": 30, "objectives": listed, **more}


def trial(number: int, accuracy: float = 0.5, spikes: float = 1000.0, **changes: Any) -> dict[str, Any]:
    """A complete trial of a minute, the next one beginning half a minute later; `config_merge="or"` and the like."""
    began = START + pd.Timedelta(seconds=30 * number)
    row: dict[str, Any] = {
        "trial_id": number,
        "arch_id": f"a{number:04x}",
        "state": "COMPLETE",
        "seed": 0,
        "epochs_trained": 3,
        "val_accuracy": accuracy,
        "spikes_per_sample": spikes,
        "params_count": 100 + number,
        "train_seconds": 50.0,
        "synops_per_sample": 9 * spikes,
        "energy_pj_per_sample": 8 * spikes,
        "evaluation_seconds": 5.0,
        "started": began,
        "ended": began + pd.Timedelta(minutes=1),
        "worker": f"node:{7 + number % 2}",
        "is_pareto": False,
        "config.depth": 8,
        "config.width": 8,
        "config.timesteps": 2,
        "config.merge": "or",
        "config.xor": "none",
        "config.block": "basic",
        "config.neuron.kind": "lif",
        "config.recipe.learning_rate": 0.01,
        "config.recipe.epochs": 3,
    }
    return {**row, **{name.replace("config_", "config.", 1): value for name, value in changes.items()}}


def run_of(*rows: dict[str, Any], objectives: Mapping[str, str] = OBJECTIVES, name: str = "made", **config: Any) -> Run:
    """A run of these trials; each grew to its figures over its epochs, complete ones have five layers."""
    trials = typed(list(rows), TRIALS)
    trials["is_pareto"] = is_pareto(trials, objectives)  # type: ignore[arg-type]
    history = [epoch for row in rows for epoch in _epochs(row)]
    layers = [layer for row in rows if row["state"] == "COMPLETE" for layer in _layers(row)]
    environment = {"python": "3.11.7", "packages": {"torch": "2.6.0"}}
    return Run(
        name,
        trials,
        typed(history, HISTORY),
        typed(layers, LAYERS),
        typed([], CONFIRMED),
        config=config_of(objectives, **config),
        environment=environment,
    )


def seed_of(row: Mapping[str, Any], seed: int = 1, **changes: Any) -> dict[str, Any]:
    """A trial's network trained again; on the test set it does a little worse than it did in the search."""
    accuracy, spikes = row["val_accuracy"] - 0.01 * seed, row["spikes_per_sample"] * (1 + 0.02 * seed)
    measured = {
        "state": "COMPLETE",
        "seed": seed,
        "config.recipe.seed": seed,
        "config.recipe.epochs": 3,
        "test_accuracy": accuracy,
        "test_loss": 1 - accuracy,
        "test_spikes_per_sample": spikes,
        "test_energy_pj_per_sample": 8 * spikes,
    }
    return {**row, **measured, **{name.replace("config_", "config.", 1): value for name, value in changes.items()}}


def confirming(run: Run, *rows: dict[str, Any]) -> Run:
    """The run with these confirmed, or with three seeds of each network of its front."""
    front = run.front.to_dict("records")
    mine = list(rows) or [seed_of(row, seed) for seed in (1, 2, 3) for row in front]
    return replace(run, confirmed=typed(mine, CONFIRMED))


def predicted(run: Run, *, more: int = 3, charged: int = 2) -> Run:
    """The run with predictions for the networks of all its trials, and for as many again as are wanted."""
    rows = [
        {"arch_id": f"b{number:04x}", "val_accuracy": 0.3, "spikes_per_sample": 100.0, "params_count": 5}
        for number in range(more)
    ]
    rows += run.trials.to_dict("records")
    predictions = [
        {
            **row,
            "arch": "{}",
            "weights_seeds": 1,
            "prediction_seconds": 0.1,
            **{f"predicted_{name}": row.get(name) for name in MEASURED},
            "predicted_val_accuracy": _scaled(row["val_accuracy"], 0.8 + 0.02 * (place % 5)),
            "predicted_spikes_per_sample": _scaled(row["spikes_per_sample"], 1.5),
        }
        for place, row in enumerate(rows)
    ]
    prior = {"epochs_charged": 6.0, "seconds": 12.5, "networks": len(predictions)}
    return replace(run, predicted=typed(predictions, PREDICTED), prior=prior)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else factor * value


def varied_run(count: int = 40, objectives: Mapping[str, str] = OBJECTIVES) -> Run:
    """Trials of all kinds: complete, pruned, failed and running ones, baselines, parameters that matter; confirmed.

    Every third complete trial was tried because of its prediction. Each run is made once and shared by all tests.
    """
    return _varied_run(count, tuple(objectives.items()))


@cache
def _varied_run(count: int, objectives: tuple[tuple[str, str], ...]) -> Run:
    rows = []
    for number in range(count):
        merge, steps = ("or", "oa", "or/oa/add")[number % 3], 1 + number % 4
        spikes = 200.0 * steps * (1 + number % 3) + 3 * number
        row = trial(
            number,
            0.4 + 0.1 * steps + 0.002 * (number % 7),
            spikes,
            config_merge=merge,
            config_timesteps=steps,
            config_depth=(8, 14)[number % 5 == 0],
            config_xor=("none", "middle")[number % 2],
        )
        if number % 6 == 4:
            row |= {"state": "PRUNED", "epochs_trained": 1}
        rows.append(row)
    rows[0]["source"], rows[1]["source"] = "xoresnet8", "sew-resnet8"
    rows[2] |= {"state": "FAIL", "reason": "CUDA out of memory", "epochs_trained": 0, "worker": None}
    rows[2] |= {"val_accuracy": None, "spikes_per_sample": None}
    rows[3] |= {"state": "RUNNING", "ended": None, "epochs_trained": 2}
    for row in rows[6::3]:
        row["source"] = "prior"
    return predicted(confirming(run_of(*rows, objectives=dict(objectives))))


def pairs(factor: str, values: tuple[Any, Any], changes: list[tuple[float, float]]) -> Run:
    """Pairs of trials that differ in the factor alone, by so much accuracy and such ratios of spikes."""
    rows = []
    for number, (difference, ratio) in enumerate(changes):
        for place, value in enumerate(values):
            changed = {f"config_{factor}": value, "config_recipe.learning_rate": 0.01 + number}
            accuracy = 0.5 + 0.01 * number + difference * place
            rows.append(trial(2 * number + place, accuracy, (100.0 + number) * ratio**place, **changed))
    rows.append(trial(99, 0.1, 9999.0, **{f"config_{factor}": values[0], "config_recipe.learning_rate": 99.0}))
    return run_of(*rows)


def empty_run(**options: Any) -> Run:
    return run_of(**options)


def write_run(run: Run, folder: Path) -> Path:
    """The files that `load` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(write_yaml({"command": "search", **run.config}), encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(run.environment), encoding="utf-8")
    (folder / "prior.json").write_text(json.dumps(run.prior), encoding="utf-8")
    for name in ("trials", "history", "layers", "confirmed", "predicted"):
        write_parquet(folder / f"{name}.parquet", getattr(run, name))
    return folder


def _epochs(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "trial_id": row["trial_id"],
            "arch_id": row["arch_id"],
            "epoch": epoch,
            "val_accuracy": row["val_accuracy"] * epoch / row["epochs_trained"],
            "spikes_per_sample": row["spikes_per_sample"],
            "reported": row["started"] + pd.Timedelta(seconds=9 * epoch),
        }
        for epoch in range(1, row["epochs_trained"] + 1)
    ]


def _layers(row: dict[str, Any]) -> list[dict[str, Any]]:
    names = ["stem.conv", "stem.neuron", "a.neuron", *(["b.neuron"] if row["trial_id"] % 2 else []), "read_out"]
    kinds = {"stem.conv": "conv", "read_out": "linear"}
    return [
        {
            "trial_id": row["trial_id"],
            "arch_id": row["arch_id"],
            "layer": place,
            "name": name,
            "kind": kinds.get(name, "neuron"),
            "firing_rate": None if name in kinds else place / 10,
        }
        for place, name in enumerate(names)
    ]
