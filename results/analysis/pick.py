"""Picking one network of a run by a criterion or an id."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pandas as pd

from xoresnet.description.schema import nearest
from xoresnet.errors import RunError, UsageError
from xoresnet.results.analysis.leading import Leading, leading, search_figures, with_confirmed
from xoresnet.results.fronts.selection import best, knee
from xoresnet.results.tables.loading import RunTables

__all__ = ["PICKS", "pick"]

_LIMITS = ("max-spikes", "min-accuracy")

PICKS = "knee, best-accuracy, max-spikes=N, min-accuracy=X, or the id of a trial or network"
"""The values of `pick`, for help texts and messages."""


def pick(
    run: RunTables, wanted: str, *, any_state: bool = False, names: Collection[str] = (), by_search: bool = False
) -> pd.Series[Any]:
    """The network that a pick means, as a row of `leading(run).candidates`; the forms of picks are in `PICKS`.

    Criteria are applied to the figures that lead: the confirmed means, once the whole front is confirmed. If none of
    the confirmed networks is within a limit, the row is that of a trial that was not confirmed (`seeds` 0). `trial_id`
    is missing for a known network that was confirmed and that the search did not try. Ids mean trials of the search.

    by_search: whether the search's figures count in any case. any_state: whether an id may mean a pruned or failed
    trial if no complete trial has it. names: further values that the caller accepts, for messages. Raises `UsageError`
    if the run has no such trial or if several trials are meant, and `RunError` if no trial meets the criterion or the
    trial is not complete.
    """
    key, _, value = wanted.partition("=")
    if key not in _LIMITS and wanted not in ("knee", "best-accuracy"):
        return _by_id(run, wanted, names, any_state=any_state)
    limit = _number(wanted, value) if key in _LIMITS else 0.0
    lead = search_figures(run) if by_search else leading(run)
    try:
        return _by_criterion(lead, key, limit)
    except UsageError as error:  # the request is in order, but no network with these figures meets it
        with suppress(UsageError):
            return _by_criterion(_unconfirmed(run), key, limit)
        raise RunError(str(error)) from None


def _unconfirmed(run: RunTables) -> Leading:
    """The trials of which the search's figures are all that is known."""
    single = search_figures(run)
    return replace(single, candidates=single.candidates[single.candidates["seeds"] == 0])


def _by_criterion(lead: Leading, key: str, limit: float) -> pd.Series[Any]:
    """Raises `UsageError` if no candidate meets it."""
    accuracy, spikes = lead.column("accuracy"), lead.column("spikes")
    match key:
        case "knee":
            return knee(lead.front, lead.objectives)
        case "max-spikes":
            return best(lead.candidates, accuracy, "max", **{f"max_{spikes}": limit})
        case "min-accuracy":
            return best(lead.candidates, spikes, "min", **{f"min_{accuracy}": limit})
    return best(lead.candidates, accuracy, "max")


def _number(wanted: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"pick {wanted}: {value!r} is not a number") from None


def _by_id(run: RunTables, wanted: str, names: Collection[str], *, any_state: bool) -> pd.Series[Any]:
    trials = with_confirmed(run)
    rows = trials[(trials["trial_id"].astype(str) == wanted) | (trials["arch_id"] == wanted)]
    if rows.empty:
        known = ("knee", "best-accuracy", "max-spikes=", "min-accuracy=", *names)
        hint = nearest(wanted.partition("=")[0], known) or f"; choose {', '.join([*names, PICKS])}"
        if wanted.isdecimal():
            raise UsageError(f"pick {wanted}: {run.name} has no such trial{hint}")
        raise UsageError(f"pick: {wanted!r} is neither a criterion nor a network of {run.name}{hint}")
    complete = rows[rows["state"] == "COMPLETE"]
    if len(complete) > 1:  # trained with several recipes
        numbers = ", ".join(map(str, complete["trial_id"]))
        raise UsageError(f"pick {wanted}: several trials have this network; choose one of {numbers}")
    if complete.empty and not any_state:
        state = rows["state"].iloc[-1]
        raise RunError(f"pick {wanted}: this trial is {state}; only COMPLETE trials can be picked")
    return rows.iloc[-1] if complete.empty else complete.iloc[-1]
