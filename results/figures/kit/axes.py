"""Metrics as axes: their labels, units and scales."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.results.fronts.objectives import numbers

__all__ = ["Axis", "axis_of", "drawable", "plain", "reference_text", "round_ticks", "value_text"]

_LABELS = {
    "val_accuracy": "validation accuracy",
    "train_accuracy": "training accuracy",
    "val_loss": "validation loss",
    "train_loss": "training loss",
    "spikes_per_sample": "spikes per sample",
    "stream_spikes_per_sample": "stream spikes per sample",
    "synops_per_sample": "synaptic operations per sample",
    "macs_per_sample": "multiply-adds per sample",
    "energy_pj_per_sample": "energy per sample (pJ)",
    "firing_rate": "firing rate",
    "params_count": "parameters",
    "train_seconds": "training time (s)",
    "evaluation_seconds": "evaluation time (s)",
    "peak_memory_mib": "peak memory (MiB)",
}
_SHORT = {
    "energy_pj_per_sample": "energy (pJ)",
    "macs_per_sample": "multiply-adds",
    "params_count": "parameters",
    "synops_per_sample": "synops",
}
_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 9.0))
_LOGARITHMIC = ("_per_sample", "_count", "_seconds")


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
    share = metric.endswith("accuracy") or metric == "firing_rate"
    label = _label(metric)
    values = numbers(trials, metric)
    positive = values[np.isfinite(values) & (values > 0)]
    log = metric.endswith(_LOGARITHMIC) and len(positive) > 0
    decades = float(np.log10(positive.max() / positive.min())) if log else 0.0
    return Axis(metric, f"{label} (%)" if share else label, log, share, decades)


def _label(metric: str) -> str:
    if metric.startswith("test_"):
        measured = metric.removeprefix("test_")
        return f"{_LABELS.get(measured, measured.replace('_', ' '))} on the test set"
    return _LABELS.get(metric, metric.replace("_", " "))


def drawable(trials: pd.DataFrame, axes: Iterable[Axis]) -> NDArray[np.bool_]:
    """Which trials have a place on all axes: finite numbers, above zero on a logarithm."""
    places = np.ones(len(trials), dtype=np.bool_)
    for axis in axes:
        values = numbers(trials, axis.metric)
        places &= np.isfinite(values) & ((values > 0) | (not axis.log))
    return places


def plain(metric: str) -> str:
    """A metric as one says it: `accuracy`, `spikes`."""
    return _SHORT.get(metric, metric.removeprefix("val_").removesuffix("_per_sample").replace("_", " "))


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


def value_text(metric: str, value: float) -> str:
    """A value as its metric wants it.

    >>> value_text("val_accuracy", 0.9123), value_text("spikes_per_sample", 12345.6), value_text("val_loss", 0.51234)
    ('91.23 %', '12,346', '0.5123')
    >>> value_text("spikes_per_sample", 580.3), value_text("spikes_per_sample", 12.34)
    ('580', '12.34')
    """
    if pd.isna(value):
        return "unknown"
    if metric.endswith("accuracy") or metric == "firing_rate":
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value, 0) else f"{value:.4g}"


def reference_text(reference: dict[str, float]) -> str:
    """A reference point in words."""
    return ", ".join(
        f"{_LABELS.get(metric, metric.replace('_', ' '))} {value_text(metric, value)}"
        for metric, value in reference.items()
    )
