"""What a search saves that shared weights guide: epochs until it has 95 and 99 % of the exhaustive front's hypervolume.

    python benchmarks/truth.py digits
    python benchmarks/shared_search.py [--seeds 10] [--sets 1] [--epochs 6] [--workers 2]

Searches are replayed: proposals, bridge, sampler, pruner and guide are those of `xoresnet search`, and what a trial
reports is what its network reported when it was trained alone (`truth.py`). One trial at a time. A search with an even
seed sees the first training of each network, others the second, and is measured against the front of the same. Shared
weights are trained and asked anew for each seed, and cost the epochs that a search is charged with for them; the bound
is what the same guide would save by predictions that cost nothing and agree with the truth as well as a second training
of each network does. The hypervolume is of accuracy above chance and decades of spikes below the most that any network
has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import optuna
import pandas as pd
from predictions import WeightSet, said
from truth import Problem, load, problem

from xoresnet import Arch
from xoresnet.results import OBJECTIVES, hypervolume
from xoresnet.results.tables.columns import PREDICTED, typed
from xoresnet.search import TrialBridge, reports
from xoresnet.search.config import PriorSpec
from xoresnet.search.execution.bridge import Verdict
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.prior.table import SECONDS, predicted_row
from xoresnet.search.registry import PrunerSpec, make_pruner, make_sampler
from xoresnet.search.sources.archs import ArchProposals
from xoresnet.search.sources.guide import Guide
from xoresnet.search.study.attributes import RESCUES

LOG = ("spikes_per_sample",)


class Way(NamedTuple):
    """How to search."""

    name: str
    sampler: str
    pruner: str
    prior: Literal["none", "shared", "bound"] = "none"


WAYS = (
    Way("random, no pruning", "random", "none"),
    Way("NSGA-II, no pruning", "nsga2", "none"),
    Way("TPE, no pruning", "tpe", "none"),
    Way("random, pruned", "random", "pareto"),
    Way("TPE, pruned", "tpe", "pareto"),
    Way("TPE, pruned, prior=shared", "tpe", "pareto", "shared"),
    Way("TPE, no pruning, prior=shared", "tpe", "none", "shared"),
    Way("TPE, no pruning, bound", "tpe", "none", "bound"),
)


@lru_cache
def curves(name: str, seed: int) -> dict[str, list[dict[str, float]]]:
    """The epochs of each network's training with this seed."""
    frame = load(problem(name))
    return {arch_id: rows.to_dict("records") for arch_id, rows in frame[frame["seed"] == seed].groupby("arch_id")}


class Point(NamedTuple):
    """How far a search is."""

    epochs: float
    share: float
    """Of the exhaustive front's hypervolume."""


class Prior(NamedTuple):
    """Which shared weights a guided search has."""

    sets: int
    epochs: int


def replay(what: Problem, way: Way, prior: Prior, seed: int, most: float) -> Iterator[Point]:
    """A point whenever a trial is complete, until so many epochs are spent."""
    known = curves(what.name, seed % 2)
    everything = pd.DataFrame([epochs[-1] for epochs in known.values()])
    reference = {"val_accuracy": 1 / what.space.num_classes, "spikes_per_sample": everything["spikes_per_sample"].max()}
    whole = hypervolume(everything, OBJECTIVES, reference, LOG)
    study = optuna.create_study(
        directions=[objective.optuna_direction for objective in DEFAULT_OBJECTIVES],
        sampler=make_sampler(way.sampler, seed),
        pruner=make_pruner(PrunerSpec(kind=way.pruner), what.recipe.epochs, DEFAULT_OBJECTIVES),
    )
    proposals = ArchProposals(study, what.space, what.recipe, seed=seed, common={})
    spent = 0.0
    if way.prior != "none":
        predictions, spent = predicted(what, prior, seed) if way.prior == "shared" else (bound(what, seed), 0.0)
        proposals.guide = Guide(predictions, DEFAULT_OBJECTIVES, PriorSpec().exploration)
    bridge = TrialBridge(study, proposals, DEFAULT_OBJECTIVES, trials=10**6, max_step=what.recipe.epochs, retries=0)
    complete: list[dict[str, float]] = []
    while spent < most and (config := bridge.next_config("only")) is not None:
        done = begun_at(study, bridge.live["only"].trial)
        for record in known[Arch.from_json(config["arch"]).arch_id]:
            spent += record["epoch"] > done
            if bridge.on_report("only", record) is Verdict.STOP:
                break
        else:
            complete.append(record)
        bridge.on_end("only")
        if complete:
            yield Point(spent, hypervolume(pd.DataFrame(complete), OBJECTIVES, reference, LOG) / whole)


