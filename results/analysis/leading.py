"""Which figures of a run lead: its confirmed ones, once the whole front of the search is confirmed.

from xoresnet.results import load
from xoresnet.results.analysis.leading import leading

lead = leading(load("runs/digits"))
lead.front, lead.objectives, lead.is_confirmed  # what headlines, tables, knees and picks show
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import Direction, Metric, column_of, metric_of
from xoresnet.results.analysis.confirmation import confirmed_metric, confirmed_networks, confirmed_objectives
from xoresnet.results.fronts.objectives import Objectives, eligible
from xoresnet.results.fronts.pareto import pareto_front
from xoresnet.results.fronts.selection import best, knee
from xoresnet.results.tables.columns import TRIALS
from xoresnet.results.tables.loading import RunTables

__all__ = ["Leading", "leading", "leading_best", "leading_knee", "search_figures", "with_confirmed"]

_BUDGET = "config.recipe.epochs"


@dataclass(frozen=True)
class Leading:
    """The figures of a run that lead, and the front that they form."""

    front: pd.DataFrame
    """One row per network that no other candidate dominates, best in the last objective first."""
    objectives: Objectives
    """The columns of `front` and `candidates` that lead, with their directions: the confirmed means
    (`test_accuracy_mean`, ...) or the objectives of the search."""
    is_confirmed: bool
    """Whether the confirmed figures lead; otherwise those of the search's single trainings do."""
    covered: int
    """How many networks of the search's front are confirmed."""
    total: int
    """How many networks the search's front has."""
    candidates: pd.DataFrame
    """All networks that may be picked by these figures: the confirmed ones, or all trials of the search. Only rows
    whose `state` is COMPLETE count."""

    def metric(self, column: str) -> Metric:
        """What a column of `front` measures: `accuracy on the test set` for `test_accuracy_mean`."""
        return metric_of(column.removesuffix("_mean"))

    def column(self, metric: str) -> str:
        """The leading column of a metric of the search: `test_accuracy_mean` or `val_accuracy`, for example.

        metric: a column of `run.trials`, or a short name such as `accuracy`. A metric without a confirmed mean is its
        own column.
        """
        name = column_of(metric)
        confirmed = f"{confirmed_metric(name)}_mean"
        return confirmed if self.is_confirmed and confirmed in self.front else name


def search_figures(run: RunTables) -> Leading:
    """The figures of the search's single trainings, whether confirmed ones lead or not; otherwise as `leading`."""
    trials = with_confirmed(run)
    front = pareto_front(trials, run.objectives)
    return Leading(front, run.objectives, False, int(front["seeds"].gt(0).sum()), len(front), trials)


def leading(run: RunTables) -> Leading:
    """The figures that lead in a run.

    The confirmed means lead if every network of the search's front has a completed confirmed training of at least as
    many epochs as in the search. Until then, and where nothing is confirmed, the single trainings of the search lead.

    Both frames have the columns of `run.trials`, with the search's figures, and beside them `seeds`, the number of
    completed confirmed trainings (0 for none), and `<metric>_mean` and `<metric>_std`, as `confirmed_networks` has
    them; NaN for networks that were not confirmed, and `_std` also for a single seed. Where the confirmed figures lead,
    `state` is that of the confirmation, the search's figures are NaN for networks that it did not train to the end,
    and `trial_id` is missing for baselines that it did not try.
    """
    single = search_figures(run)
    if not single.covered or single.covered < single.total:
        return single
    candidates, objectives = _candidates(run, _confirmed(run)), confirmed_objectives(run.objectives)
    return Leading(pareto_front(candidates, objectives), objectives, True, single.covered, single.total, candidates)


def leading_knee(run: RunTables, lead: Leading | None = None, log: Collection[str] | None = None) -> pd.Series[Any]:
    """The knee of the leading front, a row of it. lead: what `leading(run)` returned, where it is known already.

    log: objectives of the run that are taken on log10; by default the spikes. Raises `UsageError` as `knee`.
    """
    lead = lead or leading(run)
    names = [log] if isinstance(log, str) else log
    return knee(lead.front, lead.objectives, None if names is None else [lead.column(name) for name in names])


def leading_best(
    run: RunTables, metric: str | None = None, direction: Direction | None = None, **limits: float
) -> pd.Series[Any]:
    """As `best`, where metrics mean their confirmed means if those lead. Returns a row of `leading(run).candidates`."""
    lead = leading(run)
    if not lead.is_confirmed:
        return best(run.trials, metric, direction, **limits)
    sides = {name: name.partition("_") for name in limits}
    if metric is None:
        fewest = [(side, column_of(of)) for side, _, of in sides.values()] == [("min", "val_accuracy")]
        metric = "spikes" if fewest else "accuracy"
    bounds = {f"{side}_{lead.column(of)}" if of else name: limits[name] for name, (side, _, of) in sides.items()}
    chosen = direction or metric_of(column_of(metric)).direction
    return best(lead.candidates, lead.column(metric), chosen, **bounds)


def with_confirmed(run: RunTables) -> pd.DataFrame:
    """`run.trials` with the columns `seeds`, `<metric>_mean` and `<metric>_std` of the confirmation beside its own."""
    return _joined(run.trials, _confirmed(run))


def _confirmed(run: RunTables) -> pd.DataFrame:
    """The networks whose confirmation counts: completed, and trained at least as long as in the search."""
    networks = confirmed_networks(run)
    budgets = networks[["trial_id"]].merge(
        run.trials[["trial_id", _BUDGET]].astype({"trial_id": "Int64"}), on="trial_id", how="left"
    )[_BUDGET]
    shorter = (networks[_BUDGET] < budgets.to_numpy()).fillna(False)
    return networks[eligible(networks, confirmed_objectives(run.objectives)) & ~shorter.to_numpy(dtype=bool)]


def _joined(trials: pd.DataFrame, confirmed: pd.DataFrame) -> pd.DataFrame:
    """The index and order of the trials are kept."""
    columns = ["seeds", *(name for name in confirmed.columns if name.endswith(("_mean", "_std")))]
    of_trials = confirmed[confirmed["trial_id"].notna()].set_index("trial_id")[columns]
    beside = of_trials.reindex(trials["trial_id"]).set_axis(trials.index)
    return pd.concat([trials, beside.assign(seeds=beside["seeds"].fillna(0).astype("int64"))], axis=1)


def _candidates(run: RunTables, confirmed: pd.DataFrame) -> pd.DataFrame:
    """The confirmed networks, with what the search measured of them."""
    figures = [name for name, kind in TRIALS.items() if kind == "float64" and not name.startswith("config.")]
    trials = run.trials[run.trials["trial_id"].isin(confirmed["trial_id"].dropna())].astype({"trial_id": "Int64"})
    complete = trials["state"] == "COMPLETE"
    trials = trials.assign(**{name: trials[name].where(complete) for name in figures}, state="COMPLETE")
    joined = _joined(trials.astype({"state": "str"}), confirmed)
    alone = confirmed[confirmed["trial_id"].isna()].drop(columns=["source", *run.objectives])
    rows = run.confirmed[run.confirmed["trial_id"].isna()].drop_duplicates("arch_id")
    described = rows[["arch_id", "source", "params_count"]].merge(alone, on="arch_id", how="right")
    untried = described.assign(state="COMPLETE", epochs_trained=0, is_pareto=False)
    return pd.concat([joined, untried.reindex(columns=joined.columns).astype(joined.dtypes)], ignore_index=True)
