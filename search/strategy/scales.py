"""The scales on which objectives are modelled and on which fronts are measured; everything is minimised.

Shares (accuracies) are modelled as log-odds and measured as they are; amounts (spikes) are modelled and measured in
decades; anything else is left as it is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]

from xoresnet.measures.metrics import metric_of
from xoresnet.search.strategy.dead import Chance
from xoresnet.search.strategy.progress import Array, Progress

__all__ = ["Kind", "Scales", "kind_of"]

Kind = Literal["share", "percent", "amount", "plain"]
_LEAST = 1e-3
"""Shares are kept at least this far from 0 and 1, where log-odds are infinite."""
_PRIOR = {"share": 0.15**2, "percent": 0.15**2, "amount": 0.01**2}
"""How much the outcome of one training varies, as a variance on the modelled scale."""
_SLACK = {"share": 0.003, "percent": 0.003, "amount": 0.01}
"""By how much a point must pass the front to count, on the measured scale: 0.3 points of accuracy, 0.01 decades."""


def kind_of(metric: str | None, values: Array) -> Kind:
    """The kind of an objective, by the name of a known metric, or else by its values, `[reports]`."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    is_share = metric is not None and metric_of(metric).share
    if is_share and low >= 0 and high <= 1:
        return "share"
    if is_share and low >= 0 and high <= 100:
        return "percent"
    if metric is not None and metric_of(metric).log and low >= 0:
        return "amount"
    if low > 0 and high > 10 * low and high > 1:
        return "amount"
    return "share" if low >= 0 and high <= 1 and not is_share else "plain"


_COUNTS = 10.0
"""Amounts whose median is at least this are counts, of which 0 and 1 are as good as equal."""


class Scales(NamedTuple):
    """The scale of each objective."""

    kinds: tuple[Kind, ...]
    signs: Array
    """`[m]`: -1 for objectives that are maximised."""
    spans: Array
    """`[m]`: the range of the reports, which gives a plain objective its unit."""
    floors: Array
    """`[m]`: what amounts are raised to, because decades of zero are infinite."""

    def losses(self, values: Array) -> Array:
        """Values `[..., m]` on the modelled scale."""
        columns = []
        for place, kind in enumerate(self.kinds):
            column = values[..., place]
            if kind == "amount":
                column = np.log10(np.maximum(column, self.floors[place]))
            elif kind != "plain":
                share = column / 100 if kind == "percent" else column
                column = logit(np.clip(share, _LEAST, 1 - _LEAST))
            columns.append(self.signs[place] * column)
        return np.stack(columns, axis=-1)

    def measured(self, losses: Array) -> Array:
        """Losses `[..., m]` on the scale of the front, where shares are linear."""
        columns = []
        for place, kind in enumerate(self.kinds):
            column, sign = losses[..., place], self.signs[place]
            columns.append(sign * expit(sign * column) if kind in ("share", "percent") else column)
        return np.stack(columns, axis=-1)

    @classmethod
    def of(cls, progress: Progress) -> Scales:
        """The scales for what a study's networks have reported."""
        values = progress.values.reshape(-1, len(progress.signs))
        names = progress.metrics or (None,) * values.shape[1]
        kinds = tuple(kind_of(name, values[:, place]) for place, name in enumerate(names))
        spans = np.array([_span(column) for column in values.T])
        return cls(kinds, progress.signs, spans, np.array([_floor(column) for column in values.T]))

    def unit(self, chance: Chance | None) -> float:
        """100 if the accuracy is in percents."""
        return 100.0 if chance is not None and self.kinds[chance.place] == "percent" else 1.0

    @property
    def priors(self) -> Array:
        """`[m]`: how much the outcome of a training varies, as a variance on the modelled scale."""
        return np.array(
            [_PRIOR.get(kind, (0.02 * span) ** 2) or 1e-12 for kind, span in zip(self.kinds, self.spans, strict=True)]
        )

    @property
    def slack(self) -> Array:
        """`[m]`: by how much a point must pass the front to count, on the measured scale."""
        return np.array([_SLACK.get(kind, 0.003 * span) for kind, span in zip(self.kinds, self.spans, strict=True)])


def _span(column: Array) -> float:
    finite = column[np.isfinite(column)]
    return float(np.ptp(finite)) if len(finite) else 0.0


def _floor(column: Array) -> float:
    """1 for counts; the smallest amount above zero for small ones."""
    above = column[np.isfinite(column) & (column > 0)]
    return 1.0 if not len(above) or np.median(above) >= _COUNTS else float(above.min())
