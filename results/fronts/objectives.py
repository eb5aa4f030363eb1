"""Objectives: the optimised metrics with their directions, and the trials that are eligible for a front."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype, is_object_dtype

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import SHORT_NAMES, Direction, column_of, metric_of

__all__ = [
    "OBJECTIVES",
    "HasTrials",
    "Objectives",
    "check_frame",
    "check_log",
    "check_objectives",
    "complete",
    "eligible",
    "losses",
    "numbers",
    "objectives_of",
    "shared_objectives",
    "trials_of",
]

Objectives = Mapping[str, Direction]

OBJECTIVES: Objectives = MappingProxyType({"val_accuracy": "max", "spikes_per_sample": "min"})


class HasTrials(Protocol):
    """A run: trials that know their objectives."""

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial."""

    @property
    def objectives(self) -> Objectives:
        """The optimised metrics with their directions."""


def trials_of(
    source: pd.DataFrame | HasTrials, objectives: Objectives | None = None
) -> tuple[pd.DataFrame, Objectives]:
    """The frame of a run with the run's objectives, or the frame itself with `OBJECTIVES`; given objectives win.

    Raises `UsageError` for anything else and for invalid objectives.
    """
    if isinstance(source, pd.DataFrame):
        frame, known = source, OBJECTIVES
    elif isinstance(getattr(source, "trials", None), pd.DataFrame):
        frame, known = source.trials, source.objectives
    else:
        raise UsageError(f"trials must be a pandas DataFrame or a run, got {type(source).__name__}")
    chosen = known if objectives is None else objectives
    check_objectives(chosen)
    return frame, chosen


def shared_objectives(several: Sequence[Objectives]) -> Objectives:
    """The objectives that all of these are, in the order of the first. Raises `UsageError` if they differ."""
    first = several[0]
    for other in several[1:]:
        if dict(other) != dict(first):
            both = " and ".join(_listed(each) for each in (first, other))
            raise UsageError(
                f"the runs have different objectives, {both}; add objectives=... to compare them on the same"
            )
    return first


def objectives_of(frame: pd.DataFrame, wanted: Mapping[str, Direction] | Sequence[str]) -> Objectives:
    """Objectives as users write them, with the columns of a frame and their directions.

    wanted: a mapping from columns to directions, or names alone; short names such as `accuracy` are known.
    Raises `UsageError` for fewer than two, a missing or non-numeric column, and a direction that is not known.
    """
    pairs: Mapping[str, Direction | None]
    if isinstance(wanted, str) or not isinstance(wanted, Mapping | Sequence):
        raise UsageError(f"objectives must be two or more metrics, got {wanted!r}")
    pairs = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
    objectives: dict[str, Direction] = {}
    for name, direction in pairs.items():
        column = name if name in frame else column_of(name)
        if column not in frame:
            raise UsageError(
                f"the frame has no column {name!r}{nearest(name, [*map(str, frame.columns), *SHORT_NAMES])}"
            )
        numbers(frame, column)
        chosen = direction or metric_of(column).direction
        if chosen is None:
            raise UsageError(f"the direction of {column} is not known; write {{{column!r}: 'min'}} or 'max'")
        objectives[column] = chosen
    if len(objectives) < 2:
        raise UsageError(f"objectives must be two or more metrics, got {', '.join(objectives) or 'none'}")
    check_objectives(objectives)
    return objectives


def _listed(objectives: Objectives) -> str:
    return "(" + ", ".join(f"{metric} {direction}" for metric, direction in objectives.items()) + ")"


def losses(
    frame: pd.DataFrame | HasTrials, objectives: Objectives | None = None, log: Collection[str] = ()
) -> NDArray[np.float64]:
    """The objectives as losses to be minimised, `[rows, objectives]`: maximised metrics are negated.

    frame: a frame, or a run, which brings its trials and its objectives.
    log: objectives taken on log10. NaN stays NaN; zero becomes infinite, and negative values become NaN.
    Raises `UsageError` for a missing or non-numeric column and for invalid objectives.
    """
    frame, objectives = trials_of(frame, objectives)
    logged = check_log(objectives, log)
    columns = []
    for metric, direction in objectives.items():
        values = numbers(frame, metric)
        if metric in logged:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values)
        columns.append(-values if direction == "max" else values)
    return np.stack(columns, axis=1)


def eligible(frame: pd.DataFrame, objectives: Objectives = OBJECTIVES) -> NDArray[np.bool_]:
    """Which rows are eligible for a front: COMPLETE, if the frame has a column `state`, and no objective is NaN."""
    return complete(frame) & ~np.isnan(losses(frame, objectives)).any(axis=1)


def complete(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which trials are COMPLETE; all of them if the frame has no column `state`. Raises `UsageError` as `numbers`."""
    check_frame(frame)
    if "state" not in frame:
        return np.ones(len(frame), dtype=np.bool_)
    return frame["state"].eq("COMPLETE").to_numpy(dtype=np.bool_, na_value=False)


def numbers(frame: pd.DataFrame, metric: str) -> NDArray[np.float64]:
    """A column as float64 with missing values as NaN.

    Raises `UsageError` if it is missing or not numeric, and for anything but a frame.
    """
    check_frame(frame)
    if metric not in frame:
        raise UsageError(f"the frame has no column {metric!r}{nearest(metric, map(str, frame.columns))}")
    column = frame[metric]
    if not (is_numeric_dtype(column) or is_object_dtype(column)):
        raise UsageError(f"column {metric!r} must contain numbers, got {column.dtype}")
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise UsageError(f"column {metric!r} must contain numbers: {error}") from None


def check_frame(frame: pd.DataFrame) -> None:
    """Raise `UsageError` for anything but a frame of trials."""
    if not isinstance(frame, pd.DataFrame):
        hint = "; a run has them as .trials" if hasattr(frame, "trials") else ""
        raise UsageError(f"trials must be a pandas DataFrame, got {type(frame).__name__}{hint}")


def check_objectives(objectives: Objectives) -> None:
    """Raise `UsageError` unless objectives map at least one metric to 'max' or 'min'."""
    if not isinstance(objectives, Mapping) or not objectives:
        raise UsageError(f"objectives must map at least one metric to 'max' or 'min', got {objectives!r}")
    for metric, direction in objectives.items():
        if direction not in ("max", "min"):
            guess = nearest(direction, ("max", "min"))
            raise UsageError(f"the direction of {metric} must be 'max' or 'min', got {direction!r}{guess}")


def check_log(objectives: Objectives, log: Collection[str]) -> frozenset[str]:
    """The objectives on a logarithmic scale; log may be a single name. Raises `UsageError` for other names."""
    names = [log] if isinstance(log, str) else list(log) if isinstance(log, Iterable) else [log]
    for name in names:
        if name not in objectives:
            raise UsageError(f"log: {name!r} is not an objective{nearest(name, objectives)}")
    return frozenset(names)