def begun_at(study: optuna.Study, trial: optuna.Trial) -> int:
    """How many epochs it need not train again: those of the pruned trial that it finishes."""
    number = trial.user_attrs.get(RESCUES)
    return 0 if number is None else max(reports(study.get_trials(deepcopy=False)[number]))


def weight_sets(what: Problem, prior: Prior, seed: int) -> list[WeightSet]:
    return [WeightSet(what.name, prior.epochs, 1000 + 10 * seed + number) for number in range(prior.sets)]


def predicted(what: Problem, prior: Prior, seed: int) -> tuple[pd.DataFrame, float]:
    """What shared weights say of all networks, and what that cost in epochs of training one."""
    sets = said(weight_sets(what, prior, seed), workers=1)
    figures = [one.figures.to_dict("index") for one in sets]
    return table(what, lambda arch_id: [one[arch_id] for one in figures]), sum(one.epochs for one in sets)


def bound(what: Problem, seed: int) -> pd.DataFrame:
    """What the other training of each network came to, in the place of predictions."""
    other = curves(what.name, 1 - seed % 2)
    return table(what, lambda arch_id: [{**other[arch_id][-1], SECONDS: 0.0}])


def table(what: Problem, figures: Callable[[str], list[Mapping[str, Any]]]) -> pd.DataFrame:
    rows = [predicted_row(arch, figures(arch.arch_id)) for arch in map(Arch.canonical, what.space.enumerate())]
    return typed(rows, PREDICTED)


# --- the comparison ---------------------------------------------------------------------------------------------------

SHARES = (0.95, 0.99)


def epochs_to(what: Problem, way: Way, prior: Prior, seed: int) -> list[float]:
    """Until each share of the hypervolume; infinite where it never came."""
    exhaustive = float(what.recipe.epochs * what.space.size().networks)
    found = [float("inf")] * len(SHARES)
    for point in replay(what, way, prior, seed, exhaustive):
        found = [
            min(known, point.epochs if point.share >= share else known)
            for known, share in zip(found, SHARES, strict=True)
        ]
        if max(found) < float("inf"):
            break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sets", type=int, default=PriorSpec().seeds)
    parser.add_argument("--epochs", type=int, help="of shared training; half of a trial's unless it is said")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    what = problem("digits")
    prior = Prior(asked.sets, asked.epochs or -(-what.recipe.epochs // 2))
    said((one for seed in range(asked.seeds) for one in weight_sets(what, prior, seed)), asked.workers)
    exhaustive = what.recipe.epochs * what.space.size().networks
    print(f"{what.space.size().networks} networks, {what.recipe.epochs} epochs each: {exhaustive:,} epochs in all\n")
    print("| search | epochs to 95 % | to 99 % | worst of the seeds, 99 % |\n| --- | --- | --- | --- |")
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for way in WAYS:
            found = pool.starmap(epochs_to, [(what, way, prior, seed) for seed in range(asked.seeds)], chunksize=1)
            some, most = ([one[place] for one in found] for place in (0, 1))
            cells = [statistics.median(some), statistics.median(most), max(most)]
            told = " | ".join(f"{value:,.0f} ({100 * value / exhaustive:.1f} %)" for value in cells)
            print(f"| {way.name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
