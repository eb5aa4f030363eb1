"""The front of a search beside the known networks, whose depth, width, T and learning rate are tuned at the same cost.

    python benchmarks/evidence/handmade.py digits [--repetitions 5] [--workers 2]
    python benchmarks/evidence/handmade.py fashion-mnist  # on 10,000 training and 1,000 validation images
    python benchmarks/evidence/handmade.py fashion-mnist-whole --repetitions 1  # the preset as it is

For each repetition, with its number as the seed and as that of the split: a search of the preset's space, and three
searches of a third of its budget each over Spiking-, SEW-, MS- and OR-ResNets of the same depths, widths and T, with
half, once and twice the data set's learning rate. Both sides use the same strategy. The networks on the front of
either side, the three searches taken together, are trained again on new seeds (5, or 3) and measured on the test set.
Searches and trainings are in `runs/handmade`; the same command resumes. Each repetition is added to
`benchmarks/data/handmade-NAME.parquet`, whose columns are described in `benchmarks/data/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from xoresnet.data.load import find_loader
from xoresnet.data.spec import DataSpec
from xoresnet.files.atomic import replaced
from xoresnet.results import load, pareto_front
from xoresnet.search import Outcome, SearchConfig, confirm, run_search
from xoresnet.space import SearchSpace

FOLDER = Path("runs/handmade")
KNOWN = {"merge": ["add", "membrane", "current", "or"], "xor": "none", "block": "basic"}
RATES = (0.5, 1.0, 2.0)
MEASURED = ("accuracy", "loss", "spikes_per_sample", "stream_spikes_per_sample", "synops_per_sample")


class Problem(NamedTuple):
    """What is searched, and at what cost."""

    preset: str
    data: DataSpec
    budget: float
    """In full trainings."""
    epochs: int
    seeds: int
    """On which the networks of the fronts are trained again."""
    first: int = 1
    """The number of the first repetition."""


PROBLEMS = {
    "digits": Problem("digits", DataSpec(name="digits"), budget=39, epochs=12, seeds=5),
    "fashion-mnist": Problem(
        "fashion-mnist-small",
        DataSpec(name="fashion-mnist", validation_share=1 / 60, train_share=10 / 59),
        budget=21,
        epochs=5,
        seeds=3,
    ),
    "fashion-mnist-whole": Problem(
        "fashion-mnist-small", DataSpec(name="fashion-mnist"), budget=40, epochs=6, seeds=5, first=0
    ),
}


def main() -> None:
    arguments = read_arguments()
    problem = PROBLEMS[arguments.data]
    place = Path(__file__).parents[1] / "data" / f"handmade-{arguments.data}.parquet"
    for repetition in range(problem.first, problem.first + arguments.repetitions):
        table = pd.read_parquet(place) if place.exists() else pd.DataFrame({"repetition": []})
        if not table["repetition"].eq(repetition).any():
            new = [
                side_of(arguments.data, problem, repetition, side, arguments.workers) for side in ("searched", "known")
            ]
            with replaced(place) as file:
                pd.concat([table, *new], ignore_index=True).to_parquet(file, compression="zstd")
            print(f"{place}: {repetition} repetitions", file=sys.stderr, flush=True)


def side_of(name: str, problem: Problem, repetition: int, side: str, workers: int) -> pd.DataFrame:
    """The networks that one side's search has put on its front, one row each."""
    folder = FOLDER / name / f"{side}-{repetition}"
    usual = find_loader(problem.data.name).recipe.learning_rate
    space = SearchSpace.preset(problem.preset).to_dict()
    settings: dict[Path, dict[str, Any]] = {folder: {"space": space, "budget": problem.budget}}
    if side == "known":
        known = {**space, "arch": {**space["arch"], **KNOWN}}
        settings = {
            folder.with_name(f"{folder.name}-rate-{rate:g}"): {
                "space": known, "budget": problem.budget / len(RATES), "recipe": {"learning_rate": rate * usual},
            }
            for rate in RATES
        }  # fmt: skip
    limits = {"max_concurrent": workers}
    for run, fields in settings.items():
        config = SearchConfig(
            data=problem.data.replace(validation_seed=repetition),
            epochs=problem.epochs,
            seed=repetition,
            **fields,
            **limits,
        )
        ended(run, run_search(config, run))
    trials = pd.concat([load(run).trials.assign(run=str(run)) for run in settings], ignore_index=True)
    front = pareto_front(trials, load(next(iter(settings))).objectives)
    parts = []
    for run, mine in front.groupby("run"):
        ids = mine["arch_id"].tolist()
        ended(run, confirm(run, seeds=problem.seeds, wanted=ids, limits=limits))
        parts.append(confirmed(run, ids).merge(searched(mine), on="arch_id"))
    spent = {"epochs_spent": trials["epochs_trained"].sum(), "seconds_spent": trials["train_seconds"].sum()}
    return pd.concat(parts, ignore_index=True).assign(repetition=repetition, side=side, **spent)


def ended(run: object, outcome: Outcome) -> None:
    """Say how a search or a confirmation has ended, and end with it if it was interrupted."""
    print(f"{run}: {outcome.ended}", file=sys.stderr, flush=True)
    if outcome.interrupted:
        sys.exit(128 + outcome.interrupted)


def searched(front: pd.DataFrame) -> pd.DataFrame:
    """What the search has measured of its networks."""
    config = [name for name in front if name.startswith("config.")]
    figures = front[["arch_id", "val_accuracy", "spikes_per_sample", *config]]
    return figures.rename(columns={"val_accuracy": "searched_val_accuracy", "spikes_per_sample": "searched_spikes"})


def confirmed(run: str, ids: list[str]) -> pd.DataFrame:
    """Mean and standard deviation over the new seeds, of validation and test figures, and the former seed by seed."""
    trainings = load(run).confirmed
    trainings = trainings[trainings["arch_id"].isin(ids)]
    columns = ["val_accuracy", *(f"test_{name}" for name in MEASURED)]
    figures = trainings.groupby("arch_id")[columns].agg(["mean", "std"])
    figures.columns = [f"{name}_{statistic}" for name, statistic in figures.columns]
    by_seed = trainings.sort_values("seed").groupby("arch_id")["val_accuracy"].agg(list)
    return figures.assign(seeds=trainings.groupby("arch_id").size(), val_accuracy_by_seed=by_seed).reset_index()


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(PROBLEMS))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
