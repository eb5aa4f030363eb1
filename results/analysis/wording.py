"""What a sentence about a run is made of: numbers with their intervals, as text and as values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from xoresnet.measures.metrics import Metric, metric_of
from xoresnet.results.analysis.intervals import NONE, Interval

__all__ = ["Finding", "Number", "joined"]

Scale = Literal["value", "difference", "ratio", "deviation", "count"]


_LEVEL = 0.05
"""The p-value from which a difference counts as chance."""


@dataclass(frozen=True)
class Number:
    """One number of a sentence."""

    metric: str
    """The column that it is about."""
    estimate: float
    interval: Interval = NONE
    """At 95 %."""
    count: int | None = None
    """How many seeds, pairs, networks or images it comes from; None for a single measurement."""
    scale: Scale = "value"
    """A value of the metric, a difference or a ratio of two, a standard deviation, or a number of networks."""
    p_value: float = math.nan
    """Of no effect, adjusted for all comparisons that were made with it; NaN where there is none."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes "no effect", and the adjusted p-value, where there is one, does so too."""
        return self._excludes_no_effect and not self.p_value >= _LEVEL

    @property
    def is_doubtful(self) -> bool:
        """Whether it looks clear by itself, and not among all comparisons that were made."""
        return self._excludes_no_effect and self.p_value >= _LEVEL

    @property
    def _excludes_no_effect(self) -> bool:
        """Whether the interval of a difference excludes 0, or that of a ratio 1; False without an interval."""
        low, high = self.interval
        return low > 1 or high < 1 if self.scale == "ratio" else low > 0 or high < 0

    @property
    def text(self) -> str:
        """The number with its interval and unit: `97.20 % [95.10, 98.40]`, `+1.20 [+0.30, +2.10] points`."""
        known = metric_of(self.metric)
        points = " points" if known.share else f" {known.unit}".rstrip()
        match self.scale:
            case "difference":
                return self._with_bounds(lambda value: _plain(known, value, sign="+")) + points
            case "ratio":
                near = any(abs(value - 1) < 0.1 for value in (self.estimate, *self.interval))
                return self._with_bounds(lambda value: f"{value:.{2 + near}f}")
            case "deviation":
                return _plain(known, self.estimate) + points
            case "count":
                return f"{self.estimate:,.0f}"
        if known.share:
            return self._with_bounds(lambda value: f"{100 * value:.2f}", " %")
        return self._with_bounds(known.text)

    def _with_bounds(self, text: Callable[[float], str], unit: str = "") -> str:
        low, high = self.interval
        bounds = "" if math.isnan(low) else f" [{text(low)}, {text(high)}]"
        return f"{text(self.estimate)}{unit}{bounds}"


class Finding(NamedTuple):
    """One sentence about a run with its numbers."""

    kind: Literal["warning", "best", "budget", "trust", "known", "effect", "energy", "note"]
    subject: str
    """What it is about: `accuracy`, `at most 2,000 spikes`, `merge`, `known networks`, ..."""
    sentence: str
    """Plain text, in which the texts of all its numbers stand."""
    numbers: tuple[Number, ...]
    figure: str
    """The figure of the report that shows it; the anchor of its section in the page."""
    command: str = ""
    """The command that would tell more; empty if there is none."""


def joined(words: list[str], last: str = "and") -> str:
    """Words as a list in a sentence.

    >>> joined(["merge"]), joined(["merge", "xor"]), joined(["merge", "xor", "depth"], "or")
    ('merge', 'merge and xor', 'merge, xor or depth')
    """
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def _plain(metric: Metric, value: float, sign: str = "") -> str:
    """Shares in points. Values that round to zero have no minus."""
    return f"{100 * value:{sign}z.2f}" if metric.share else f"{value:{sign}.4g}"
