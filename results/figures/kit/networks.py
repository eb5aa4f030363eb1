"""Trials as text: the network in a few words, its source, and everything for a hover text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.networks import DESCRIBED, described_fields
from xoresnet.results.figures.kit.axes import value_text
from xoresnet.results.tables.parameters import varying_parameters

__all__ = ["hover_texts", "parameter_name", "short_names", "value_name"]

_PARAMETERS = {"depth": "ResNet depth", "timesteps": "time steps (T)"}
_VALUES = {"depth": "ResNet-{}", "timesteps": "T={}", "width": "width {}"}
_MOST_LINES = 8
"""Lines of a hover text for parameters that `describe` leaves out."""


def _resnet(fields: Mapping[str, Any]) -> str:
    """`ResNet-14`, as networks of this block and depth are called."""
    return f"ResNet-{fields['depth']}"


def parameter_name(parameter: str) -> str:
    """A parameter as the heading of its values: `time steps (T)`."""
    return _PARAMETERS.get(parameter, parameter)


def value_name(parameter: str, value: object) -> str:
    """A value that says what it is, without a heading: `ResNet-14`, `T=4`, `width 16`, `merge: or`.

    >>> value_name("timesteps", 4), value_name("merge", "or")
    ('T=4', 'merge: or')
    """
    return _VALUES.get(parameter, f"{parameter}: {{}}").replace("{}", _short(str(value), 20))


def short_names(trials: pd.DataFrame) -> list[str]:
    """The network of each trial for the side of a figure: `ResNet-14 T=4 or/oa/add`."""
    return [
        " ".join(
            [
                *([_resnet(fields)] if "depth" in fields else []),
                *([f"T={fields['timesteps']}"] if "timesteps" in fields else []),
                *([_short(str(fields["merge"]), 16)] if "merge" in fields else []),
            ]
        )
        for fields in described_fields(trials)
    ]


def _lines(fields: Mapping[str, Any]) -> list[str]:
    """The network in lines that say what each value is."""
    block = fields.get("block", "basic")
    size = [_resnet(fields) + ("" if block == "basic" else f" ({block})")] if "depth" in fields else []
    size += [f"width {fields['width']}"] if "width" in fields else []
    size += [f"T={fields['timesteps']}"] if "timesteps" in fields else []
    size += [f"neuron: {fields['neuron.kind']}"] if fields.get("neuron.kind", "lif") != "lif" else []
    return [", ".join(size), *(f"{name}: {fields[name]}" for name in ("merge", "xor") if name in fields)]


def hover_texts(trials: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Id, metrics and configuration of each trial as plotly shows them: lines joined by `<br>`, texts escaped."""
    extra = {name: column for name, column in varying_parameters(trials).items() if name not in DESCRIBED}
    shown = list(extra.items())[:_MOST_LINES]
    texts = []
    for row, network in zip(trials.to_dict("records"), map(_lines, described_fields(trials)), strict=True):
        number = "" if pd.isna(row["trial_id"]) else f"#{row['trial_id']}  "
        lines = [f"<b>{number}{escape(str(row.get('arch_id', '')))}</b>"]
        lines += [f"{escape(metric_of(metric).heading)} {value_text(metric, row[metric])}" for metric in metrics]
        lines += [escape(part) for line in network for part in _wrapped(line)]
        lines += [f"{escape(name)} {escape(_text(row[column]))}" for name, column in shown if not pd.isna(row[column])]
        source = row.get("source")
        lines += [] if source is None or pd.isna(source) else [f"from {escape(_short(str(source)))}"]
        texts.append("<br>".join(lines))
    return texts


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
