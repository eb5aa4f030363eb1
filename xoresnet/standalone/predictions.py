"""`Predictions`: what a model says of images, readable on a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xoresnet.plain_text import visible

if TYPE_CHECKING:  # models load without pandas
    import pandas as pd

__all__ = ["Predictions"]

_SHOWN = 10
"""Rows at most, of a table that is printed."""


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """One row for each image, in the order in which they were given."""

    names: tuple[str, ...]
    """The paths of files; for other images their number, from 0."""
    classes: tuple[str, ...]
    """The names of all classes, in the order of the columns of `probabilities`."""
    probabilities: NDArray[np.float32]
    """[N, classes]: the softmax of the logits. The rows add up to 1, but nobody has calibrated them."""
    spikes: NDArray[np.float32] | None = None
    """[N]: spikes that the network emitted for each image; None for a model that does not count them."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """[N]: the most probable class of each image, as its place in `classes`; the first one of a tie."""
        return np.asarray(self.probabilities.argmax(1), dtype=np.int64)

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of the most probable class of each image."""
        return tuple(self.classes[index] for index in self.indices)

    def top(self, number: int = 5) -> list[list[tuple[str, float]]]:
        """For each image its most probable classes with their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :number]
        return [
            [(self.classes[place], float(row[place])) for place in places]
            for row, places in zip(self.probabilities, order, strict=True)
        ]

    def frame(self) -> pd.DataFrame:
        """A frame with the columns `image`, `label`, `probability`, and `spikes` if they were counted."""
        import pandas as pd

        columns: dict[str, Any] = {"image": self.names, "label": self.labels, "probability": self.probabilities.max(1)}
        return pd.DataFrame(columns if self.spikes is None else {**columns, "spikes": self.spikes})

    def __len__(self) -> int:
        return len(self.names)

    def as_text(self) -> str:
        """A table of all images, one line each."""
        return self._text(len(self))

    def __repr__(self) -> str:
        return "\n".join([self._text(_SHOWN), *self._rest])

    def _text(self, most: int) -> str:
        rows = [self._headings, *islice(self._rows(), most)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(map(str.rstrip, lines))

    def _repr_html_(self) -> str:
        head, *rows = (
            "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
            for tag, row in [("th", self._headings), *(("td", row) for row in islice(self._rows(), _SHOWN))]
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        rest = "".join(f"<p>{escape(line)}</p>" for line in self._rest)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    @property
    def _headings(self) -> Sequence[str]:
        return ("image", "label", "probability", *(() if self.spikes is None else ("spikes",)))

    def _rows(self) -> Iterator[Sequence[str]]:
        best = self.probabilities.max(1) if len(self) else []
        for place, (name, label, chance) in enumerate(zip(self.names, self.labels, best, strict=True)):
            spikes = () if self.spikes is None else (f"{self.spikes[place]:,.0f}",)
            yield visible(name), visible(label), f"{100 * chance:.1f} %", *spikes

    @property
    def _rest(self) -> list[str]:
        more = len(self) - _SHOWN
        return [f"and {more:,} more"] if more > 0 else []
