"""What sets of shared weights say of all networks of a problem, made once for each set.

What the networks come to by one set is kept in `runs/benchmarks/predicted-*.parquet`: `shared.py` and
`shared_search.py` ask for the same.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from truth import FOLDER, Problem, problem

from xoresnet import SharedTraining
from xoresnet.files.atomic import replaced
from xoresnet.search.prior.table import SECONDS
from xoresnet.search.prior.trainables import prediction_epochs
from xoresnet.shared.prediction import predict
from xoresnet.shared.weights import groups_of


class WeightSet(NamedTuple):
    """One set of weights for each group of a problem's networks."""

    problem: str
    epochs: int
    seed: int
    archs_per_step: int = 1
    sampling: str = "uniform"


class Said(NamedTuple):
    """What a set of weights says."""

    figures: pd.DataFrame
    """One row for each network, by `arch_id`: the names of a record, and `SECONDS`."""
    epochs: float
    """What training the set and asking it cost, in epochs of training one network."""
    seconds: float


def said(wanted: Iterable[WeightSet], workers: int) -> list[Said]:
    """Make the sets that there are not yet, each by one thread, and read all."""
    wanted = list(wanted)
    FOLDER.mkdir(parents=True, exist_ok=True)
    missing = [one for one in dict.fromkeys(wanted) if not _file(one).exists()]
    if missing:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for number, _ in enumerate(pool.imap_unordered(_make, missing), 1):
                print(f"\r{number}/{len(missing)} sets of weights ", end="", file=sys.stderr, flush=True)
    return [_read(one) for one in wanted]


def epochs_of(what: Problem, networks: int, groups: int, epochs: int) -> float:
    """What a set costs that is trained one network a step."""
    return groups * epochs + networks * prediction_epochs(what.load_data())


def _file(one: WeightSet) -> Path:
    return FOLDER / f"predicted-{'-'.join(map(str, one))}.parquet"


def _read(one: WeightSet) -> Said:
    frame = pd.read_parquet(_file(one))
    return Said(frame, frame.attrs["epochs"], frame.attrs["seconds"])


def _make(one: WeightSet) -> None:
    import torch

    from xoresnet import hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(1)
    what = problem(one.problem)
    data = what.load_data()
    recipe = what.recipe.replace(epochs=one.epochs, seed=one.seed)
    rows, epochs, seconds = [], 0.0, 0.0
    for archs in groups_of(what.space.enumerate()).values():
        training = SharedTraining(archs, data, recipe, archs_per_step=one.archs_per_step, sampling=one.sampling)
        for record in training:
            epochs += record.image_passes / len(data.train)
            seconds += record.train_seconds
        for found in predict(training.network, archs, data):
            rows.append({"arch_id": found.arch.arch_id, **found.figures, SECONDS: found.seconds})
            epochs += prediction_epochs(data)
            seconds += found.seconds
    frame = pd.DataFrame(rows).set_index("arch_id")
    frame.attrs = {"epochs": epochs, "seconds": seconds}
    with replaced(_file(one)) as partial:
        frame.to_parquet(partial)
