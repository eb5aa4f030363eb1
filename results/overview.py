"""A run in a few lines: what notebooks and the prompt show of it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import Metric, metric_of
from xoresnet.plain_text import cut, visible
from xoresnet.results.analysis.leaderboard import leaderboard
from xoresnet.results.analysis.leading import Leading, leading, leading_knee
from xoresnet.results.analysis.networks import describe
from xoresnet.results.figures.kit.axes import value_text
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.spending import progress_text

__all__ = ["overview_html", "overview_text"]

_ROWS = 5
_MOST_COLUMNS = 12
_LONGEST = 200
"""Characters of a text that a user wrote."""


def overview_text(run: RunTables) -> str:
    """Name, progress, front, knee and extremes of a run, a line each; control characters are escaped."""
    return "\n".join(f"{name}: {text}" if name else text for name, text in _lines(run))


def overview_html(run: RunTables) -> str:
    """The same as HTML, with the first rows of the leaderboard; texts of users are escaped."""
    lines = list(_lines(run))
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in lines[1:]
    )
    table = leaderboard(run, _ROWS)
    texts = table.select_dtypes(["object", "str"]).columns
    table = table.assign(**{name: table[name].map(_plain, na_action="ignore") for name in texts})
    below = table.iloc[:, :_MOST_COLUMNS].to_html(border=0, na_rep="", escape=True) if len(table) else ""
    return f"<div><p><strong>{escape(lines[0][1])}</strong></p><table>{rows}</table>{below}</div>"


def _lines(run: RunTables) -> Iterator[tuple[str, str]]:
    on = f" on {_plain(run.data_name)}" if run.data_name else ""
    yield "", f"Run {_plain(run.name)}: a search{on}"
    yield (
        "objectives",
        ", ".join(f"{metric_of(name).label} ({direction})" for name, direction in run.objectives.items()),
    )
    yield "trials", progress_text(run) or "none has started yet"
    lead = leading(run)
    if lead.front.empty:
        yield "front", "empty, no trial is complete yet"
        return
    yield "front", f"{len(lead.front):,} network{'s' if len(lead.front) > 1 else ''}{_origin(lead)}"
    yield "knee", _network(leading_knee(run, lead), lead)
    for metric, direction in lead.objectives.items():
        values = lead.front[metric].astype("float64").to_numpy()
        row = lead.front.iloc[int(values.argmax() if direction == "max" else values.argmin())]
        yield f"{'highest' if direction == 'max' else 'lowest'} {_measure(metric).heading}", _network(row, lead)


def _origin(lead: Leading) -> str:
    """Which figures these are."""
    if lead.is_confirmed:
        return ", means of confirmed trainings on the test set"
    some = f"; {lead.covered} of {lead.total} confirmed" if lead.covered else "; none confirmed"
    return f", single trainings measured on the validation images, which is optimistic{some}"


def _network(row: pd.Series[Any], lead: Leading) -> str:
    """`trial 50, 97.21 % accuracy, 369 spikes: ResNet-8, width 16, ...`."""
    name = _plain(row["source"]) if pd.isna(row["trial_id"]) else f"trial {row['trial_id']}"
    measures = {metric: _measure(metric) for metric in lead.objectives}
    figures = (f"{measure.heading} {value_text(measure.name, row[metric])}" for metric, measure in measures.items())
    (network,) = describe(row.to_frame().T)
    return f"{name}, {', '.join(figures)}: {_plain(network)}"


def _measure(metric: str) -> Metric:
    """The metric of a leading column."""
    return metric_of(metric.removesuffix("_mean"))


def _plain(text: object) -> str:
    return cut(visible(str(text)).replace("\n", " "), _LONGEST)
