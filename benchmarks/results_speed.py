"""The time to read a run and to compute its front, hypervolume and report.

    python benchmarks/results_speed.py [--trials 1000 10000 100000] [--epochs 20] [--rounds 3]

The runs are synthetic: trials of the preset `digits`, more than a third of them complete, whose accuracy and spikes
depend on width, depth, time steps and merge, with noise. Prints Markdown: medians over rounds, in seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from xoresnet.files.yaml_text import write_yaml
from xoresnet.results import hypervolume, load, pareto_front, reference_point, report
from xoresnet.results.tables.columns import HISTORY, LAYERS, TRIALS
from xoresnet.results.tables.files import write_parquet

CONFIG = {
    "command": "search", "trials": 1, "space": {"preset": "digits"},
    "objectives": [
        {"metric": "val_accuracy", "direction": "max"}, {"metric": "spikes_per_sample", "direction": "min"},
    ],
}  # fmt: skip
MERGES = ["add", "or", "oa", "current", "membrane", "or/oa/add"]
LOG = ["spikes_per_sample"]
LAYERS_PER_NETWORK = 24


def make_run(folder: Path, count: int, epochs: int) -> None:
    """Write the files of a run with `count` trials."""
    random = np.random.default_rng(count)
    trials = made_trials(count, epochs, random)
    history = made_history(trials, epochs, random)
    layers = made_layers(trials[trials["state"] == "COMPLETE"], random)
    (folder / "config.yaml").write_text(write_yaml(CONFIG))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "packages": {"torch": "2.6"}}))
    for name, frame, columns in (
        ("trials", trials, TRIALS),
        ("history", history, HISTORY),
        ("layers", layers, LAYERS),
    ):
        write_parquet(folder / f"{name}.parquet", frame.reindex(columns=list(columns)).astype(dict(columns)))


def made_trials(count: int, epochs: int, random: np.random.Generator) -> pd.DataFrame:
    width, depth = random.choice([8, 16, 32], count), random.choice([8, 14, 20, 32], count)
    timesteps, merge = random.integers(1, 9, count), random.choice(len(MERGES), count)
    size = width * depth * timesteps / 400
    spikes = 60 * size * (1 + 0.3 * merge) * np.exp(random.normal(0, 0.2, count))
    accuracy = 0.97 - 0.4 / (1 + size) - 0.01 * merge + random.normal(0, 0.02, count)
    state = random.choice(["COMPLETE", "PRUNED", "FAIL"], count, p=[0.38, 0.6, 0.02])
    trained = np.where(state == "COMPLETE", epochs, random.integers(1, epochs, count))
    began = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(count) * 5.0, unit="s")
    seconds = 2.0 + trained * random.uniform(0.5, 1.5, count)
    return pd.DataFrame(
        {
            "trial_id": np.arange(count),
            "arch_id": [f"{number:010x}" for number in range(count)],
            "state": state,
            "reason": np.where(state == "FAIL", "CUDA out of memory", None),
            "seed": 0,
            "epochs_trained": trained,
            "val_accuracy": np.clip(accuracy * (1 - np.exp(-trained)), 0.1, 1.0),
            "spikes_per_sample": spikes,
            "synops_per_sample": 70 * spikes,
            "energy_pj_per_sample": 65 * spikes,
            "params_count": 80 * width * depth,
            "train_seconds": seconds,
            "evaluation_seconds": 0.1 * seconds,
            "started": began,
            "ended": began + pd.to_timedelta(seconds, unit="s"),
            "worker": [f"node-{number % 8}:7" for number in range(count)],
            "is_pareto": False,
            "config.depth": depth,
            "config.width": width,
            "config.timesteps": timesteps,
            "config.merge": np.array(MERGES)[merge],
            "config.xor": random.choice(["none", "entry", "middle"], count),
            "config.block": "basic",
            "config.neuron.kind": "lif",
        }
    )


def made_history(trials: pd.DataFrame, epochs: int, random: np.random.Generator) -> pd.DataFrame:
    """The history of all trials; pruned and failed trials have fewer epochs."""
    rows = np.repeat(np.arange(len(trials)), trials["epochs_trained"])
    epoch = np.concatenate([np.arange(1, trained + 1) for trained in trials["epochs_trained"]])
    grown = 1 - np.exp(-epoch / 3)
    return pd.DataFrame(
        {
            "trial_id": rows,
            "arch_id": trials["arch_id"].to_numpy()[rows],
            "epoch": epoch,
            "val_accuracy": trials["val_accuracy"].to_numpy()[rows] * grown,
            "spikes_per_sample": trials["spikes_per_sample"].to_numpy()[rows] * grown,
            "reported": trials["started"].array[rows] + pd.to_timedelta(epoch, unit="s"),
        }
    )


def made_layers(complete: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    rows = np.repeat(np.arange(len(complete)), LAYERS_PER_NETWORK)
    number = np.tile(np.arange(LAYERS_PER_NETWORK), len(complete))
    return pd.DataFrame(
        {
            "trial_id": complete["trial_id"].to_numpy()[rows],
            "arch_id": complete["arch_id"].to_numpy()[rows],
            "layer": number,
            "name": np.array([f"layer{index}" for index in range(LAYERS_PER_NETWORK)])[number],
            "kind": np.where(number % 2, "neuron", "conv"),
            "firing_rate": random.uniform(0, 0.4, len(rows)),
        }
    )


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def look(folder: Path) -> list[float]:
    """Seconds of one round for load, front, hypervolume and report."""
    taken = [seconds(lambda: load(folder))]
    run = load(folder)
    taken.append(seconds(lambda: pareto_front(run.trials)))

    def volume() -> float:
        return hypervolume(run.trials, run.objectives, reference_point(run.trials, run.objectives, LOG), LOG)

    return [*taken, seconds(volume), seconds(lambda: report(folder))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| trials | rows of history | load | front | hypervolume | the three | report | report, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count in arguments.trials:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_run(folder, count, arguments.epochs)
            rounds = [look(folder) for _ in range(arguments.rounds)]
            medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
            three = statistics.median(sum(times[:3]) for times in rounds)
            cells = [*medians[:3], three, medians[3]]
            size = (folder / "report.html").stat().st_size / 1e6
            rows = len(load(folder).history)
        figures = " | ".join(f"{cell:.3g}" for cell in cells)
        print(f"| {count:,} | {rows:,} | {figures} | {size:.1f} |", flush=True)


if __name__ == "__main__":
    main()
