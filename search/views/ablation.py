"""What an ablation came to, as tables on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.search.views.network_table import NetworkTable

__all__ = ["READING", "effect_text", "effects_table", "p_text"]

READING = (
    "Each row: what the change does to the means over seeds, with its 95 % interval (Student's, paired by seed, for "
    "this comparison alone). p: paired t-test, adjusted for all comparisons of a metric in this table (Holm)."
)
"""How to read the tables."""
_TIMES = "\u00d7"


def effects_table(effects: pd.DataFrame, metrics: Sequence[str], *, several_references: bool) -> NetworkTable:
    """One row for each change, with its effect on each metric.

    effects: rows of `paired_effects`, of one unchanged network or pooled. several_references: whether the value that a
    change is compared with is to be named.
    """
    names = ["change", *(name for metric in metrics for name in (metric, "p")), "seeds"]
    cells = []
    for (field, value), rows in effects.groupby(["field", "value"], sort=False):
        by_metric = rows.set_index("metric")
        against = f" (not {rows['reference'].iloc[0]})" if several_references else ""
        figures = [text for metric in metrics for text in _figures(by_metric, metric)]
        counts = by_metric.loc[metrics[0]]
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        cells.append([f"{field}={value}{against}", *figures, f"{counts['seeds']}{failed}"])
    return NetworkTable("", names, cells, [*metrics, "p"])


def _figures(by_metric: pd.DataFrame, metric: str) -> Iterator[str]:
    row = by_metric.loc[metric]
    yield effect_text(metric, row)
    yield p_text(float(row["p_value_holm"]))  # type: ignore[arg-type]


def effect_text(metric: str, row: Any) -> str:
    """An effect with its interval; shares are in percentage points.

    row: with `effect`, `low`, `high` and `scale`.

    >>> row = {"scale": "difference", "effect": -0.0123, "low": -0.0201, "high": -0.0045}
    >>> effect_text("test_accuracy", row), effect_text("test_accuracy", row | {"low": math.nan, "high": math.nan})
    ('-1.23 [-2.01, -0.45]', '-1.23')
    >>> effect_text("test_spikes_per_sample", {"scale": "ratio", "effect": 1.32, "low": 1.25, "high": 1.4})
    '×1.32 [1.25, 1.4]'
    """
    is_ratio, share = row["scale"] == "ratio", metric_of(metric).share

    def text(value: float) -> str:
        if is_ratio:
            return f"{value:.3g}"
        return f"{100 * value:+.2f}" if share else f"{value:+.3g}"

    if math.isnan(row["effect"]):
        return ""
    interval = "" if math.isnan(row["low"]) else f" [{text(row['low'])}, {text(row['high'])}]"
    return f"{_TIMES if is_ratio else ''}{text(row['effect'])}{interval}"


def p_text(value: float) -> str:
    """A p-value in two digits; empty if it is not known.

    >>> p_text(0.0312), p_text(0.00004), p_text(1.0), p_text(math.nan)
    ('0.031', '<0.001', '1', '')
    """
    if math.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.2g}"
