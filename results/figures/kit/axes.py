"""Metrics as axes of figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.measures.metrics import metric_of
from xoresnet.results.fronts.objectives import numbers

__all__ = ["Axis", "axis_of", "drawable", "reference_text", "round_ticks", "time_unit", "value_text"]

_TIME_UNITS = (("s", 1.0, 300.0), ("min", 60.0, 300 * 60.0), ("h", 3600.0, np.inf))
_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 9.0))


class Axis(NamedTuple):
    """One axis of a figure."""

    metric: str
    label: str
    """With its unit; shares are labelled in %."""
    log: bool
    share: bool
    """Whether values are shares, written in percent."""
    decades: float
    """The number of decades from the lowest to the highest value; 0 on a linear scale."""


def axis_of(metric: str, trials: pd.DataFrame) -> Axis:
    """The axis of a metric. Amounts are on a logarithmic scale if any trial has a value above zero."""
    known = metric_of(metric)
    values = numbers(trials, metric)
    positive = values[np.isfinite(values) & (values > 0)]
    log = known.log and len(positive) > 0
    decades = float(np.log10(positive.max() / positive.min())) if log else 0.0
    return Axis(metric, known.axis_label, log, known.share, decades)


def drawable(trials: pd.DataFrame, axes: Iterable[Axis]) -> NDArray[np.bool_]:
    """Which trials can be drawn on all axes: their values are finite, and above zero on logarithmic axes."""
    places = np.ones(len(trials), dtype=np.bool_)
    for axis in axes:
        values = numbers(trials, axis.metric)
        places &= np.isfinite(values) & ((values > 0) | (not axis.log))
    return places


def round_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two bounds of a logarithmic axis: at least three, if there are so many.

    >>> round_ticks(0.4, 6)
    [0.5, 1.0, 2.0, 5.0]
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for steps in _STEPS:
        ticks = [round(step * 10.0**power, 12) for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks


def time_unit(longest: float) -> tuple[str, float]:
    """The unit of a time axis whose longest value is given in seconds, and its length in seconds.

    >>> time_unit(120.0), time_unit(7200.0)
    (('s', 1.0), ('min', 60.0))
    """
    return next((unit, size) for unit, size, most in _TIME_UNITS if not longest > most)  # NaN: seconds


def value_text(metric: str, value: Any) -> str:
    """The text of a value from a frame; `unknown` for missing values (NaN, NA, None)."""
    return metric_of(metric).text(math.nan if pd.isna(value) else float(value))


def reference_text(reference: dict[str, float]) -> str:
    """A reference point as text: `validation accuracy 8.00 %, spikes per sample 12,000`."""
    return ", ".join(f"{metric_of(name).long_heading} {value_text(name, value)}" for name, value in reference.items())
