"""Picking one trial of a run by a criterion or an id."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from xoresnet.description.schema import nearest
from xoresnet.errors import RunError, UsageError
from xoresnet.results.fronts.selection import best, knee
from xoresnet.results.tables.loading import Run

__all__ = ["PICKS", "pick"]

PICKS = "knee, best-accuracy, max-spikes=N, min-accuracy=X, or the id of a trial or network"
"""The values of `pick`, for help texts and messages."""


def pick(run: Run, wanted: str, *, any_state: bool = False, names: Collection[str] = ()) -> pd.Series[Any]:
    """The row of `run.trials` that a pick means; the forms of picks are in `PICKS`.

    any_state: whether an id may mean a pruned or failed trial if no complete trial has it. names: further values that
    the caller accepts, for messages. Raises `UsageError` if the run has no such trial or if several trials are meant,
    and `RunError` if no trial meets the criterion or the trial is not complete.
    """
    key, _, value = wanted.partition("=")
    limit = _number(wanted, value) if key in ("max-spikes", "min-accuracy") else 0.0
    try:
        match key:
            case "knee":
                return knee(run.front, run.objectives)
            case "best-accuracy":
                return best(run.trials, "val_accuracy")
            case "max-spikes":
                return best(run.trials, max_spikes=limit)
            case "min-accuracy":
                return best(run.trials, min_accuracy=limit)
    except UsageError as error:  # the request is in order, but no trial of this run meets it
        raise RunError(str(error)) from None
    return _by_id(run, wanted, names, any_state=any_state)


def _number(wanted: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"pick {wanted}: {value!r} is not a number") from None


def _by_id(run: Run, wanted: str, names: Collection[str], *, any_state: bool) -> pd.Series[Any]:
    trials = run.trials
    rows = trials[(trials["trial_id"].astype(str) == wanted) | (trials["arch_id"] == wanted)]
    if rows.empty:
        known = ("knee", "best-accuracy", "max-spikes=", "min-accuracy=", *names)
        hint = nearest(wanted.partition("=")[0], known) or f"; choose {', '.join([*names, PICKS])}"
        raise UsageError(f"pick {wanted}: {run.name} has no such trial{hint}")
    complete = rows[rows["state"] == "COMPLETE"]
    if len(complete) > 1:  # trained with several recipes
        numbers = ", ".join(map(str, complete["trial_id"]))
        raise UsageError(f"pick {wanted}: several trials have this network; choose one of {numbers}")
    if complete.empty and not any_state:
        state = rows["state"].iloc[-1]
        raise RunError(f"pick {wanted}: this trial is {state}; only COMPLETE trials can be picked")
    return rows.iloc[-1] if complete.empty else complete.iloc[-1]
