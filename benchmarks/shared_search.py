"""What predictions of shared weights would save a search, as the mean of its models (`prior=shared`).

    python benchmarks/truth.py digits
    python benchmarks/shared_search.py [--seeds 20] [--sets 1] [--epochs 6] [--workers 2]

The table is that of the networks of one time step, each trained alone (`truth.py`). A search with shared weights is
charged with their epochs before it begins. The bound has predictions that cost nothing and agree with the truth as a
second training of each network does. Fronts are judged as in `search_efficiency.py`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import warnings

import numpy as np
import pandas as pd
from predictions import WeightSet, predict_all
from search_efficiency import CHANCE, METRICS, Judge, first_reached
from truth import load, problem

from xoresnet.search import simulate

PROBLEM, SHARES = "digits-one-step", (0.97, 0.99)
WAYS = ("no prior", "shared weights", "bound")


def table_of(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The table of one training, and the finals of this and of the other training by network."""
    what = problem(PROBLEM)
    truth = load(what)
    fields = {arch.arch_id: arch.model_dump() for arch in what.space.enumerate()}
    varied = ("depth", "width", "merge", "xor")
    own = truth[truth["seed"] == seed % 2].rename(columns={"arch_id": "network"})
    for name in varied:
        own[f"config.{name}"] = [
            str(fields[network][name]) if name in ("merge", "xor") else fields[network][name]
            for network in own["network"]
        ]
    last = truth[truth["epoch"] == what.recipe.epochs].set_index("arch_id")
    finals = [last[last["seed"] == each % 2][METRICS] for each in (seed, seed + 1)]
    return own[["network", "epoch", *METRICS, *(f"config.{name}" for name in varied)]], *finals


def weight_sets(seed: int, sets: int, epochs: int) -> list[WeightSet]:
    return [WeightSet(PROBLEM, epochs, 1000 + 10 * seed + number) for number in range(sets)]


def epochs_to(way: str, seed: int, sets: int, epochs: int) -> list[float]:
    """The epochs until each share of the hypervolume, those of the shared weights included."""
    warnings.simplefilter("ignore")
    table, seen, judged = table_of(seed)
    predicted, price = None, 0.0
    if way == "bound":
        predicted = judged.rename_axis("network").reset_index()
    elif way == "shared weights":
        trained = predict_all(weight_sets(seed, sets, epochs), 1)
        price = sum(each.epochs for each in trained)
        predicted = pd.concat([each.figures for each in trained]).groupby(level="arch_id")[METRICS].mean()
        predicted = predicted.rename_axis("network").reset_index()
    stretches = simulate(table, budget=60, seed=seed, chance=CHANCE, predictions=predicted)
    judge = Judge(seen, judged.loc[seen.index], CHANCE)
    return [price + reached for reached in first_reached(judge, stretches, int(table["epoch"].max()), SHARES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    if "shared weights" in options.ways:
        wanted = [weight_sets(seed, options.sets, options.epochs) for seed in range(options.seeds)]
        predict_all([weights for own in wanted for weights in own], options.workers)
    print("| search | epochs to 97 % | to 99 % | worst, 99 % |\n| --- | --- | --- | --- |", flush=True)
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for way in options.ways.split(","):
            jobs = [(way, seed, options.sets, options.epochs) for seed in range(options.seeds)]
            most, nearly = np.array(pool.starmap(epochs_to, jobs, chunksize=1)).T
            print(f"| {way} | {np.median(most):.0f} | {np.median(nearly):.0f} | {nearly.max():.0f} |", flush=True)


if __name__ == "__main__":
    main()
