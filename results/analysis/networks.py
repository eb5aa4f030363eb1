"""Networks in a few words, and which of them are known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from xoresnet.description.arch import BASELINES

__all__ = ["DESCRIBED", "FAMILIES", "Baseline", "baseline_of", "describe", "described_fields", "network_name"]

DESCRIBED = ("block", "depth", "width", "timesteps", "merge", "xor", "neuron.kind")
"""The parameters that `describe` tells."""
_BASELINE = re.compile(f"({'|'.join(map(re.escape, BASELINES))})([0-9]+)")


def describe(trials: pd.DataFrame) -> list[str]:
    """The network of each trial in a few words: `depth 14 width 16 T=4 or/oa/add xor middle`."""
    return list(map(_words, described_fields(trials)))


def network_name(row: pd.Series[Any]) -> str:
    """One network in a sentence: `#12 (depth 8 width 16 T=2 or)`, `sew-resnet8 (#3)`, or its id without a trial."""
    number = "" if pd.isna(row["trial_id"]) else f"#{row['trial_id']}"
    if baseline_of(row["source"]):
        return f"{row['source']} ({number})" if number else str(row["source"])
    return f"{number or row['arch_id']} ({describe(row.to_frame().T)[0]})"


def described_fields(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """The described parameters of each trial, without missing ones."""
    known = [name for name in DESCRIBED if f"config.{name}" in trials]
    rows = trials[[f"config.{name}" for name in known]].set_axis(known, axis=1).to_dict("records")
    return [{str(name): value for name, value in row.items() if not pd.isna(value)} for row in rows]


class Baseline(NamedTuple):
    """A known network."""

    family: str
    """As papers write it: `SEW-ResNet`."""
    depth: int

    def __str__(self) -> str:
        return f"{self.family}-{self.depth}"


def baseline_of(source: object) -> Baseline | None:
    """The baseline that a trial was: `XOResNet-14` for the source `xoresnet14`; None for other sources."""
    match = _BASELINE.fullmatch(source) if isinstance(source, str) else None
    return Baseline(_written(match[1]), int(match[2])) if match else None


def _written(family: str) -> str:
    """`SEW-ResNet` for `sew-resnet`."""
    if family == "xoresnet":
        return "XOResNet"
    kind = family.removesuffix("-resnet")
    return f"{kind.capitalize() if len(kind) > 3 else kind.upper()}-ResNet"


FAMILIES = tuple(map(_written, BASELINES))
"""The families of known networks."""


def _words(fields: Mapping[str, Any]) -> str:
    words = [str(fields["block"])] if fields.get("block", "basic") != "basic" else []
    words += [f"{name} {fields[name]}" for name in ("depth", "width") if name in fields]
    words += [f"T={fields['timesteps']}"] if "timesteps" in fields else []
    words += [str(fields["merge"])] if "merge" in fields else []
    words += [f"xor {fields['xor']}"] if fields.get("xor", "none") != "none" else []
    words += [str(fields["neuron.kind"])] if fields.get("neuron.kind", "lif") != "lif" else []
    return " ".join(words)
