"""Reports of several objectives, and whether to prune: what Optuna's own `Trial` refuses in such studies.

Optuna's intermediate values hold one objective, so reports are kept in the trial's user attributes, `report:<step>`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from optuna.trial import FrozenTrial, Trial

__all__ = ["RECORD", "REPORT", "SECONDS", "report", "report_step", "reports", "should_prune", "steps_of"]

REPORT = "report:"
"""Prefix of the user attributes; the step follows."""
RECORD = "record:"
"""The same for all metrics of a step, a mapping by name."""
SECONDS = ("train_seconds", "evaluation_seconds")
"""Metrics of a step that say how long it took; the first may stand alone."""


def report(trial: Trial, values: Sequence[float], step: int, *, seconds: float | None = None) -> None:
    """Write a trial's objective values after a step (counted from 1), in the order of the study's directions.

    seconds: how long the step took, for samplers that choose by cost.

    A step that is reported twice keeps its first values. NaN is allowed and counts as worse than any number. Raises
    `ValueError` for a wrong number of values or a step below 1, `TypeError` for values that are not numbers.
    """
    expected = len(trial.study.directions)
    if not isinstance(values, Iterable) or not all(hasattr(value, "__float__") for value in values):
        raise TypeError(f"values must be numbers, one for each objective, got {values!r}")
    numbers = [float(value) for value in values]
    if len(numbers) != expected:
        raise ValueError(f"the study has {expected} objectives, got {len(numbers)} values")
    if isinstance(step, bool) or not hasattr(step, "__float__") or not float(step).is_integer() or step < 1:
        raise ValueError(f"a step must be a whole number of at least 1, got {step!r}")
    if seconds is not None:
        _write_seconds(trial, int(step), seconds)
    key = f"{REPORT}{int(step)}"
    if key not in trial.user_attrs:
        trial.set_user_attr(key, numbers)


def _write_seconds(trial: Trial, step: int, seconds: float) -> None:
    if not 0 <= float(seconds) < math.inf:
        raise ValueError(f"seconds must be a number of at least 0, got {seconds!r}")
    key = f"{RECORD}{step}"
    if key not in trial.user_attrs:
        trial.set_user_attr(key, {SECONDS[0]: float(seconds)})


def should_prune(trial: Trial) -> bool:
    """Ask the study's pruner whether to stop a trial that has just reported."""
    return trial.study.pruner.prune(trial.study, trial.storage.get_trial(trial._trial_id))


def reports(trial: Trial | FrozenTrial) -> dict[int, list[float]]:
    """The objective values that a trial has reported, by step in ascending order."""
    attributes = trial.user_attrs
    return {step: attributes[f"{REPORT}{step}"] for step in steps_of(attributes)}


def steps_of(attributes: Iterable[str]) -> list[int]:
    """The steps of all reports among user attributes, in ascending order; other attributes are ignored."""
    return sorted(
        report_step(name) for name in attributes if name.startswith(REPORT) and name[len(REPORT) :].isdecimal()
    )


def report_step(name: str) -> int:
    """The step of the user attribute that holds a report."""
    return int(name[len(REPORT) :])
