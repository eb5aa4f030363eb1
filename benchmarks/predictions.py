"""Predictions of sets of shared weights for all networks of a problem.

The predictions of each set are stored in `runs/benchmarks/predicted-*.parquet`, because `shared.py` and
`shared_search.py` need the same ones.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from truth import FOLDER, Problem, problem

from xoresnet import SharedTraining, predict
from xoresnet.files.atomic import replaced
from xoresnet.search.prior.table import SECONDS
from xoresnet.search.prior.trainables import prediction_epochs
from xoresnet.shared.weights import groups_of


class WeightSet(NamedTuple):
    """How to train one set of shared weights for each group of networks of a problem."""

    problem: str
    epochs: int
    seed: int
    archs_per_step: int = 1
    sampling: str = "uniform"


class Predictions(NamedTuple):
    """The predictions of one set of weights."""

    figures: pd.DataFrame
    """One row per network, indexed by `arch_id`, with the metrics of a record and `SECONDS`."""
    epochs: float
    """The cost of training the set and of predicting with it, in epochs of training one network."""
    seconds: float


def predict_all(weight_sets: Iterable[WeightSet], workers: int) -> list[Predictions]:
    """The predictions of all sets; missing sets are trained first, with one thread each."""
    weight_sets = list(weight_sets)
    FOLDER.mkdir(parents=True, exist_ok=True)
    missing = [weights for weights in dict.fromkeys(weight_sets) if not _file(weights).exists()]
    if missing:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for number, _ in enumerate(pool.imap_unordered(_make, missing), 1):
                print(f"\r{number}/{len(missing)} sets of weights ", end="", file=sys.stderr, flush=True)
    return [_read(weights) for weights in weight_sets]


def epochs_of(what: Problem, networks: int, groups: int, epochs: int) -> float:
    """The cost of a set that trains one network per step, in epochs of training one network."""
    return groups * epochs + networks * prediction_epochs(what.load_data())


def _file(weights: WeightSet) -> Path:
    return FOLDER / f"predicted-{'-'.join(map(str, weights))}.parquet"


def _read(weights: WeightSet) -> Predictions:
    frame = pd.read_parquet(_file(weights))
    return Predictions(frame, frame.attrs["epochs"], frame.attrs["seconds"])


def _make(weights: WeightSet) -> None:
    import torch

    from xoresnet import hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(1)
    what = problem(weights.problem)
    data = what.load_data()
    recipe = what.recipe.replace(epochs=weights.epochs, seed=weights.seed)
    rows, epochs, seconds = [], 0.0, 0.0
    for archs in groups_of(what.space.enumerate()).values():
        training = SharedTraining(archs, data, recipe, archs_per_step=weights.archs_per_step, sampling=weights.sampling)
        for record in training:
            epochs += record.image_passes / len(data.train)
            seconds += record.train_seconds
        for prediction in predict(training.network, archs, data):
            rows.append({"arch_id": prediction.arch.arch_id, **prediction.figures, SECONDS: prediction.seconds})
            epochs += prediction_epochs(data)
            seconds += prediction.seconds
    frame = pd.DataFrame(rows).set_index("arch_id")
    frame.attrs = {"epochs": epochs, "seconds": seconds}
    with replaced(_file(weights)) as partial:
        frame.to_parquet(partial)
