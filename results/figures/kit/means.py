"""Means over the seeds of confirmed networks, as axes and as texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.confirmation import confirmed_metric
from xoresnet.results.figures.kit.axes import Axis, axis_of, value_text
from xoresnet.results.figures.kit.networks import hover_texts

__all__ = ["mean_axis", "mean_hovers"]


def mean_axis(metric: str, networks: pd.DataFrame, beside: Iterable[float] = ()) -> Axis:
    """The axis of the means of a metric of the search, labelled with the metric that was measured.

    networks: with a column `<metric>_mean`. beside: further values that the axis has to show.
    """
    confirmed = confirmed_metric(metric)
    mean = f"{confirmed}_mean"
    values = pd.DataFrame({confirmed: [*networks[mean], *beside]}, dtype="float64")
    return axis_of(confirmed, values)._replace(metric=mean)


def mean_hovers(networks: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """The description of each network, followed by its means with their spread. metrics: of the search."""
    confirmed = [confirmed_metric(metric) for metric in metrics]
    texts = []
    for text, row in zip(hover_texts(networks, []), networks.to_dict("records"), strict=True):
        seeds = f"{row['seeds']} seed{'s' if row['seeds'] > 1 else ''}"
        lines = [f"{metric_of(name).heading} {_spread(name, row)}, {seeds}" for name in confirmed]
        texts.append("<br>".join([text, *lines]))
    return texts


def _spread(name: str, row: dict[Any, Any]) -> str:
    mean, deviation = value_text(name, row[f"{name}_mean"]), row[f"{name}_std"]
    return mean if math.isnan(deviation) else f"{mean} ± {value_text(name, deviation)}"
