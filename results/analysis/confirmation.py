"""Results of a confirmation: mean and spread of each network over its seeds, and agreement with the search's ranking.

from xoresnet.results import confirmed_networks, load, ranking_kept

run = load("runs/digits")
networks = confirmed_networks(run)
ranking_kept(networks, run.objectives)  # {"val_accuracy": 0.8, "spikes_per_sample": 0.95}
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import Direction
from xoresnet.results.fronts.objectives import Objectives, numbers
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.fronts.ranks import kendall
from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.results.tables.loading import RunTables

__all__ = ["confirmed_metric", "confirmed_networks", "confirmed_objectives", "ranking_kept"]

_KEY = ["trial_id", "arch_id", "config.recipe.epochs"]
_SEED = "config.recipe.seed"
_MEASURED = [name for name in CONFIRMED if name.startswith("test_")]


def confirmed_metric(metric: str) -> str:
    """The column that confirms a metric of the search: measured on the test images, if there is such a column."""
    on_test = f"test_{metric.removeprefix('val_')}"
    return on_test if on_test in CONFIRMED else metric


def confirmed_objectives(objectives: Objectives) -> Mapping[str, Direction]:
    """The objectives of the search as columns of `confirmed_networks`."""
    return {f"{confirmed_metric(metric)}_mean": direction for metric, direction in objectives.items()}


def confirmed_networks(run: RunTables) -> pd.DataFrame:
    """One row per confirmed network, best in the last objective first.

    `seeds` and `failed`: the numbers of completed and failed trainings. `<name>_mean` and `<name>_std`: the mean and
    the sample standard deviation over the seeds, NaN for a single seed, of each `test_*` metric and each objective; NaN
    also for an objective that trainings do not measure, such as a column that was added to `trials`. Columns named
    like the objectives contain the results of the search, NaN if the search did not complete the network. `is_pareto`:
    whether no other network dominates it in the means. `weights`: the folder of the best seed's weights, relative to
    the run. `config.*`: network and recipe. Of a network that was confirmed with several budgets, only the largest
    budget with a completed training is included.
    """
    measured = list(dict.fromkeys([*_MEASURED, *map(confirmed_metric, run.objectives)]))
    frame = run.confirmed[run.confirmed["state"].isin(["COMPLETE", "FAIL"])]
    unmeasured = {name: math.nan for name in measured if name not in frame}  # columns that users added to the trials
    frame = frame.assign(ended_well=frame["state"].eq("COMPLETE"), **unmeasured)
    complete = frame["ended_well"]
    figures = frame.assign(**{name: frame[name].astype("float64").where(complete) for name in measured})
    groups = figures.groupby(_KEY, dropna=False, sort=False)
    config = [name for name in frame.columns if name.startswith("config.") and name not in (*_KEY, _SEED)]
    table = pd.concat(
        [
            groups[["source", *config]].first(),
            groups["weights"].first(),  # kept for one seed at most
            groups["ended_well"].agg(seeds="sum", failed=lambda ended: int((~ended).sum())),
            groups[measured].mean().add_suffix("_mean"),
            groups[measured].std().add_suffix("_std"),
        ],
        axis=1,
    ).reset_index()
    table = table.assign(completed=table["seeds"] > 0).sort_values(["completed", "config.recipe.epochs"])
    table = table.drop_duplicates(_KEY[:2], keep="last").drop(columns="completed")
    table = table.merge(_searched(run), on="trial_id", how="left")
    objectives = confirmed_objectives(run.objectives)
    table["is_pareto"] = is_pareto(table, objectives)
    last, direction = list(objectives.items())[-1]
    return table.sort_values(last, ascending=direction == "min", kind="stable").reset_index(drop=True)


def ranking_kept(networks: pd.DataFrame, objectives: Objectives) -> dict[str, float]:
    """Kendall's tau-b between the results of the search and of the confirmation, by objective; 1 for the same order.

    networks: the frame that `confirmed_networks` returns. NaN for fewer than two networks and if all values are equal.
    """
    taus = {}
    for metric in objectives:
        pairs = np.stack([numbers(networks, metric), numbers(networks, f"{confirmed_metric(metric)}_mean")])
        taus[metric] = kendall(*pairs[:, ~np.isnan(pairs).any(axis=0)])
    return taus


def _searched(run: RunTables) -> pd.DataFrame:
    complete = run.trials[run.trials["state"] == "COMPLETE"]
    return complete[["trial_id", *run.objectives]].astype({"trial_id": "Int64"})
