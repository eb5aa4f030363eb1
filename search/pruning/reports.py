"""Reports of several objectives, and the question whether to prune: what Optuna's `Trial` refuses in such studies.

Optuna's intermediate values take one objective, so reports are kept in the trial's user attributes, `report:<step>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optuna.trial import FrozenTrial, Trial

from xoresnet.search.study.attributes import REPORT, reported

__all__ = ["report", "reports", "should_prune"]


def report(trial: Trial, values: Sequence[float], step: int) -> None:
    """Write down a trial's objective values after a step (counted from 1), in the order of the study's directions.

    A step that was reported already keeps its first values. NaN may be reported: it is worse than any number. Raises
    ValueError for a wrong number of values or a step below 1, TypeError for what is no number.
    """
    expected = len(trial.study.directions)
    if not isinstance(values, Iterable) or not all(hasattr(value, "__float__") for value in values):
        raise TypeError(f"values must be numbers, one for each objective, got {values!r}")
    numbers = [float(value) for value in values]
    if len(numbers) != expected:
        raise ValueError(f"the study has {expected} objectives, got {len(numbers)} values")
    if isinstance(step, bool) or not hasattr(step, "__float__") or not float(step).is_integer() or step < 1:
        raise ValueError(f"a step is a whole number of at least 1, got {step!r}")
    key = f"{REPORT}{int(step)}"
    if key not in trial.user_attrs:
        trial.set_user_attr(key, numbers)


def should_prune(trial: Trial) -> bool:
    """Ask the study's pruner about a trial that has just reported."""
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    return trial.study.pruner.prune(trial.study, frozen)


def reports(trial: Trial | FrozenTrial) -> dict[int, list[float]]:
    """The objective values of each step that a trial has reported, in ascending order."""
    return reported(trial.user_attrs)
