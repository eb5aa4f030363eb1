"""Savings of a search guided by shared weights: epochs until 95 % and 99 % of the hypervolume of the exhaustive front.

    python benchmarks/truth.py digits
    python benchmarks/shared_search.py [--seeds 10] [--sets 1] [--epochs 6] [--workers 2]

Searches are replayed with the proposals, bridge, sampler, pruner and guide of `xoresnet search`; a trial reports what
its network reported when it was trained alone (`truth.py`). Trials run one at a time. Searches with even seeds see the
first training of each network, the others the second; each is measured against the front of the same trainings. Shared
weights are trained for every seed, and a search is charged with their epochs. The bound shows what the same guide would
save with predictions that are free and agree with the truth as well as a second training of each network. The
hypervolume is computed from accuracy above chance and decades of spikes below the maximum over all networks.
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
from predictions import WeightSet, predict_all
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
from xoresnet.search.sources.guide import Guide
from xoresnet.search.sources.proposals import ArchProposals
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
    """The epochs of each training with this seed, by network."""
    frame = load(problem(name))
    return {arch_id: rows.to_dict("records") for arch_id, rows in frame[frame["seed"] == seed].groupby("arch_id")}


class Point(NamedTuple):
    """The progress of a search."""

    epochs: float
    share: float
    """Share of the hypervolume of the exhaustive front."""


class Prior(NamedTuple):
    """The shared weights of a guided search."""

    sets: int
    epochs: int


def replay(what: Problem, way: Way, prior: Prior, seed: int, most: float) -> Iterator[Point]:
    """Yield a point after each trial, from the first complete one, until `most` epochs are spent."""
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
    """The epochs that a trial need not repeat: those of the pruned trial that it finishes."""
    number = trial.user_attrs.get(RESCUES)
    return 0 if number is None else max(reports(study.get_trials(deepcopy=False)[number]))


def weight_sets(what: Problem, prior: Prior, seed: int) -> list[WeightSet]:
    return [WeightSet(what.name, prior.epochs, 1000 + 10 * seed + number) for number in range(prior.sets)]


def predicted(what: Problem, prior: Prior, seed: int) -> tuple[pd.DataFrame, float]:
    """Predictions of shared weights for all networks, and their cost in epochs of training one network."""
    sets = predict_all(weight_sets(what, prior, seed), workers=1)
    figures = [predictions.figures.to_dict("index") for predictions in sets]
    cost = sum(predictions.epochs for predictions in sets)
    return table(what, lambda arch_id: [by_network[arch_id] for by_network in figures]), cost


def bound(what: Problem, seed: int) -> pd.DataFrame:
    """The results of the other training of each network, in place of predictions."""
    other = curves(what.name, 1 - seed % 2)
    return table(what, lambda arch_id: [{**other[arch_id][-1], SECONDS: 0.0}])


def table(what: Problem, figures: Callable[[str], list[Mapping[str, Any]]]) -> pd.DataFrame:
    rows = [predicted_row(arch, figures(arch.arch_id)) for arch in map(Arch.canonical, what.space.enumerate())]
    return typed(rows, PREDICTED)


# --- the comparison ---------------------------------------------------------------------------------------------------

SHARES = (0.95, 0.99)


def epochs_to(what: Problem, way: Way, prior: Prior, seed: int) -> list[float]:
    """The epochs until each share of the hypervolume; infinite if it is never reached."""
    exhaustive = float(what.recipe.epochs * what.space.size().networks)
    needed = [float("inf")] * len(SHARES)
    for point in replay(what, way, prior, seed, exhaustive):
        needed = [
            min(known, point.epochs if point.share >= share else known)
            for known, share in zip(needed, SHARES, strict=True)
        ]
        if max(needed) < float("inf"):
            break
    return needed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sets", type=int, default=PriorSpec().seeds)
    parser.add_argument("--epochs", type=int, help="epochs of shared training; default: half of those of a trial")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    what = problem("digits")
    prior = Prior(arguments.sets, arguments.epochs or -(-what.recipe.epochs // 2))
    predict_all(
        (weights for seed in range(arguments.seeds) for weights in weight_sets(what, prior, seed)), arguments.workers
    )
    exhaustive = what.recipe.epochs * what.space.size().networks
    print(f"{what.space.size().networks} networks, {what.recipe.epochs} epochs each: {exhaustive:,} epochs in all\n")
    print("| search | epochs to 95 % | to 99 % | worst of the seeds, 99 % |\n| --- | --- | --- | --- |")
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        for way in WAYS:
            rows = pool.starmap(epochs_to, [(what, way, prior, seed) for seed in range(arguments.seeds)], chunksize=1)
            some, most = zip(*rows, strict=True)
            cells = [statistics.median(some), statistics.median(most), max(most)]
            shown = " | ".join(f"{value:,.0f} ({100 * value / exhaustive:.1f} %)" for value in cells)
            print(f"| {way.name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
