"""One trial of a run, by what it is good at."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from xoresnet.results.tables.loading import Run

__all__ = ["PICKS", "pick"]

PICKS = "knee, best-accuracy, max-spikes=N, min-accuracy=X, or a trial's or network's id"


def pick(run: Run, wanted: str, *, any_state: bool = False, names: Collection[str] = ()) -> pd.Series[Any]:
    """The complete trial that is meant; any_state: an id may be of a pruned or failed one. Raises `UsageError`.

    names: what else could have been meant, and was not.
    """
    from xoresnet.results.fronts.selection import best, knee

    key, _, value = wanted.partition("=")
    try:
        match key:
            case "knee":
                return knee(run.front, run.objectives)
            case "best-accuracy":
                return best(run.trials, "val_accuracy")
            case "max-spikes":
                return best(run.trials, max_spikes=_number(wanted, value))
            case "min-accuracy":
                return best(run.trials, min_accuracy=_number(wanted, value))
    except ValueError as error:
        raise UsageError(str(error)) from None
    return _by_id(run, wanted, names, any_state=any_state)


def _number(wanted: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--pick {wanted}: {value!r} is no number") from None


def _by_id(run: Run, wanted: str, names: Collection[str], *, any_state: bool) -> pd.Series[Any]:
    trials = run.trials
    rows = trials[(trials["trial_id"].astype(str) == wanted) | (trials["arch_id"] == wanted)]
    if rows.empty:
        known = ("knee", "best-accuracy", "max-spikes=", "min-accuracy=", *names)
        hint = nearest(wanted.partition("=")[0], known) or f"; it may be {', '.join([PICKS, *names])}"
        raise UsageError(f"--pick {wanted}: {run.name} has no such trial{hint}")
    complete = rows[rows["state"] == "COMPLETE"]
    if len(complete) > 1:  # trained with several recipes
        numbers = ", ".join(map(str, complete["trial_id"]))
        raise UsageError(f"--pick {wanted}: that is the network of trials {numbers}: name one of them")
    if complete.empty and any_state:
        return rows.iloc[-1]
    if complete.empty:
        state = rows["state"].iloc[-1]
        raise UsageError(f"--pick {wanted}: the trial is {state}, and only COMPLETE ones have weights")
    return complete.iloc[-1]
