"""Trials as text: the network in a few words, its source, and everything for a hover text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from xoresnet.description.arch import BASELINES
from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import value_text
from xoresnet.results.tables.parameters import labels, parameter_columns

__all__ = ["STATE_NAMES", "baseline_parts", "describe", "hover_texts", "varying_parameters"]

STATE_NAMES = {
    "COMPLETE": "complete",
    "PAUSED": "paused",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "unfinished",
}
_BASELINE = re.compile(f"({'|'.join(map(re.escape, BASELINES))})([0-9]+)")
_DESCRIBED = ("block", "depth", "width", "timesteps", "merge", "xor", "neuron.kind")
_MOST_LINES = 8
"""Lines of a hover text for parameters that `describe` leaves out."""


def describe(trials: pd.DataFrame) -> list[str]:
    """The network of each trial in a few words: `depth 14 width 16 T=4 or/oa/add xor middle`."""
    known = [name for name in _DESCRIBED if f"config.{name}" in trials]
    rows = trials[[f"config.{name}" for name in known]].set_axis(known, axis=1).to_dict("records")
    return [_words({str(name): value for name, value in row.items() if not pd.isna(value)}) for row in rows]


def hover_texts(trials: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Id, metrics and configuration of each trial as plotly shows them: lines joined by `<br>`, texts escaped."""
    extra = {name: column for name, column in varying_parameters(trials).items() if name not in _DESCRIBED}
    shown = list(extra.items())[:_MOST_LINES]
    texts = []
    for row, network in zip(trials.to_dict("records"), describe(trials), strict=True):
        number = "" if pd.isna(row["trial_id"]) else f"#{row['trial_id']}  "
        lines = [f"<b>{number}{escape(str(row.get('arch_id', '')))}</b>"]
        lines += [f"{escape(metric_of(metric).heading)} {value_text(metric, row[metric])}" for metric in metrics]
        lines += [escape(part) for part in _wrapped(network)]
        lines += [f"{escape(name)} {escape(_text(row[column]))}" for name, column in shown if not pd.isna(row[column])]
        source = row.get("source")
        lines += [] if source is None or pd.isna(source) else [f"from {escape(_short(str(source)))}"]
        texts.append("<br>".join(lines))
    return texts


def varying_parameters(trials: pd.DataFrame) -> dict[str, str]:
    """The `config.*` columns, by parameter, whose values differ between trials; missing counts as a value."""
    return {
        name: column
        for name, column in parameter_columns(trials).items()
        if labels(trials[column]).nunique(dropna=False) > 1
    }


def baseline_parts(source: object) -> tuple[str, int] | None:
    """Family and depth of a baseline: `("xoresnet", 14)` for `xoresnet14`; None for other sources."""
    match = _BASELINE.fullmatch(source) if isinstance(source, str) else None
    return (match[1], int(match[2])) if match else None


def _words(fields: Mapping[str, Any]) -> str:
    words = [str(fields["block"])] if fields.get("block", "basic") != "basic" else []
    words += [f"{name} {fields[name]}" for name in ("depth", "width") if name in fields]
    words += [f"T={fields['timesteps']}"] if "timesteps" in fields else []
    words += [str(fields["merge"])] if "merge" in fields else []
    words += [f"xor {fields['xor']}"] if fields.get("xor", "none") != "none" else []
    words += [str(fields["neuron.kind"])] if fields.get("neuron.kind", "lif") != "lif" else []
    return " ".join(words)


def _wrapped(text: str, width: int = 44) -> list[str]:
    """Lines of at most `width` characters, broken at blanks, so that hover texts fit on a phone."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [line for line in lines if line]


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _short(str(value))


def _short(text: str, most: int = 48) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
