"""How well shared weights rank networks, compared with training each network alone, and at what cost.

    python benchmarks/truth.py digits
    python benchmarks/shared.py [digits-one-step] [--sets 3] [--ways 6] [--workers 2]

Prints Kendall's tau between predictions and truth, absolute and as a share of the tau between the two seeds of the
truth: the median over both seeds and over all choices of that many sets of weights. The cost is given in epochs of
training one network and as a share of training every network once.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import pandas as pd
from predictions import Predictions, WeightSet, epochs_of, predict_all
from truth import Problem, load, problem

from xoresnet.results.fronts.ranks import kendall
from xoresnet.shared.weights import groups_of
from xoresnet.space import SearchSpace

METRICS = ("val_accuracy", "spikes_per_sample")
Figures = dict[str, float]


class Way(NamedTuple):
    """How to train sets of weights."""

    name: str
    share: float = 1.0
    """Epochs, as a share of those with which a network is trained alone."""
    archs_per_step: int = 1
    sampling: str = "uniform"


WAYS = (
    Way("as long as a trial"),
    Way("half as long", share=0.5),
    Way("twice as long", share=2.0),
    Way("half as long, two networks a step", share=0.5, archs_per_step=2),
    Way("half as long, four networks a step", share=0.5, archs_per_step=4),
    Way("half as long, four a step by the sandwich rule", share=0.5, archs_per_step=4, sampling="sandwich"),
)


def agreement(first: pd.DataFrame, second: pd.DataFrame, metric: str) -> float:
    both = first.join(second, how="inner", lsuffix="_first", rsuffix="_second")
    return kendall(both[f"{metric}_first"].to_numpy(), both[f"{metric}_second"].to_numpy())


def mean(sets: Sequence[Predictions]) -> pd.DataFrame:
    return pd.concat([predictions.figures for predictions in sets]).groupby(level="arch_id").mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="digits-one-step", choices=["digits-one-step", "fashion-mnist"])
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--ways", type=int, default=len(WAYS), help="use only the first N ways of shared training")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    what = problem(arguments.name)
    truth = load(what)
    last = truth[truth["epoch"] == what.recipe.epochs]
    alone = [last[last["seed"] == seed].set_index("arch_id")[list(METRICS)] for seed in (0, 1)]
    between = {metric: agreement(*alone, metric) for metric in METRICS}
    print(
        f"{what.space.size().networks} networks, {what.recipe.epochs} epochs each; tau between two seeds:",
        ", ".join(f"{metric} {tau:.3f}" for metric, tau in between.items()),
        end="\n\n",
    )
    print("| shared training | sets | accuracy: tau | share | spikes: tau | share | epochs | of training all | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for way in WAYS[: arguments.ways]:
        epochs = max(1, round(way.share * what.recipe.epochs))
        wanted = [
            WeightSet(what.name, epochs, 1000 + 10 * number, way.archs_per_step, way.sampling)
            for number in range(arguments.sets)
        ]
        sets = predict_all(wanted, arguments.workers)
        for number in range(1, arguments.sets + 1):
            print(f"| {way.name} | {number} | {row(what, sets, number, alone, between)} |", flush=True)
    if what.name == "digits-one-step":
        full = enlarged(what)
        print(
            f"\nwith up to 4 time steps and all merges, {full.size().networks} networks: {described_cost(what, full)}"
        )


def row(
    what: Problem, sets: Sequence[Predictions], number: int, alone: Sequence[pd.DataFrame], between: Figures
) -> str:
    cells = []
    for metric in METRICS:
        tau = statistics.median(
            agreement(mean(some), seed, metric) for some in combinations(sets, number) for seed in alone
        )
        cells += [f"{tau:.3f}", f"{tau / between[metric]:.2f}"]
    epochs = number * sets[0].epochs
    share = epochs / (what.recipe.epochs * what.space.size().networks)
    seconds = number * statistics.median(predictions.seconds for predictions in sets)
    return " | ".join([*cells, f"{epochs:.0f}", f"{100 * share:.1f} %", f"{seconds:.0f}"])


def described_cost(what: Problem, space: SearchSpace) -> str:
    networks, groups, epochs = space.size().networks, len(groups_of(space.enumerate())), what.recipe.epochs
    whole = epochs * networks
    costs = {sets: sets * epochs_of(what, networks, groups, -(-epochs // 2)) for sets in (1, 2, 3)}
    return ", ".join(
        f"{n} sets {cost:.0f} of {whole:,} epochs ({100 * cost / whole:.1f} %)" for n, cost in costs.items()
    )


def enlarged(what: Problem) -> SearchSpace:
    fields = what.space.to_dict()
    fields["arch"] |= {"timesteps": [1, 2, 3, 4], "merge": ["add", "or", "oa", "current", "membrane", "and", "iand"]}
    return SearchSpace.from_dict(fields)


if __name__ == "__main__":
    main()
