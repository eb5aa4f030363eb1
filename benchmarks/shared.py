"""How well shared weights rank networks, against what these come to when each is trained alone, and what that costs.

    python benchmarks/truth.py digits
    python benchmarks/shared.py [digits] [--rounds 2]

Kendall's tau of predictions against the truth of each seed, as a share of the tau between the truth's two seeds. Each
round has shared weights of its own seeds. The cost is in epochs of training one network.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from truth import Problem, load, problem

from xoresnet.arch import Arch
from xoresnet.results.ranks import kendall
from xoresnet.shared import groups_of
from xoresnet.shared_training import SharedTraining
from xoresnet.space.search_space import SearchSpace

METRICS = ("val_accuracy", "spikes_per_sample")


class Way(NamedTuple):
    """How to predict."""

    name: str
    seeds: int = 2
    share: float = 1.0
    """Of the epochs that a network is trained alone."""
    options: Mapping[str, Any] = MappingProxyType({})


WAYS = (
    Way("as `prior=shared` does"),
    Way("one set of weights", seeds=1),
    Way("three sets of weights", seeds=3),
    Way("half the epochs", share=0.5),
    Way("twice the epochs", share=2.0),
    Way("two networks a step", options={"archs_per_step": 2}),
    Way("four networks a step", options={"archs_per_step": 4}),
    Way("four a step, sandwich rule", options={"archs_per_step": 4, "sampling": "sandwich"}),
)


class Asked(NamedTuple):
    """What shared weights said of all networks of a space."""

    figures: pd.DataFrame
    """Means over the sets of weights, by `arch_id`."""
    epochs: float
    seconds: float


def ask(what: Problem, archs: Iterable[Arch], way: Way, first_seed: int) -> Asked:
    data, passes, began = what.load_data(), 0.0, time.perf_counter()
    rows: list[dict[str, Any]] = []
    for members in groups_of(archs).values():
        for number in range(way.seeds):
            epochs = max(1, round(way.share * what.recipe.epochs))
            recipe = what.recipe.replace(epochs=epochs, seed=first_seed + number)
            training = SharedTraining(members, data, recipe, **way.options)
            passes += sum(record.image_passes for record in training)
            for one in training.network.evaluate(members, data):
                rows.append({"arch_id": one.arch.arch_id, **{name: one.figures[name] for name in METRICS}})
                passes += one.image_passes / 3  # of a training step is the forward pass
    figures = pd.DataFrame(rows).groupby("arch_id").mean()
    return Asked(figures, passes / len(data.train), time.perf_counter() - began)


def agreement(one: pd.DataFrame, other: pd.DataFrame, metric: str) -> float:
    both = one.join(other, how="inner", lsuffix="_one", rsuffix="_other")
    return kendall(both[f"{metric}_one"].to_numpy(), both[f"{metric}_other"].to_numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="digits", choices=["digits", "fashion-mnist"])
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    what = problem(asked.name)
    truth = load(what)
    last = truth[truth["epoch"] == what.recipe.epochs]
    alone = [last[last["seed"] == seed].set_index("arch_id")[list(METRICS)] for seed in (0, 1)]
    between = {metric: agreement(*alone, metric) for metric in METRICS}
    archs = list(what.space.enumerate())
    exhaustive = what.recipe.epochs * len(archs)
    print(f"{len(archs)} networks, {what.recipe.epochs} epochs each, {exhaustive:,} in all; tau between two seeds:",
          ", ".join(f"{metric} {tau:.3f}" for metric, tau in between.items()), end="\n\n")  # fmt: skip
    print("| | accuracy: tau | share of the seeds' | spikes: tau | epochs | share of training all | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for way in WAYS:
        rounds = [ask(what, archs, way, 1000 + 10 * number) for number in range(asked.rounds)]
        taus = {
            metric: statistics.median(agreement(one.figures, seed, metric) for one in rounds for seed in alone)
            for metric in METRICS
        }
        epochs, seconds = rounds[0].epochs, float(np.median([one.seconds for one in rounds]))
        print(f"| {way.name} | {taus['val_accuracy']:.3f} | {taus['val_accuracy'] / between['val_accuracy']:.2f} | "
              f"{taus['spikes_per_sample']:.3f} | {epochs:.0f} | {100 * epochs / exhaustive:.1f} % | {seconds:.0f} |",
              flush=True)  # fmt: skip
    if what.name == "digits":
        full = list(all_timesteps(what).enumerate())
        found, exhaustive = ask(what, full, WAYS[0], 1000), what.recipe.epochs * len(full)
        print(f"\nwith up to 4 time steps, {len(full)} networks: {found.epochs:.0f} of {exhaustive:,} epochs "
              f"({100 * found.epochs / exhaustive:.1f} %), {found.seconds:.0f} s")  # fmt: skip


def all_timesteps(what: Problem) -> SearchSpace:
    fields = what.space.to_dict()
    return SearchSpace.from_dict({**fields, "arch": {**fields["arch"], "timesteps": [1, 2, 3, 4]}})


if __name__ == "__main__":
    main()
