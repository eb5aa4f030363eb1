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

__all__ = ["Axis", "axis_of", "drawable", "reference_text", "round_ticks", "value_text"]

_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 9.0))


class Axis(NamedTuple):
    """One axis of a figure."""

    metric: str
    label: str
    """With its unit; shares are in %."""
    log: bool
    share: bool
    """Whether 0.9 is written as 90 %."""
    decades: float
    """From the lowest to the highest value, on a logarithm; 0 on others."""


def axis_of(metric: str, trials: pd.DataFrame) -> Axis:
    """How a metric is drawn. Amounts are on a logarithm as soon as any trial has one above zero."""
    known = metric_of(metric)
    values = numbers(trials, metric)
    positive = values[np.isfinite(values) & (values > 0)]
    log = known.log and len(positive) > 0
    decades = float(np.log10(positive.max() / positive.min())) if log else 0.0
    return Axis(metric, known.axis_label, log, known.share, decades)


def drawable(trials: pd.DataFrame, axes: Iterable[Axis]) -> NDArray[np.bool_]:
    """Which trials have a place on all axes: finite numbers, above zero on a logarithm."""
    places = np.ones(len(trials), dtype=np.bool_)
    for axis in axes:
        values = numbers(trials, axis.metric)
        places &= np.isfinite(values) & ((values > 0) | (not axis.log))
    return places


def round_ticks(low: float, high: float) -> list[float]:
    """Round factors between two, on a logarithm: as many as are easily read.

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


def value_text(metric: str, value: Any) -> str:
    """A value from a frame in words; `unknown` where it is missing, be it NaN, NA or None."""
    return metric_of(metric).text(math.nan if pd.isna(value) else float(value))


def reference_text(reference: dict[str, float]) -> str:
    """A reference point in words."""
    return ", ".join(f"{metric_of(name).long_heading} {value_text(name, value)}" for name, value in reference.items())
